"""What is installed: pyproject.toml says it, and the requirements files agree."""

import re
import runpy
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GROUPS = PROJECT["optional-dependencies"]


def without_this_project(lines):
    return {line for line in lines if not line.startswith(PROJECT["name"])}


def lines(path):
    return {line for line in (ROOT / path).read_text().splitlines() if line and line[0] not in "#-"}


def test_requirements_txt_has_the_base_and_the_groups_that_the_apps_and_training_need():
    groups = (GROUPS[name] for name in ("train", "demo", "streamlit"))
    assert lines("requirements.txt") == set(PROJECT["dependencies"]).union(*groups)


def test_the_streamlit_page_has_requirements_of_its_own():
    assert lines("requirements-streamlit.txt") == {*PROJECT["dependencies"], *GROUPS["streamlit"]}


@pytest.mark.parametrize("group", ["demo", "streamlit"])
def test_a_page_needs_no_torch(group):
    names = {Requirement(line).name for line in [*PROJECT["dependencies"], *GROUPS[group]]}
    assert not names & {"torch", "torchvision", "timm", "transformers", "onnx"}


@pytest.mark.parametrize(
    ("path", "group"),
    [("tests/requirements.txt", "test"), ("benchmarks/requirements.txt", "benchmarks")],
)
def test_the_requirements_of_tests_and_benchmarks_are_those_of_their_groups(path, group):
    assert lines(path) == without_this_project(GROUPS[group])
    assert "-r ../requirements.txt" in (ROOT / path).read_text()


def test_a_package_has_the_same_range_wherever_it_is_named():
    ranges = {}
    for line in [*PROJECT["dependencies"], *(line for group in GROUPS.values() for line in group)]:
        requirement = Requirement(line)
        ranges.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: some for name, some in ranges.items() if len(some) > 1} == {}


def pinned():
    """Return the version of each package of requirements.lock, by name."""
    pattern = re.compile(r"([a-z0-9-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
    matches = [pattern.fullmatch(line) for line in sorted(lines("requirements.lock"))]
    return {match[1]: match[2] for match in matches}


def test_the_lock_pins_a_version_in_the_range_of_every_requirement():
    versions = pinned()
    for line in lines("requirements.txt"):
        requirement = Requirement(line)
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, line


def test_the_lock_pins_what_its_packages_need():
    versions = pinned()
    for name, version in versions.items():
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform
        if package.version != version:
            continue
        for line in package.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert versions[canonicalize_name(needed.name)] in needed.specifier, (name, line)


def test_the_licence_of_every_pinned_package_is_listed():
    rows = re.findall(
        r"^\| ([a-z0-9-]+) \| (\d\S*) \| (.+) \|$", (ROOT / "docs/licences.md").read_text(), re.M
    )
    assert {name: version for name, version, _ in rows} == pinned()
    assert all(licence != "not installed here" for _, _, licence in rows)


def test_serving_needs_no_torch():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert names.isdisjoint(
        {"torch", "timm", "torchvision", "transformers", "datasets", "gradio", "streamlit"}
    )


def test_a_lock_that_cannot_be_resolved_stays_as_it_is_and_says_so(monkeypatch, capsys):
    program = runpy.run_path(str(ROOT / "docs" / "dependencies.py"))
    monkeypatch.setattr("sys.executable", "/bin/false")
    before = program["LOCK"].read_bytes()
    with pytest.raises(SystemExit) as ended:
        program["main"](["--lock"])
    assert ended.value.code == 2 and capsys.readouterr().err.count("\n") == 1
    assert program["LOCK"].read_bytes() == before
