"""The walls of hub/: which wing imports which, and where torch may not be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub.publishing.space import WINGS as SPACE

ROOT = Path(__file__).parents[1]
# A wing imports from those before it, and from the modules that lie in hub/ itself.
ORDER = (
    "imaging", "data", "evaluation", "models", "inference", "scoring", "export", "training", "explorer",
    "analysis", "publishing", "demo", "page", "cli",
)  # fmt: skip
SERVING = ("imaging", "inference", "scoring", "demo")
HEAVY = {"torch", "torchvision", "timm", "transformers", "datasets", "sklearn", "scipy", "matplotlib", "onnx"}
MODULES = sorted((ROOT / "hub").rglob("*.py"))


def wing_of(module):
    parts = module.relative_to(ROOT / "hub").parts
    return parts[0] if len(parts) > 1 else ""


def imports(module, everywhere=True):
    """Return the dotted names that a module imports, those inside functions too if `everywhere`."""
    tree = ast.parse(module.read_text())
    typing = [
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    ]
    names = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if node in typing:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def imported_wings(module):
    matches = (re.match(r"hub\.(\w+)", name) for name in imports(module))
    return {match[1] for match in matches if match} & set(ORDER)


def file_of(name):
    """Return the file of a module of hub; None for anything else."""
    path = ROOT / name.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def test_the_wings_are_those_that_are_listed():
    folders = {path.parent.relative_to(ROOT / "hub").as_posix() for path in MODULES} - {"."}
    assert folders == set(ORDER)
    assert all((ROOT / "hub" / wing / "__init__.py").read_text() == "" for wing in ORDER)


@pytest.mark.parametrize("wing", ORDER)
def test_a_wing_imports_only_from_those_before_it(wing):
    allowed = set(ORDER[: ORDER.index(wing) + 1])
    wrong = {
        module.relative_to(ROOT).as_posix(): imported_wings(module) - allowed
        for module in MODULES
        if wing_of(module) == wing and imported_wings(module) - allowed
    }
    assert wrong == {}


def test_modules_that_lie_in_hub_itself_import_no_wing_but_to_pass_it_on():
    doors = {"__init__.py", "__main__.py", "architectures.py"}
    for module in MODULES:
        if wing_of(module) == "" and module.name not in doors:
            assert imported_wings(module) == set(), module.name


def test_what_serves_imports_nothing_heavy_when_it_is_loaded():
    waiting = [module for module in MODULES if wing_of(module) in SERVING]
    loaded = set()
    while waiting:
        module = waiting.pop()
        if module in loaded:
            continue
        loaded.add(module)
        names = imports(module, everywhere=False)
        assert {name.split(".")[0] for name in names} & HEAVY == set(), module.relative_to(ROOT)
        waiting += filter(None, map(file_of, names))
    assert ROOT / "hub" / "models" / "folder.py" in loaded


def test_a_space_is_whole():
    for module in MODULES:
        if wing_of(module) in SPACE:
            assert imported_wings(module) <= set(SPACE), module.relative_to(ROOT)


def test_the_classifier_is_imported_when_it_is_asked_for_and_torch_never():
    code = (
        "import sys, hub\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "from hub import Classifier, InputError\n"
        "assert issubclass(InputError, ValueError) and Classifier.__name__ == 'Classifier'\n"
        "assert 'onnxruntime' in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_nothing_else_is_in_the_front_door():
    import hub

    with pytest.raises(AttributeError, match="has no attribute 'Regressor'"):
        _ = hub.Regressor


def is_text_in_some_encoding(call):
    """Return whether a call reads or writes a file as text, in an encoding that it does not name."""
    if not isinstance(call.func, ast.Attribute) or any(word.arg == "encoding" for word in call.keywords):
        return False
    if call.func.attr == "open":
        mode = call.args[0] if call.args else ast.Constant("r")
        return isinstance(mode, ast.Constant) and "b" not in mode.value
    if call.func.attr == "read_text":
        return not call.args
    return call.func.attr == "write_text" and ast.unparse(call.func.value) != "files"


def test_files_are_in_utf8_whatever_the_terminal_has():
    others = [*ROOT.glob("*.py"), *ROOT.glob("docs/*.py"), *ROOT.glob("benchmarks/**/*.py")]
    for module in [*MODULES, *others]:
        calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
        wrong = [call.lineno for call in calls if is_text_in_some_encoding(call)]
        assert wrong == [], module.relative_to(ROOT)


@pytest.mark.parametrize("folder", ["hub", "benchmarks", "."])
def test_the_first_line_of_a_docstring_is_short_and_public_functions_have_one(folder):
    for module in sorted((ROOT / folder).glob("*.py" if folder == "." else "**/*.py")):
        tree = ast.parse(module.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node)
                public = node in tree.body and not node.name.startswith("_")
                name = f"{module.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
                assert text or not public, f"{name} has no docstring"
                first = (text or "").split("\n")[0]
                assert len(first) < 80, f"the first line of {name} is long"
