"""DICOM radiographs: which files they are, and their image in 8 bits."""

import re
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID

from hub.errors import InputError
from hub.imaging import dicom_frame
from hub.imaging.dicom_elements import (
    PALETTE,
    integer,
    parse,
    pixels,
    raw,
    text,
)
from hub.imaging.dicom_frame import Frame, read_frame
from hub.imaging.dicom_greys import to_8_bit
from hub.imaging.dicom_views import view
from hub.imaging.unreadable import DamagedError
from hub.imaging.views import LATERAL

# DR and XR are no terms of the standard (PS3.3 C.7.3.1.1.1), but in use. OT is the modality of radiographs
# scanned or captured from a screen.
RADIOGRAPHS = {"CR", "DX", "DR", "XR", "RG", "OT"}


@dataclass(frozen=True)
class Header:
    """What is kept of the file of one frontal or oblique radiograph.

    `elements` are those of `dicom_elements.ELEMENTS`; `view` is "oblique", or "" where the header says
    nothing of the kind.
    """

    elements: Dataset
    frame: Frame
    view: str


def read_header(data: bytes, name: str) -> Header:
    """Return the header of a DICOM file of one radiograph.

    Raises InputError for a file of anything else: no image, several frames, another modality, a lateral view,
    raw values of a detector (PS3.3 C.8.11.1), pixels of an unusual kind, a transfer syntax that is not read.
    The sentence quotes nothing of the header but the modality, the transfer syntax or the name of an element.
    Raises DamagedError for a file that is damaged or cut short.
    """
    elements, cut_short = parse(data)
    if pixels(elements) is None:
        if cut_short and not _is_of_another_kind(elements):
            raise DamagedError
        raise InputError(f"{name} is a DICOM file without a picture; give the file of the radiograph itself.")
    shown = view(elements)
    _check_contents(elements, shown, name)
    frame = read_frame(elements, name)
    missing = next((f"{table}Data" for table in PALETTE if not raw(elements, f"{table}Data")), None)
    if frame.kind == "PALETTE COLOR" and missing:
        raise InputError(f"{name} lacks {missing}; export it again, or as PNG.")
    return Header(elements, frame, shown)


def decode(header: Header) -> np.ndarray:
    """Return the image of a file, uint8 [rows, columns], or [rows, columns, 3] RGB.

    Bone is bright, in MONOCHROME1 as in MONOCHROME2. Overlays are left out, and pixels that are not square
    stay so: networks get a squashed image anyway. Raises DamagedError for pixels that cannot be decoded.
    """
    return to_8_bit(dicom_frame.decode(header.frame), header.frame, header.elements)


def _is_of_another_kind(elements: Dataset) -> bool:
    """Return whether the file is known to be no image, but a report or a plan."""
    kind = text(elements, "SOPClassUID") or text(elements.file_meta, "MediaStorageSOPClassUID")
    return "Storage" in UID(kind).name and "Image" not in UID(kind).name


def _check_contents(elements: Dataset, shown: str, name: str) -> None:
    modality = text(elements, "Modality")
    if not {*re.findall("[A-Z]+", modality)} <= RADIOGRAPHS:
        # Two letters identify nobody; anything longer might.
        kind = f"of modality {modality}" if re.fullmatch("[A-Z]{2}", modality) else "of another modality"
        raise InputError(f"{name} is {kind}, not a radiograph; give a CR or DX file.")
    if (integer(elements, "NumberOfFrames") or 1) > 1:
        raise InputError(f"{name} has several frames; give a single radiograph.")
    if shown == LATERAL:
        # The network was trained on frontal views only, and the input check may pass a lateral one.
        raise InputError(f"{name} is a lateral view by its header; give the frontal one.")
    if text(elements, "PresentationIntentType") == "FOR PROCESSING":
        raise InputError(
            f"{name} is what the detector gave, not a film yet; give the image for presentation."
        )
