"""The code in a published model: `Classifier` for pip, a handler for endpoints."""

import shutil
from importlib.metadata import requires
from pathlib import Path
from tomllib import loads

from hub.files import write_text
from hub.version import NAME, VERSION

PACKAGE = Path(__file__).parents[1]
PROJECT = PACKAGE.parent / "pyproject.toml"
WINGS = ("imaging", "models", "inference")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.safetensors")  # the synthetic images
PYPROJECT = """\
# `Classifier` of {name}, without the commands and the pages: pip install "git+https://huggingface.co/{source}"
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"
description = "Classifier of the model {repo_id}"
requires-python = ">=3.11"
license = "Apache-2.0"
dependencies = [
{dependencies}
]

[tool.setuptools.packages.find]
include = ["hub", "hub.*"]
namespaces = false

[tool.setuptools.package-data]
"hub.models" = ["*.md"]
"""


def write_serving_code(folder: Path, repo_id: str, tag: str | None = None) -> None:
    """Write handler.py, requirements.txt, pyproject.toml and `hub/`.

    `hub/` has the wings of `Classifier` alone.
    """
    shutil.copy(Path(__file__).with_name("handler.py"), folder / "handler.py")
    (folder / "hub").mkdir()
    for module in PACKAGE.glob("*.py"):
        if module.name not in ("__main__.py", "architectures.py"):  # doors to what is not here
            shutil.copy(module, folder / "hub")
    for wing in WINGS:
        shutil.copytree(PACKAGE / wing, folder / "hub" / wing, ignore=LEFT_OUT)
    needed = requirements()
    write_text(folder / "requirements.txt", "\n".join(needed) + "\n")
    dependencies = "\n".join(f'    "{line}",' for line in needed)
    source = f"{repo_id}@{tag}" if tag else repo_id
    text = PYPROJECT.format(
        name=NAME, version=VERSION, repo_id=repo_id, source=source, dependencies=dependencies
    )
    write_text(folder / "pyproject.toml", text)


def requirements() -> list[str]:
    """Return what `Classifier` needs, for pip.

    It is the base of pyproject.toml, or of the installed package.
    """
    if PROJECT.is_file():
        return sorted(loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"])
    return sorted(line for line in requires(NAME) or [] if "extra ==" not in line)
