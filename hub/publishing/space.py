"""What a Gradio Space needs of this repo: app.py and what it imports, nothing more."""

import ast
import re
import shutil
from importlib.metadata import packages_distributions, version
from pathlib import Path

from huggingface_hub import SpaceCard

from hub.errors import InputError

ROOT = Path(__file__).parents[2]


def write_space(folder: Path, model_id: str, radiograph: bool = True) -> None:
    """Write the demo into `folder`, showing the Hub model `model_id` where MODEL names no other.

    Raises InputError where README.md, app.py or requirements.txt of this repo is not at hand.
    """
    missing = [name for name in ("README.md", "app.py", "requirements.txt") if not (ROOT / name).is_file()]
    if missing:
        raise InputError(f"There is no {missing[0]} in {ROOT}; publish a Space from a clone of the repo.")
    modules, packages = follow_imports(ROOT / "app.py")
    # What app.py loads only when its tab "Inside the network" is opened: torch and timm come with it.
    for kind, found in zip(
        (modules, packages), follow_imports(ROOT / "hub" / "explorer" / "inside.py"), strict=True
    ):
        kind |= found
    # synthetic.py reads synthetic.safetensors, and any other module what is called like it.
    files = [file for module in modules for file in module.parent.glob(f"{module.stem}.*")]
    for file in [*files, ROOT / "LICENSE"]:
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    app = (ROOT / "app.py").read_text()
    default = f'os.environ.setdefault("MODEL", "{model_id}")\n'
    (folder / "app.py").write_text(app.replace("\nimport gradio", f"{default}\nimport gradio", 1))
    (folder / "requirements.txt").write_text("\n".join(requirements(packages)) + "\n")
    _card(model_id, radiograph).save(folder / "README.md")


def _card(model_id: str, radiograph: bool) -> SpaceCard:
    """Return the README of this repo, with a new first block and the text that visitors need."""
    card = SpaceCard.load(ROOT / "README.md")
    card.data.sdk_version = version("gradio")
    card.data.models, card.data.preload_from_hub = [model_id], [model_id]
    if not radiograph:
        card.data.title, card.data.short_description = "What is in the picture?", "A picture in, a class out"
        card.data.tags, card.data.datasets = ["image-classification", "timm"], None
    card.text = (
        f"\n# {card.data.title}\n\nResearch software{', not a diagnosis' * radiograph}. What the model was "
        f"measured to do, and what it is not for: [{model_id}](https://huggingface.co/{model_id}).\n\n"
        "The Space's variable `MODEL` may name another model; a private one needs the secret `HF_TOKEN`.\n"
    )
    return card


def follow_imports(file: Path) -> tuple[set[Path], set[str]]:
    """Return the files of this repo that loading `file` loads, itself too, and the names of other packages.

    What functions import when they are called is left out: that is how torch stays out of serving.
    """
    files, packages, waiting = set(), set(), [file]
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        for node in ast.parse(file.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                path = ROOT / name.replace(".", "/")
                waiting += [
                    path for path in (path.with_suffix(".py"), path / "__init__.py") if path.is_file()
                ]
                packages.add(name.split(".")[0])
    return files, {name for name in packages if not (ROOT / name).is_dir()}


def requirements(packages: set[str]) -> list[str]:
    """Return the lines of requirements.txt that bring these packages."""
    providers = packages_distributions()
    wanted = {_normal(name) for package in packages for name in providers.get(package, ())}
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if _normal(re.split(r"[^\w.-]", line)[0]) in wanted]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
