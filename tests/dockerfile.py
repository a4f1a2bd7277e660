"""The steps of a Dockerfile without Docker: COPY, RUN, USER, ENV and CMD, in a folder that stands for `/`."""

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# Places of an image. Commands name them as words, which become folders below the one that stands for `/`.
PLACES = ("/src", "/venv", "/srv")
NOT_HERE = ("useradd",)  # what only a system of its own can do


@dataclass
class Image:
    """What the steps have made: the environment, the user and the command of a container."""

    root: Path
    user: int = 0
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def here(self, text: str) -> str:
        """Return a text whose places are those below `root`."""
        return re.sub(rf"(?<![\w/.])({'|'.join(PLACES)})(?![\w])", rf"{self.root}\1", text)


def steps(path: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile and their arguments."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip() and line[0] != "#"]


def build(path: Path, context: Path, root: Path) -> Image:
    """Do the steps of a Dockerfile; every stage shares one root."""
    image = Image(root)
    for name, text in steps(path):
        if name == "FROM":
            image.user, image.workdir = 0, "/"
        elif name == "COPY" and "--from=" not in text:
            *sources, target = text.split()
            for source in sources:
                _copy(context / source, Path(image.here(target)), target.endswith("/"))
        elif name == "RUN" and not text.startswith(NOT_HERE):
            subprocess.run(["sh", "-ec", image.here(text)], check=True, cwd=root)
        elif name == "ENV":
            given = dict(pair.split("=", 1) for pair in shlex.split(text))
            path_ = image.here(given.get("PATH", "")).replace("$PATH", os.environ["PATH"])
            image.environment |= given | {"PATH": path_}
        elif name == "USER":
            image.user = int(text)
        elif name == "WORKDIR":
            image.workdir = image.here(text)
        elif name == "CMD":
            image.command = json.loads(text)
        elif name == "HEALTHCHECK":
            image.health = json.loads(text[text.index("CMD ") + 4 :])
    return image


def _copy(source: Path, target: Path, into: bool) -> None:
    target = target / source.name if into else target
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def container(image: Image, tmp: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command of an image, which can write to `tmp`, and its environment.

    It runs as the image's user where that one may reach the files: root's own folders it may not.
    """
    environment = image.environment | {"HOME": str(tmp), "TMPDIR": str(tmp)}
    as_user = [
        "setpriv",
        f"--reuid={image.user}",
        f"--regid={image.user}",
        "--clear-groups",
        "--no-new-privs",
    ]
    interpreter = Path(image.root, "venv", "bin", "python3").resolve()
    others_may = all(
        folder.stat().st_mode & 1 for path in (image.root / "venv", interpreter) for folder in path.parents
    )
    return [*(as_user if os.getuid() == 0 and others_may else []), *image.command], environment
