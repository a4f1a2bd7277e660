"""Data sets on disk, and the sentences that refuse them."""

import io
import tarfile
from pathlib import Path

import datasets
import pydicom
import pytest
import torch
from datasets import ClassLabel, Dataset, Features
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from hub.data.image_files import encoded_images
from hub.data.splits import load_splits
from hub.errors import InputError
from hub.imaging.synthetic import sample_radiographs

NOTHING_SHARED = {"train/validation": 0, "train/test": 0, "validation/test": 0}


def names(split):
    """The file names of a split that was read from folders."""
    return sorted(Path(path).name for path in encoded_images(split))


def names_in(folder):
    return sorted(path.name for path in folder.rglob("*.jpeg"))


def jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def radiographs(count, seed=0):
    """Synthetic radiographs as Parquet stores them, and their labels."""
    images, labels = sample_radiographs(count, seed)
    return {"image": [{"bytes": jpeg(image, quality=95), "path": None} for image in images], "label": labels}


def write_dicom(path, pixels):
    """Write uint8 [H, W] as a DICOM radiograph of Jane Doe."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film = pydicom.Dataset()
    film.file_meta = meta
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.PatientName, film.PatientID, film.StudyDate = "Doe^Jane", "MRN-4711", "19991231"
    film.Modality, film.PhotometricInterpretation = "DX", "MONOCHROME2"
    film.Rows, film.Columns = pixels.shape
    film.SamplesPerPixel, film.BitsAllocated, film.BitsStored, film.HighBit = 1, 8, 8, 7
    film.PixelRepresentation, film.PixelData = 0, pixels.tobytes()
    film.save_as(path, enforce_file_format=True)


def features(label=None, **others):
    label = label or ClassLabel(names=["NORMAL", "PNEUMONIA"])
    return Features({"image": datasets.Image(), "label": label, **others})


def write_parquet(folder, label=None, others=None, **splits):
    """Write `{"image": ..., "label": ...}` per split as a Hub data set is laid out; return the folder."""
    folder.mkdir(parents=True)
    for split, columns in splits.items():
        kinds = features(label, **{n: kind for n, kind in (others or {}).items() if n in columns})
        Dataset.from_dict(columns, kinds).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def write_tar(path, count, **fields):
    """Write a WebDataset shard: a PNG and a file of each field for each sample."""
    with tarfile.open(path, "w") as archive:
        for index, image in enumerate(radiographs(count)["image"]):
            contents = {"jpg": image["bytes"]} | {name: value(index) for name, value in fields.items()}
            for suffix, content in contents.items():
                member = tarfile.TarInfo(f"person{index}_virus_1.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def refusal(source):
    """The one sentence with which the source is refused."""
    with pytest.raises(InputError) as caught:
        load_splits(source)
    sentence = str(caught.value)
    assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence
    return sentence


def tiny_set(count, seed):
    """Dark and bright squares: a task that two epochs learn."""
    labels = torch.arange(count) % 2
    noise = torch.randint(0, 60, (count, 1, 48, 48), generator=torch.Generator().manual_seed(seed))
    return (noise + 140 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels
