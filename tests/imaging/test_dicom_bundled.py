"""The test files of pydicom, of every kind of device: an image, or the true reason why there is none."""

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import dcmread

from hub.errors import InputError
from hub.imaging.formats import is_dicom
from hub.imaging.read import read_image

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".py")


def true_reason(path, header):
    """The words of the sentence that refuses a file, by pydicom's reading of it; None if it is read."""
    modality = header.get("Modality") or ""
    if not is_dicom(path.read_bytes()):
        return "not an image that can be read here"
    if "PixelData" not in header:
        return "a DICOM file without a picture"
    if modality not in ("", "CR", "DX", "OT"):
        return f"of modality {modality}" if len(modality) == 2 else "of another modality"
    if int(header.get("NumberOfFrames") or 1) > 1:
        return "several frames"
    if "Rows" not in header:
        return "lacks Rows"
    if header.get("ViewPosition") == "LL":
        return "a lateral view"
    if min(header.Rows, header.Columns) < 32:
        return f"only {header.Columns} x {header.Rows} pixels"
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_each_is_read_as_pydicom_reads_it_or_refused_for_what_it_is(path):
    header = dcmread(path, force=True)
    reason = true_reason(path, header)
    if reason is not None:
        with pytest.raises(InputError, match=re.escape(reason)):
            read_image(path, radiograph=True)
        return
    image, expected = read_image(path), header.pixel_array
    assert image.size == (header.Columns, header.Rows) and image.mode == (
        "RGB" if expected.ndim == 3 else "L"
    )
    expected = np.rint(expected * (255 / (2.0**header.BitsStored - 1)))
    np.testing.assert_allclose(np.asarray(image), expected, atol=2)


def test_there_are_many_kinds():
    reasons = {true_reason(path, dcmread(path, force=True)) for path in FILES}
    assert None in reasons and len(FILES) > 150 and len(reasons) >= 12
