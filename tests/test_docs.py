"""The documents: links lead somewhere, code runs, commands are accepted, numbers are those in the records."""

import argparse
import importlib
import json
import re
import runpy
import shlex
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from hub.data.leakage import format_report
from hub.models.folder import BUNDLED
from hub.text import interval, number
from hub.training.recipes import format_recipes

ROOT = Path(__file__).parents[1]
FRONT = ROOT / "README.md"
PAGES = [FRONT, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md", *ROOT.glob("docs/**/*.md")]
METRICS = json.loads((BUNDLED / "metrics.json").read_text())
MAX_FRONT_PAGE = 8192  # bytes
MAX_PICTURE = 250_000

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def without_code(page):
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """Return the names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def on_one_line(page):
    return " ".join(page.read_text().split())


def test_the_front_page_is_short():
    assert len(FRONT.read_bytes()) <= MAX_FRONT_PAGE
    assert (ROOT / ".github" / "demo.png").stat().st_size <= MAX_PICTURE


@every_page
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_page_of_the_documentation_is_in_its_index():
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name})" not in index} == set()


def test_the_front_page_and_the_guide_name_every_wing_in_order():
    wings = re.findall(r"^- `(\w+)/`:", FRONT.read_text(), re.MULTILINE)
    folders = [path.name for path in (ROOT / "hub").iterdir() if path.is_dir() and path.name[0] != "_"]
    assert sorted(wings) == sorted(folders)
    guide = re.findall(r"^\| `(\w+)/` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert [*guide, "pretrained"] == wings


def value_and_interval(metric):
    return f"{number(metric['value'], 3)} ({interval(metric, 3)})"


def percent_and_interval(metric):
    value, low, high = (f"{100 * metric[key]:.1f}" for key in ("value", "low", "high"))
    return f"{value} % ({low} to {high})"


def test_the_front_page_quotes_the_measured_accuracy():
    test, seeds = METRICS["test"], METRICS["finalists"]
    adults, lungs = METRICS["others"]["adult_chest_xray"], METRICS["heatmaps"]["PNEUMONIA"]
    probes = METRICS["data_checks"]["probe_auc"]
    quotations = [
        f"{test['n']} images of {test['patients']} patients",
        *(
            value_and_interval(test[key])
            for key in (
                "accuracy_at_balanced",
                "auc",
                "balanced_sensitivity",
                "balanced_specificity",
                "accuracy",
                "sensitivity",
                "specificity",
                "brier",
                "ece",
            )
        ),
        f"prevalence, {100 * test['prevalence']:.1f} %",
        f"On validation data it is {number(METRICS['validation']['ece']['value'], 3)}",
        *(
            f"{number(seeds['mean'][key], 3)} ± {number(seeds['deviation'][key], 3)}"
            for key in ("test_accuracy", "test_auc")
        ),
        value_and_interval(adults["auc"]),
        f"{adults['n']} radiographs of adults",
        f"outer {METRICS['data_checks']['border_px']} px reaches AUC {number(probes['border'], 3)}",
        f"brightness histogram {number(probes['histogram'], 3)}",
        *(f"{100 * lungs[key]:.0f} %" for key in ("heat_in_lungs", "area_of_lungs")),
        *(number(METRICS[split]["balanced_specificity"]["value"], 3) for split in ("validation", "test")),
    ]
    text = on_one_line(FRONT)
    assert [quotation for quotation in quotations if quotation not in text] == []


def test_the_front_page_quotes_the_measured_speed():
    from benchmarks import report

    figures = report.front_page_figures(json.loads((ROOT / "benchmarks" / "results.json").read_text()))
    text = on_one_line(FRONT)
    assert {name: figure for name, figure in figures.items() if figure not in text} == {}


def share(rows, *keys):
    """Return the number of images in `rows` of the input check, and the percentage that `keys` count."""
    count = sum(row["n"] for row in rows)
    return count, f"{100 * sum(row['n'] * sum(row[key] for key in keys) for row in rows) / count:.1f} %"


def test_the_page_on_the_input_check_quotes_what_was_measured():
    rows = METRICS["scope"]["test"]
    other = [row for name, row in rows.items() if re.match("other_|photo|cifar|mnist|drawings", name)]
    unseen = list(METRICS["scope"]["without_kind"].values())
    text = on_one_line(ROOT / "docs" / "input-check.md")
    for images in (other, unseen):
        count, refused = share(images, "refused")
        assert f"{count:,} such images {refused} are refused" in text
    assert f"{share(unseen, 'refused', 'warned')[1]} refused or warned" in text
    unchanged = [rows["as they are"]]
    assert f"{share(unchanged, 'warned')[1]} warned, {share(unchanged, 'refused')[1]} refused" in text
    assert f"AUC is {number(METRICS['others']['adult_chest_xray']['auc']['value'], 3)}" in text


def test_the_page_on_model_selection_quotes_what_was_measured():
    specificity, error = (
        [number(METRICS[split][name]["value"], digits) for split in ("validation", "test")]
        for name, digits in (("balanced_specificity", 4), ("ece", 3))
    )
    text = on_one_line(ROOT / "docs" / "model-selection.md")
    assert f"operating point is {specificity[0]}; on the test split it is {specificity[1]}." in text
    assert f"calibration error is {error[1]}, and {error[0]} on validation" in text


def test_the_page_on_related_work_quotes_what_was_measured():
    test = METRICS["test"]
    accuracy, sensitivity, specificity = (
        percent_and_interval(test[key])
        for key in ("accuracy_at_balanced", "balanced_sensitivity", "balanced_specificity")
    )
    row = f"| {accuracy} | {value_and_interval(test['auc'])} | {sensitivity} | {specificity} |"
    text = (ROOT / "docs" / "related-work.md").read_text()
    assert row in text
    loaded = json.loads((ROOT / "benchmarks" / "browser.json").read_text())["loaded"]["bytes"]
    assert f"your browser, after a download of about {loaded / 1e6:.0f} MB" in on_one_line(
        ROOT / "docs" / "related-work.md"
    )


def test_pages_repeat_the_splits_the_recipes_and_the_training_command():
    training = METRICS["training"]
    assert format_report(training["splits"]) in (ROOT / "docs" / "data.md").read_text()
    assert format_recipes() in (ROOT / "docs" / "coursework.md").read_text()
    commands = on_one_line(ROOT / "docs" / "commands.md")
    assert training["command"] in commands
    assert f"in {training['seconds'] / 60:.0f} minutes" in commands


def code():
    for page in (FRONT, *ROOT.glob("docs/*.md")):
        for index, block in enumerate(blocks(page, "python")):
            yield pytest.param(block, id=f"{page.relative_to(ROOT).as_posix()}-{index}")


@pytest.mark.parametrize("block", list(code()))
def test_code_runs_and_agrees_with_the_classifier(
    request, block, radiograph, exact_classifier, tmp_path, monkeypatch
):
    if "gradio_client" in block:
        block = block.replace("http://127.0.0.1:7860", request.getfixturevalue("gradio_url"))
    monkeypatch.chdir(tmp_path)
    radiograph.save("image.png")
    with zipfile.ZipFile("images.zip", "w") as archive:
        archive.write("image.png")
    Path("hub").mkdir()
    Path("hub/pretrained").symlink_to(BUNDLED)
    exec(block, names := {})
    if "probabilities" in names:
        expected = list(exact_classifier("image.png").probabilities.values())
        assert np.allclose(np.asarray(names["probabilities"].tolist()[0]), expected, atol=1e-3)


def test_the_functions_of_the_explorer_are_where_the_coursework_says():
    text = (ROOT / "docs" / "coursework.md").read_text()
    functions = re.findall(r"^\| `(\w+)\.(\w+)` \|", text, re.MULTILINE)
    assert functions
    for module, function in functions:
        assert callable(getattr(importlib.import_module(f"hub.explorer.{module}"), function))


class AcceptedError(BaseException):
    """The arguments of a command are accepted; nothing has run yet."""


def ours(command):
    """Return a command's module or script and its arguments; None where it is not of this project."""
    words = shlex.split(command, comments=True)
    while words and "=" in words[0]:
        words.pop(0)
    match words:
        case ["chest-xray", *arguments]:
            return "hub", arguments
        case ["python", "train.py", *arguments]:
            return "train.py", arguments
        case ["python", "-m", ("hub.analysis" | "benchmarks") as package, name, *arguments] if name[0] != "-":
            return f"{package}.{name}", arguments
        case ["python", "-m", module, *arguments] if re.match("(hub|benchmarks)", module):
            return module, arguments
    return None


def commands():
    for page in PAGES:
        if page.is_file():
            lines = "".join(blocks(page, "bash")).replace("\\\n", "").splitlines()
            yield from dict.fromkeys(line for line in lines if "$" not in line and ours(line))


def inline_commands():
    pages = [*PAGES, BUNDLED / "README.md"]
    text = "".join(without_code(page) for page in pages if page.is_file())
    for command in dict.fromkeys(re.findall(r"`((?:python|chest-xray) [^`]*)`", text)):
        if not re.search("…|COMMAND|NAME", command) and ours(command):
            yield command


def run(command, monkeypatch):
    """Run a command of this project in this process, as far as its arguments are accepted."""
    parse = argparse.ArgumentParser.parse_args

    def parse_only(*arguments, **options):
        parse(*arguments, **options)
        raise AcceptedError

    module, arguments = ours(command)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    if module.endswith(".py"):
        runpy.run_path(str(ROOT / module), run_name="__main__")
    else:
        runpy.run_module(module, run_name="__main__")


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_accepted(command, monkeypatch):
    with pytest.raises(AcceptedError):
        run(command, monkeypatch)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("command", list(inline_commands()))
def test_every_command_in_a_sentence_exists(command, monkeypatch):
    with pytest.raises(SystemExit) as exit:
        run(f"{command} --help", monkeypatch)
    assert exit.value.code == 0


def test_the_citation_has_what_the_format_requires_and_the_projects_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == project["license"]
    assert citation["message"] and project["name"] in citation["title"]
    for work in (citation, *citation["references"]):
        assert work["title"] and all("name" in one or "family-names" in one for one in work["authors"])
    assert all(reference["type"] for reference in citation["references"])
