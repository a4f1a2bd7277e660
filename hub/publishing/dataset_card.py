"""The card of a published data set, with Croissant metadata."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset, DatasetDict, DatasetInfo
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData

from hub.data.class_names import is_radiograph
from hub.data.leakage import leak_report
from hub.data.patients import SYNTHETIC, are_kermanys
from hub.files import write_json, write_text
from hub.imaging.synthetic import components_source
from hub.publishing.benchmark import write_benchmark
from hub.publishing.croissant import croissant
from hub.text import counted, markdown, markdown_code

TEMPLATE = Path(__file__).parent / "dataset_card.md"
MOST_GROUPS = 1000  # rows of a table
SIZE_CATEGORIES = {10**3: "n<1K", 10**4: "1K<n<10K", 10**5: "10K<n<100K", 10**6: "100K<n<1M"}
KERMANY = """@article{kermany2018,
  title   = {Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep Learning},
  author  = {Kermany, Daniel S. and Goldbaum, Michael and Cai, Wenjia and others},
  journal = {Cell},
  volume  = {172},
  number  = {5},
  pages   = {1122--1131.e9},
  year    = {2018},
  doi     = {10.1016/j.cell.2018.02.010}
}"""


def group_names(split: Dataset) -> list[str]:
    """Return the class of each row, with its subtype if it has one."""
    names = split.features["label"].names
    rows = zip(split["label"][:], split["subtype"][:], strict=True)
    return [names[label] + (f", {subtype}" if subtype != "none" else "") for label, subtype in rows]


def write_card(
    splits: DatasetDict,
    info: DatasetInfo,
    sizes: Counter,
    folder: Path,
    repo_id: str,
    notes: Sequence[str],
    license: str | None = None,
    benchmark: bool = False,
    tag: str | None = None,
) -> None:
    """Write README.md, croissant.json and, for a `benchmark`, eval.yaml.

    `info` is what the Hub's viewer shows, `sizes` counts images by (width, height), and `license` is an
    identifier of the Hub, by default that of the radiographs of Kermany et al. 2018 for these and for what is
    drawn from them. The examples load the revision `tag`, if there is one.
    """
    counts = _counts(splits)
    patients = {patient for split in splits.values() for patient in split["patient"][:]}
    radiograph = is_radiograph(info.features["label"].names)
    kermany = radiograph and are_kermanys(patients)
    synthetic = radiograph and all(name.startswith(SYNTHETIC) for name in patients)
    drawn_from = components_source() if synthetic else None
    credited = kermany or (synthetic and not drawn_from)
    total, classes, report = sum(map(len, splits.values())), info.features["label"].names, leak_report(splits)
    license = license or ("cc-by-4.0" if credited else "unknown")
    kind = "Synthetic chest X-rays" if synthetic else "Chest X-rays of children"
    named = kermany or synthetic
    title = f"{kind} with and without pneumonia" if named else repo_id.split("/")[1]
    patient = _patient_column(kermany, radiograph, report["groups"])
    data = DatasetCardData(
        license=license,
        task_categories=["image-classification"],
        size_categories=[next((name for size, name in SIZE_CATEGORIES.items() if total < size), "n>1M")],
        pretty_name=title if named else None,
        tags=[*["medical"] * kermany, *["synthetic"] * synthetic, *["chest-x-ray"] * radiograph] or None,
    )
    DatasetInfosDict(default=info).to_dataset_card_data(data)
    files = [{"split": name, "path": f"data/{name}-*"} for name in splits]
    MetadataConfigs(default={"data_files": files}).to_dataset_card_data(data)
    card = DatasetCard.from_template(
        data,
        template_path=str(TEMPLATE),
        repo_id=repo_id,
        tag=tag,
        names=[markdown(name) for name in classes],
        shown=markdown,
        code=markdown_code,
        groups=sorted(set().union(*counts.values())),
        counts=counts,
        finer=any(name not in classes for name in set().union(*counts.values())),
        report=report,
        patient_column=patient,
        counted=counted,
        notes=notes,
        sizes=sizes,
        kermany=kermany,
        synthetic=synthetic,
        drawn_from=drawn_from,
        radiograph=radiograph,
        license=license,
        citation=KERMANY,
    )
    write_text(folder / "README.md", str(card))
    citation = KERMANY if credited else ""
    write_json(folder / "croissant.json", croissant(info, repo_id, title, license, patient, citation))
    if benchmark:
        write_benchmark(folder, title, classes)


def _counts(splits: DatasetDict) -> dict[str, Counter]:
    """Return how many images of each group, or else of each class, a split has."""
    counts = {name: Counter(group_names(split)) for name, split in splits.items()}
    if len(set().union(*counts.values())) <= MOST_GROUPS:
        return counts
    names = splits["train"].features["label"].names
    return {name: Counter(names[label] for label in split["label"][:]) for name, split in splits.items()}


def _patient_column(kermany: bool, radiograph: bool, groups: str) -> str:
    """Return what the column `patient` holds; `groups` is the noun for its names."""
    if kermany:
        return "the patient, by the publishers' file names"
    if not groups:
        return "a name for each image, which shows nobody"
    if groups == "patients":
        return "the patient"
    copies = "images that look nearly the same" if radiograph else "images with the same bytes"
    if groups == "groups of copies":
        return f"a group of copies: {copies} have one name"
    return f"the patient, as far as known; `unknown-…` names a group of copies, {copies}"
