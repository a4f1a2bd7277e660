"""DICOM files damaged at random: an image or one sentence, and nothing else.

All values of all types, and more damage, are in the slow form.
"""

import random
from itertools import product

import numpy as np
import pydicom.uid as uids
import pytest
from dicom_files import COLOUR, DEEP, GREY, PATIENT, dataset, lut, stored, transcoded, with_element
from PIL import Image

from hub.errors import InputError
from hub.imaging import dicom, dicom_elements
from hub.imaging.read import read_image

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

UNCOMPRESSED = [
    uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian,
    uids.DeflatedExplicitVRLittleEndian,
]  # fmt: skip
COMPRESSED = [
    uids.JPEGBaseline8Bit, uids.JPEGExtended12Bit, uids.JPEGLosslessSV1, uids.JPEGLSLossless,
    uids.JPEG2000Lossless, uids.RLELossless,
]  # fmt: skip
# Values of elements as no device should write them, of any type.
VALUES = [
    b"", b"\0\0", b"\1\0", b"\xff\xff", b"\0\x80", bytes(8), b"\xff" * 8, b"1", b"0 ", b"-1", b"NaN ",
    b"1e999 ", b"1,5 ", b"\\\\", b"1\\x ", b"Lovelace^Ada", "Ädä ".encode(), b"\xfe\xff\x00\xe0" + bytes(4),
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
]  # fmt: skip
TYPES = ["US", "SS", "UL", "FD", "DS", "IS", "CS", "OW", "SQ", "UN", "UT"]


def image(syntax):
    """A file of this syntax whose header has much to damage."""
    pixels = DEEP.byteswap() if syntax == uids.ExplicitVRBigEndian else DEEP
    if syntax == uids.JPEGBaseline8Bit:
        pixels = (DEEP // 16).astype(np.uint8)
    return dataset(
        pixels, WindowCenter=2000, WindowWidth=3000, RescaleSlope=1, RescaleIntercept=0, PixelPaddingValue=9,
        VOILUTSequence=lut(np.arange(90), 0, 12), ViewPosition="PA",
    )  # fmt: skip


def damaged(data, dice, start=128, stop=None):
    data = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 16])):
        data[dice.randrange(start, stop or len(data))] = dice.choice([0, 255, dice.randrange(256)])
    return bytes(data[: dice.choice([len(data), len(data), dice.randrange(start, len(data))])])


def outcome(read, data):
    """Whether the file is read; where it is not, that its sentence is one, and names nobody."""
    try:
        assert isinstance(read(data), Image.Image | dicom.Header)
    except dicom.DamagedError:
        return False
    except InputError as error:
        assert str(error).endswith(".") and ". " not in str(error)
        assert not any(word in str(error) for word in PATIENT.split("^"))
        return False
    return True


each_part = pytest.mark.parametrize("part", [5, pytest.param(1, marks=pytest.mark.slow)])  # one in so many


@each_part
@pytest.mark.parametrize("syntax", UNCOMPRESSED, ids=lambda syntax: syntax.name)
def test_a_damaged_file_is_an_image_or_refused(syntax, part):
    whole, dice = stored(image(syntax), syntax), random.Random(0)
    outcomes = [outcome(read_image, damaged(whole, dice, stop=900)) for _ in range(600 // part)]
    assert 0 < sum(outcomes) < len(outcomes)


@each_part
@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda syntax: syntax.name)
def test_a_damaged_header_or_frame_is_read_or_refused(syntax, part, tmp_path):
    def header(data):
        return dicom.read_header(data, "x")

    whole, dice = transcoded(image(syntax), syntax, tmp_path), random.Random(0)
    outcomes = [outcome(header, damaged(whole, dice)) for _ in range(600 // part)]
    assert 0 < sum(outcomes) < len(outcomes)
    frame = whole.index(b"\xe0\x7f\x10\x00OB")
    outcomes = [outcome(read_image, damaged(whole, dice, frame)) for _ in range(10 // part)]  # a process each
    assert sum(outcomes) < len(outcomes)


UNUSUAL = {
    "subsampled colours": (COLOUR, 8, {"PhotometricInterpretation": "YBR_FULL_422"}),
    "deep colours": (COLOUR.astype(np.uint16) * 16, 12, {}),
    "signed": (DEEP.astype(np.int16) - 2048, 12, {}),
    "32 bits": (DEEP.astype(np.uint32), 32, {}),
    "single bits": (GREY, 1, {"BitsAllocated": 1, "PixelData": bytes(240)}),
}


@each_part
@pytest.mark.parametrize("name", UNUSUAL)
def test_a_damaged_file_of_unusual_pixels_is_an_image_or_refused(name, part):
    pixels, bits, elements = UNUSUAL[name]
    whole, dice = stored(dataset(pixels, bits, **elements)), random.Random(0)
    outcomes = [outcome(read_image, damaged(whole, dice, stop=700)) for _ in range(400 // part)]
    assert 0 < sum(outcomes) < len(outcomes)


@each_part
@pytest.mark.parametrize("name", dicom_elements.ELEMENTS)
def test_an_element_may_have_any_value_of_any_type(name, part):
    whole, values = stored(image(uids.ExplicitVRLittleEndian)), [*product(TYPES, VALUES)]
    for vr, value in random.Random(name).sample(values, len(values) // part):
        outcome(read_image, with_element(whole, name, value, vr))
