"""What is installed: pyproject.toml says it, and the requirements files agree."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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


def test_serving_needs_no_torch():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert names.isdisjoint(
        {"torch", "timm", "torchvision", "transformers", "datasets", "gradio", "streamlit"}
    )
