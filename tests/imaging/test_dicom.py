"""Reading DICOM: every way to store a radiograph, what its window shows, and a sentence for the rest."""

import io
import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gdcm
import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom import Dataset, Sequence
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

from hub.errors import InputError
from hub.imaging import dicom
from hub.imaging.read import read_image
from hub.inference.classifier import Classifier

ROOT = Path(__file__).parents[2]
PATIENT = "Lovelace^Ada"
ROWS, COLUMNS = np.mgrid[:40, :48]
# Smooth, so that JPEG keeps it; from the lowest to the highest value.
WAVE = (np.sin(COLUMNS / 9) + np.cos(ROWS / 7)) / 4 + 0.5
WAVE = (WAVE - WAVE.min()) / (WAVE.max() - WAVE.min())
GREY = np.rint(255 * WAVE).astype(np.uint8)
DEEP = np.rint(4095 * WAVE).astype(np.uint16)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], -1)


def stretched(values):
    values = values.astype(float)
    return np.rint((values - values.min()) * 255 / (values.max() - values.min()))


def dataset(pixels=GREY, bits=None, **elements):
    """A CR image of Ada Lovelace; `elements` are added, or left out where they are None."""
    bits = bits or (8 if pixels.dtype.itemsize == 1 else 12)
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = uids.ComputedRadiographyImageStorage, "1.2.3"
    image.Modality, image.PatientName, image.PatientID = "CR", PATIENT, "Ada1815"
    image.Rows, image.Columns = pixels.shape[:2]
    image.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    image.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 8 * pixels.dtype.itemsize, bits, bits - 1
    image.PixelRepresentation = int(pixels.dtype.kind == "i")
    image.PixelData = pixels.tobytes()
    image["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    if pixels.ndim == 3:
        image.PlanarConfiguration = 0
    for name, value in elements.items():
        if value is None:
            delattr(image, name)
        else:
            setattr(image, name, value)
    return image


def stored(image, syntax=uids.ExplicitVRLittleEndian):
    """The bytes of a file with preamble, prefix and meta information."""
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    if syntax.is_encapsulated:
        image["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def bare(image, implicit, little):
    """The bytes of a data set alone, as some exports leave it."""
    buffer = io.BytesIO()
    image.save_as(buffer, implicit_vr=implicit, little_endian=little)
    return buffer.getvalue()


def transcoded(image, syntax, folder):
    """The same image, compressed by GDCM."""
    (folder / "image.dcm").write_bytes(stored(image))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(folder / "image.dcm"))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(folder / "compressed.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    data = (folder / "compressed.dcm").read_bytes()
    assert str(syntax).encode() in data
    return data


def pixels(source):
    return np.asarray(read_image(source)).astype(int)


def refusal(source):
    """The one sentence with which the source is refused; it names the file, and nobody in it."""
    with pytest.raises(InputError) as caught:
        read_image(source)
    sentence = str(caught.value)
    assert (Path(source).name if isinstance(source, str | Path) else "The image") in sentence
    assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence
    assert "Ada" not in sentence and "Lovelace" not in sentence
    return sentence


# Files


def test_a_file_is_known_by_what_is_in_it_and_not_by_its_name(tmp_path):
    data = stored(dataset())
    for name in ("image.dcm", "IM000001", "image.png"):
        (tmp_path / name).write_bytes(data)
        np.testing.assert_array_equal(pixels(tmp_path / name), GREY)
        np.testing.assert_array_equal(pixels(str(tmp_path / name)), GREY)
    assert read_image(data).mode == "L"


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_a_file_without_preamble_and_meta_information_is_read(implicit, little):
    image = dataset(DEEP if little else DEEP.byteswap())
    np.testing.assert_array_equal(pixels(bare(image, implicit, little)), stretched(DEEP))


def test_an_image_gives_the_same_prediction_as_its_png(radiograph, tmp_path):
    radiograph.save(tmp_path / "image.png")
    (tmp_path / "image.dcm").write_bytes(stored(dataset(np.asarray(radiograph))))
    classifier = Classifier.from_pretrained()
    png, dcm = classifier([tmp_path / "image.png", tmp_path / "image.dcm"])
    assert png.probabilities == dcm.probabilities and png.label == dcm.label


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "OT", "", None])
def test_radiographs_are_read_and_so_is_what_does_not_say_what_it_is(modality):
    np.testing.assert_array_equal(pixels(stored(dataset(Modality=modality))), GREY)


@pytest.mark.parametrize("view", ["PA", "AP", "LLD", "", None])
def test_frontal_views_are_read(view):
    np.testing.assert_array_equal(pixels(stored(dataset(**{"ViewPosition": view} if view else {}))), GREY)


# Transfer syntaxes


@pytest.mark.parametrize("image", [GREY, DEEP], ids=["8 bits", "12 bits"])
@pytest.mark.parametrize(
    "syntax",
    [uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian, uids.DeflatedExplicitVRLittleEndian],
    ids=lambda syntax: syntax.name,
)
def test_uncompressed_and_deflated_pixels_are_read(image, syntax):
    np.testing.assert_array_equal(pixels(stored(dataset(image), syntax)), stretched(image))


def test_big_endian_pixels_are_read():
    data = stored(dataset(DEEP.byteswap()), uids.ExplicitVRBigEndian)
    np.testing.assert_array_equal(pixels(data), stretched(DEEP))


@pytest.mark.parametrize(
    ("syntax", "image", "bits"),
    [
        (uids.RLELossless, DEEP, 12),
        (uids.JPEGLossless, DEEP, 12),
        (uids.JPEGLosslessSV1, GREY, 8),
        (uids.JPEGLosslessSV1, DEEP, 12),
        (uids.JPEGLosslessSV1, DEEP * 16, 16),
        (uids.JPEGLSLossless, DEEP, 12),
        (uids.JPEG2000Lossless, GREY, 8),
        (uids.JPEG2000Lossless, DEEP * 16, 16),
    ],
    ids=lambda value: getattr(value, "name", "" if isinstance(value, np.ndarray) else value),
)
def test_lossless_compression_gives_every_pixel_back(syntax, image, bits, tmp_path):
    data = transcoded(dataset(image, bits), syntax, tmp_path)
    np.testing.assert_array_equal(pixels(data), stretched(image))


@pytest.mark.parametrize(
    ("syntax", "image", "bound"),
    [
        (uids.JPEGBaseline8Bit, GREY, 3),
        (uids.JPEGExtended12Bit, GREY, 3),
        (uids.JPEGExtended12Bit, DEEP, 2),
        (uids.JPEGLSNearLossless, GREY, 3),
        (uids.JPEG2000, GREY, 3),
        (uids.JPEG2000, DEEP, 2),
    ],
    ids=lambda value: getattr(value, "name", getattr(value, "dtype", value)),
)
def test_lossy_compression_gives_nearly_the_same_pixels(syntax, image, bound, tmp_path):
    data = transcoded(dataset(image), syntax, tmp_path)
    np.testing.assert_allclose(pixels(data), stretched(image), atol=bound)


def test_jpeg_frames_of_another_encoder_are_read_in_grey_and_in_colour():
    for image, subsampling in ((GREY, {}), (COLOUR, {"subsampling": 0})):
        frame = io.BytesIO()
        Image.fromarray(image).save(frame, "JPEG", quality=95, **subsampling)
        kind = "YBR_FULL" if image.ndim == 3 else "MONOCHROME2"
        data = dataset(image, PhotometricInterpretation=kind, PixelData=encapsulate([frame.getvalue()]))
        np.testing.assert_allclose(pixels(stored(data, uids.JPEGBaseline8Bit)), image, atol=8)


def test_colours_of_a_secondary_capture_are_read():
    read = read_image(stored(dataset(COLOUR, Modality="OT")))
    assert read.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(read), COLOUR)
    planes = dataset(COLOUR, PlanarConfiguration=1, PixelData=COLOUR.transpose(2, 0, 1).tobytes())
    np.testing.assert_array_equal(pixels(stored(planes)), COLOUR)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_rle.dcm"])
def test_colours_come_out_the_same_however_they_are_stored(name):
    read = pixels(get_testdata_file(name))
    np.testing.assert_allclose(read[5, 50], [255, 0, 0], atol=2)
    np.testing.assert_allclose(read[45, 50], [0, 0, 255], atol=2)


# Grey


@pytest.mark.parametrize("image", [GREY, DEEP], ids=["8 bits", "12 bits"])
def test_monochrome1_is_monochrome2_inverted(image):
    inverted = dataset(image.max() - image, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(pixels(stored(inverted)), pixels(stored(dataset(image))))


def test_an_image_is_inverted_once_where_its_presentation_says_so_too():
    once = dataset(255 - GREY, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    np.testing.assert_array_equal(pixels(stored(once)), GREY)
    np.testing.assert_array_equal(pixels(stored(dataset(255 - GREY, PresentationLUTShape="INVERSE"))), GREY)
    np.testing.assert_array_equal(pixels(stored(dataset(PresentationLUTShape="IDENTITY"))), GREY)


def linear(x, centre, width):
    """PS3.3 C.11.2.1.2.1, to 0..255."""
    y = ((x - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5) * 255
    return np.where(
        x <= centre - 0.5 - (width - 1) / 2, 0, np.where(x > centre - 0.5 + (width - 1) / 2, 255, y)
    )


def linear_exact(x, centre, width):
    """PS3.3 C.11.2.1.3.2, to 0..255."""
    return np.clip((x - centre) / width + 0.5, 0, 1) * 255


def sigmoid(x, centre, width):
    """PS3.3 C.11.2.1.3.1, to 0..255."""
    return 255 / (1 + np.exp(np.minimum(-4 * (x - centre) / width, 700)))


@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (1500, 900), (1500.5, 1), (0, 100)])
@pytest.mark.parametrize("function", [linear, linear_exact, sigmoid], ids=lambda f: f.__name__)
def test_a_window_is_applied_by_the_formula_of_the_standard(function, centre, width):
    image = dataset(DEEP, WindowCenter=centre, WindowWidth=width, VOILUTFunction=function.__name__.upper())
    expected = function(DEEP.astype(float), centre, width)
    np.testing.assert_allclose(pixels(stored(image)), expected, atol=0.51)
    image.PhotometricInterpretation = "MONOCHROME1"
    np.testing.assert_allclose(pixels(stored(image)), 255 - expected, atol=0.51)


def test_a_window_without_a_function_is_linear_and_the_first_of_several_counts():
    image = dataset(DEEP, WindowCenter=[1500, 300], WindowWidth=[900, 50])
    np.testing.assert_allclose(pixels(stored(image)), linear(DEEP.astype(float), 1500, 900), atol=0.51)


@pytest.mark.parametrize("slope", [2, 0.5, -1])
def test_a_window_counts_in_rescaled_values(slope):
    image = dataset(DEEP, RescaleSlope=slope, RescaleIntercept=-1024, WindowCenter=300, WindowWidth=900)
    np.testing.assert_allclose(pixels(stored(image)), linear(DEEP * float(slope) - 1024, 300, 900), atol=0.51)


def test_without_a_window_eight_bits_stay_and_deeper_greys_are_stretched():
    np.testing.assert_array_equal(pixels(stored(dataset(GREY // 2))), GREY // 2)
    np.testing.assert_array_equal(
        pixels(stored(dataset(GREY // 2, RescaleSlope=1, RescaleIntercept=0))), GREY // 2
    )
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP // 3 + 100))), stretched(DEEP // 3 + 100))


def test_signed_pixels_are_read():
    image = DEEP.astype(np.int16) - 2048
    np.testing.assert_array_equal(pixels(stored(dataset(image))), stretched(image))
    windowed = dataset(image, WindowCenter=-300, WindowWidth=900)
    np.testing.assert_allclose(pixels(stored(windowed)), linear(image.astype(float), -300, 900), atol=0.51)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_eight_to_sixteen_bits_are_read_from_two_bytes(bits):
    image = np.rint((2**bits - 1) * WAVE).astype(np.uint16)
    np.testing.assert_array_equal(pixels(stored(dataset(image, bits))), stretched(image))


def test_an_overlay_in_the_unused_bits_is_left_out():
    burnt_in = DEEP | np.where(ROWS < 5, 0x8000, 0).astype(np.uint16)
    np.testing.assert_array_equal(pixels(stored(dataset(burnt_in, 12))), stretched(DEEP))


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limit", [None, 4095])
def test_padding_is_black_and_does_not_count(kind, limit):
    image = DEEP // 2
    padded = image.copy()
    padded[:, :4] = 4000 if limit else 4095
    low = (
        {"PixelPaddingValue": 3900, "PixelPaddingRangeLimit": limit} if limit else {"PixelPaddingValue": 4095}
    )
    read = pixels(stored(dataset(padded, PhotometricInterpretation=kind, **low)))
    inside = stretched(image[:, 4:])
    np.testing.assert_array_equal(read[:, 4:], inside if kind == "MONOCHROME2" else 255 - inside)
    assert not read[:, :4].any()


def lut(table, first, depth):
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(table) % 65_536, first, depth], [int(value) for value in table]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_a_voi_lut_is_looked_up_and_goes_before_a_window(depth):
    table = np.rint((2**depth - 1) * np.linspace(0, 1, 3000) ** 2)
    image = dataset(DEEP, VOILUTSequence=lut(table, 500, depth), WindowCenter=1, WindowWidth=1)
    expected = table[np.clip(DEEP.astype(int) - 500, 0, 2999)] * 255 / (2**depth - 1)
    np.testing.assert_allclose(pixels(stored(image)), expected, atol=0.51)


def test_a_modality_lut_goes_before_the_window():
    table = np.arange(4096)[::-1] * 4
    image = dataset(DEEP, ModalityLUTSequence=lut(table, 0, 16), WindowCenter=8000, WindowWidth=6000)
    np.testing.assert_allclose(pixels(stored(image)), linear(table[DEEP] * 1.0, 8000, 6000), atol=0.51)


def test_an_element_without_a_value_is_as_good_as_none():
    names = [
        "WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleSlope", "RescaleIntercept", "NumberOfFrames",
        "PixelPaddingValue", "PresentationLUTShape", "ModalityLUTSequence", "VOILUTSequence", "ViewPosition",
        "PresentationIntentType",
    ]  # fmt: skip
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP, **dict.fromkeys(names, "")))), stretched(DEEP))
    windowed = dataset(DEEP, WindowCenter=1500, WindowWidth=900, VOILUTFunction="")
    np.testing.assert_allclose(pixels(stored(windowed)), linear(DEEP.astype(float), 1500, 900), atol=0.51)


def test_a_blank_image_is_black():
    assert not pixels(stored(dataset(np.full((40, 48), 700, np.uint16)))).any()


# Refusals


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "NM", "PT", "MG", "XA", "RF"])
def test_what_is_not_a_radiograph_is_refused_by_its_modality(modality):
    assert f"of modality {modality}, not a radiograph" in refusal(stored(dataset(Modality=modality)))


def test_a_modality_that_says_more_than_it_should_is_not_repeated():
    assert "of another modality" in refusal(stored(dataset(Modality="LOVELACE")))


def test_several_frames_are_refused():
    image = dataset(NumberOfFrames=2, PixelData=GREY.tobytes() * 2)
    assert "several frames" in refusal(stored(image))


@pytest.mark.parametrize("view", ["LL", "RL", "LATERAL"])
def test_a_lateral_view_is_refused(view):
    assert "lateral view by its header; give the frontal one" in refusal(stored(dataset(ViewPosition=view)))


def test_raw_values_of_a_detector_are_refused():
    assert "image for presentation" in refusal(stored(dataset(PresentationIntentType="FOR PROCESSING")))
    read_image(stored(dataset(PresentationIntentType="FOR PRESENTATION")))


@pytest.mark.parametrize("name", ["test-SR.dcm", "DICOMDIR", "rtstruct.dcm", "waveform_ecg.dcm"])
def test_a_file_without_an_image_is_refused(name):
    assert "DICOM file without a picture" in refusal(get_testdata_file(name))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_transfer_syntax_that_is_not_read_here_is_refused_by_name():
    frame = encapsulate([b"frame"])
    assert "MPEG2 Main Profile" in refusal(stored(dataset(PixelData=frame), uids.MPEG2MPML))
    data = stored(dataset(PixelData=frame), uids.HTJ2K)
    assert "High-Throughput JPEG 2000" in refusal(data)
    unheard_of = data.replace(uids.HTJ2K.encode(), b"1.2.840.10008.1815.Ada.")
    assert "an unknown transfer syntax" in refusal(unheard_of)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (dataset(DEEP.astype(np.uint32), 32), "unusual number of bits"),
        (dataset(GREY, 7), "unusual number of bits"),
        (dataset(DEEP * 16, 12, HighBit=15), "unusual number of bits"),
        (dataset(COLOUR.astype(np.uint16)), "more than 8 bits per colour"),
        (dataset(PhotometricInterpretation="PALETTE COLOR"), "neither grey pixels nor plain colours"),
    ],
    ids=["32 bits", "7 bits", "high bit", "deep colour", "palette"],
)
def test_pixels_that_no_radiograph_has_are_refused(image, told):
    assert told in refusal(stored(image))


def test_more_than_64_megapixels_are_refused_before_any_is_decoded():
    assert "more than 64 megapixels" in refusal(stored(dataset(Rows=9000, Columns=9000)))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.JPEGLosslessSV1])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_truncated_file_is_refused_by_name(syntax, part, tmp_path):
    noise = dataset(np.random.default_rng(0).integers(0, 4096, (40, 48), np.uint16))
    data = transcoded(noise, syntax, tmp_path)
    (tmp_path / "cut.dcm").write_bytes(data[: int(part * len(data))])
    assert "damaged or cut short" in refusal(tmp_path / "cut.dcm")


def test_a_file_that_inflates_without_end_is_refused(monkeypatch):
    data = stored(dataset(np.zeros((2000, 2000), np.uint8)), uids.DeflatedExplicitVRLittleEndian)
    assert pixels(data).shape == (2000, 2000)
    monkeypatch.setattr(dicom, "MAX_INFLATED", 100_000)
    assert "damaged" in refusal(data)
    lying = data[:140] + bytes(4) + data[144:]  # the meta information is zero bytes long, it says
    assert "damaged" in refusal(lying)


@pytest.mark.parametrize("width", [0, -5])
def test_a_window_without_width_is_refused(width):
    assert "damaged" in refusal(stored(dataset(WindowCenter=100, WindowWidth=width)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("syntax", "times"),
    [
        (uids.ExplicitVRLittleEndian, 600),
        (uids.ImplicitVRLittleEndian, 600),
        (uids.DeflatedExplicitVRLittleEndian, 300),
        (uids.JPEGLosslessSV1, 6),
        (uids.JPEGLSLossless, 6),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_damaged_file_is_an_image_or_refused_and_never_anything_else(syntax, times, tmp_path):
    image = dataset(DEEP, WindowCenter=2000, WindowWidth=3000, RescaleSlope=1, RescaleIntercept=0)
    whole, dice = transcoded(image, syntax, tmp_path), random.Random(0)
    read = refused = 0
    for _ in range(times):
        data = bytearray(whole)
        for _ in range(dice.choice([0, 1, 2, 16])):
            place = dice.randrange(len(data)) if syntax.is_encapsulated else dice.randrange(128, 800)
            data[place] = dice.choice([0, 255, dice.randrange(256)])
        data = bytes(data[: dice.choice([len(data), len(data), dice.randrange(len(data))])])
        try:
            assert isinstance(read_image(data), Image.Image)
            read += 1
        except InputError as error:
            assert "Ada" not in str(error) and ". " not in str(error)
            refused += 1
    assert read and refused


def test_an_installed_package_reads_compressed_pixels_from_any_folder(tmp_path):
    packages, elsewhere = tmp_path / "site-packages", tmp_path / "elsewhere"
    shutil.copytree(ROOT / "hub", packages / "hub", ignore=shutil.ignore_patterns("pretrained"))
    elsewhere.mkdir()
    (elsewhere / "image.dcm").write_bytes(transcoded(dataset(), uids.JPEGLosslessSV1, elsewhere))
    program = (
        "import hub\n"
        "from hub.imaging.read import read_image\n"
        "print(hub.__file__, read_image('image.dcm').size)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=elsewhere, env=os.environ | {"PYTHONPATH": str(packages)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == f"{packages / 'hub' / '__init__.py'} (48, 40)\n", done.stderr


# Privacy


def test_nothing_of_the_patient_is_printed_logged_or_warned_of(tmp_path):
    # Every one of these makes pydicom warn, and quote it, when it is looked at.
    image = dataset()
    with pytest.warns(UserWarning):
        image.PatientBirthDate, image.PatientAge, image.StudyInstanceUID = "Ada", "Ada36", "Ada.1815"
        image.SpecificCharacterSet = "Ada"
        data = stored(image)
    dice = random.Random(0)
    for index in range(60):
        damaged = bytearray(data)
        for _ in range(index % 5):
            damaged[dice.randrange(128, 900)] = dice.randrange(256)
        (tmp_path / f"{index}.dcm").write_bytes(damaged)
    program = (
        "import logging, sys\n"
        "logging.basicConfig(level=logging.DEBUG)\n"
        "from hub.errors import InputError\n"
        "from hub.imaging.read import read_image\n"
        "for file in sys.argv[1:]:\n"
        "    try:\n"
        "        print(file, read_image(file).size, read_image(file).info)\n"
        "    except InputError as error:\n"
        "        print(file, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *sorted(map(str, tmp_path.glob("*.dcm")))],
        capture_output=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.count(b"(48, 40)") > 20
    assert b"pydicom" not in done.stderr and b"Traceback" not in done.stderr
    for word in (b"Ada", b"Lovelace", b"1815"):
        assert word not in done.stdout + done.stderr


def test_reading_in_threads_gives_what_reading_alone_does():
    data = stored(dataset(DEEP, WindowCenter=1500, WindowWidth=900))
    alone = pixels(data)
    with ThreadPoolExecutor(8) as pool:
        assert all(np.array_equal(read, alone) for read in pool.map(pixels, [data] * 200))
