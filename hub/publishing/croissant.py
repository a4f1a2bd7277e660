"""Croissant metadata of a published data set, for programs and search engines.

The format is MLCommons' Croissant 1.0 (Akhtar et al. 2024, https://arxiv.org/abs/2403.19546), JSON-LD.
"""

import json
from pathlib import Path

from datasets import DatasetInfo

CONTEXT = Path(__file__).with_name("croissant_context.json")
SHARDS = "shards"
DATA_TYPES = {"image": "sc:ImageObject", "label": "sc:Integer"}  # of columns; others are text
DESCRIPTIONS = {
    "split": "train, validation or test",
    "image": "The image, encoded",
    "label": "The class, as a number",
    "subtype": "A finer class, or none",
}


def croissant(
    info: DatasetInfo, repo_id: str, name: str, license: str, patient: str, citation: str = ""
) -> dict:
    """Return the metadata of a data set whose shards are data/SPLIT-….parquet.

    `license` is an identifier of the Hub, `patient` what the column of this name holds, `citation` BibTeX.
    """
    descriptions = DESCRIPTIONS | {"patient": patient[0].upper() + patient[1:]}
    url = f"https://huggingface.co/datasets/{repo_id}"
    names = info.features["label"].names
    count = sum(split.num_examples for split in info.splits.values())
    shown = ", ".join(names) if len(names) < 6 else f"{len(names)} classes"
    metadata = {
        "@context": json.loads(CONTEXT.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": f"{count} images: {shown}.",
        "url": url,
        "license": f"https://choosealicense.com/licenses/{license}/" if license != "unknown" else license,
        "creator": {"@type": "sc:Person", "name": repo_id.split("/")[0]},
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "repo",
                "name": "repo",
                "contentUrl": url,
                "encodingFormat": "git+https",
                # What the Hub writes for a repo, which has no digest of its own.
                "sha256": "https://github.com/mlcommons/croissant/issues/80",
            },
            {
                "@type": "cr:FileSet",
                "@id": SHARDS,
                "name": SHARDS,
                "containedIn": {"@id": "repo"},
                "encodingFormat": "application/x-parquet",
                "includes": "data/*.parquet",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "default",
                "name": "default",
                "description": f"A record for each image. Classes: {dict(enumerate(names))}.",
                "field": [_split_field(), *(_field(column, descriptions) for column in info.features)],
            }
        ],
    }
    return metadata | ({"citeAs": citation} if citation else {})


def _field(column: str, descriptions: dict[str, str]) -> dict:
    """Return a column of the shards."""
    source = {"fileSet": {"@id": SHARDS}, "extract": {"column": column}}
    if column == "image":
        source["transform"] = {"jsonPath": "bytes"}
    return _described(column, descriptions.get(column, column), DATA_TYPES.get(column, "sc:Text"), source)


def _split_field() -> dict:
    """Return the split of a record, which the name of its shard begins with."""
    source = {
        "fileSet": {"@id": SHARDS},
        "extract": {"fileProperty": "fullpath"},
        "transform": {"regex": r".*data/([a-z]+)-\d{5}-of-\d{5}\.parquet$"},
    }
    return _described("split", DESCRIPTIONS["split"], "sc:Text", source)


def _described(name: str, description: str, kind: str, source: dict) -> dict:
    return {
        "@type": "cr:Field",
        "@id": f"default/{name}",
        "name": f"default/{name}",
        "description": description,
        "dataType": kind,
        "source": source,
    }
