"""A Gradio Space: app.py, the wings it needs, and the Hub id of its model."""

import shutil
import tomllib
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import SpaceCard

from hub.errors import InputError
from hub.files import write_text

ROOT = Path(__file__).parents[2]
# What app.py needs. None of them imports another wing: tests/test_layout.py checks it.
WINGS = ("imaging", "models", "inference", "explorer", "demo")
PAGE = ROOT / "hub" / "page" / "built"  # what `python -m hub page` has built, if anything
NEEDED = ("README.md", "app.py", "pyproject.toml", "LICENSE")


def write_space(folder: Path, model_id: str, radiograph: bool = True) -> None:
    """Write the demo of the Hub model `model_id` into `folder`.

    The Space's variable MODEL may name another model later. Raises InputError outside a clone of the repo.
    """
    missing = [name for name in NEEDED if not (ROOT / name).is_file()]
    if missing:
        raise InputError(f"There is no {missing[0]} in {ROOT}; publish a Space from a clone of the repo.")
    for name in ("app.py", "LICENSE"):
        _copy(ROOT / name, folder)
    for module in (ROOT / "hub").glob("*.py"):
        if module.name != "__main__.py":  # the door of the wing cli, which stays behind
            _copy(module, folder)
    for wing in WINGS:
        _copy(ROOT / "hub" / wing, folder)
    if PAGE.is_dir():
        _copy(PAGE, folder)  # the app serves it where it is of the same model
    write_text(folder / "hub" / "demo" / "model.txt", f"{model_id}\n")
    write_text(folder / "requirements.txt", "\n".join(requirements()) + "\n")
    _card(model_id, radiograph).save(folder / "README.md")


def _copy(path: Path, folder: Path) -> None:
    """Copy a file or a wing of this repo to the same place in `folder`."""
    target = folder / path.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, target)


def requirements() -> list[str]:
    """Return the requirements of the Gradio demo, for pip.

    They are the base and the group `demo` of pyproject.toml.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return sorted({*project["dependencies"], *project["optional-dependencies"]["demo"]})


def _card(model_id: str, radiograph: bool) -> SpaceCard:
    """Return the README of a Space.

    Its metadata is that of this repo's README, adapted to the model; its text is what visitors need.
    """
    card = SpaceCard.load(ROOT / "README.md")
    card.data.sdk_version = version("gradio")
    card.data.models, card.data.preload_from_hub = [model_id], [model_id]
    if not radiograph:
        card.data.title, card.data.short_description = "What is in the picture?", "A picture in, a class out"
        card.data.emoji = "🖼️"  # not the lungs
        card.data.tags, card.data.datasets = ["image-classification", "timm"], None
    card.text = (
        f"\n# {card.data.title}\n\nResearch software{', not a diagnosis' * radiograph}. What the model was "
        f"measured to do, and what it is not for: [{model_id}](https://huggingface.co/{model_id}).\n\n"
        "The Space's variable `MODEL` may name another model; a private one needs the secret `HF_TOKEN`.\n"
    )
    return card
