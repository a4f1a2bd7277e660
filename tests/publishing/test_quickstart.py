"""docs/quickstart.ipynb runs from its first cell to its last, against a Hub on loopback."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = json.loads((ROOT / "docs" / "quickstart.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
# What IPython makes of a cell that begins with "!", here with a failure that stops.
SHELL = "import subprocess; subprocess.run({command}, shell=True, check=True)"


def plain(cell):
    """Return a cell as Python that prints its last line, as a notebook shows it."""
    if cell.startswith("!"):
        return SHELL.format(command="f" + repr(cell[1:]))
    *lines, last = cell.splitlines()
    try:
        return "\n".join([*lines, f"print({compile(last, '', 'eval') and last})"])
    except SyntaxError:
        return cell


def test_it_has_about_ten_cells_that_python_reads_and_none_was_run():
    assert 8 <= len(CODE) <= 12
    for cell in CODE:
        compile(plain(cell), "cell", "exec")
        assert not cell.startswith("!python"), "the notebook's own Python has what it needs"
    assert all(not cell.get("outputs") for cell in NOTEBOOK["cells"])


@pytest.mark.slow  # it trains
def test_it_goes_from_images_to_a_model_on_the_hub(hub, run, tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("hub", "train.py", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = tmp_path / "quickstart.py"
    script.write_text("\n".join(map(plain, CODE)))
    # A kernel need not be of an environment that was activated: `python` is another one, or none.
    code, out, err = run(script, cwd=tmp_path / "docs", PATH="/usr/bin:/bin")
    assert code == 0, err
    assert "test split of synthetic" in out and out.strip().endswith("True")
    assert hub.repos["model", "someone/quickstart"].private
