"""DICOM files: which of them are radiographs that are read, and a true sentence for the rest."""

import os
import random
import shutil
import struct
import subprocess
import sys
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom.uid as uids
import pytest
from dicom_files import (
    DEEP,
    GREY,
    bare,
    dataset,
    pixels,
    refusal,
    stored,
    stretched,
    transcoded,
    with_element,
)
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.tag import Tag

from hub.imaging import dicom_elements
from hub.imaging.read import read_image
from hub.inference.classifier import Classifier

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(
    "modality", ["CR", "DX", "DR", "XR", "RG", "OT", "", None, " dx", "Cr ", "CR\\DX", "DX/CR"]
)
def test_radiographs_are_read_and_so_is_what_does_not_say_what_it_is(modality):
    data = stored(dataset(Modality=None))
    data = data if modality is None else with_element(data, "Modality", modality)
    np.testing.assert_array_equal(pixels(data), GREY)


# Refusals


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "NM", "PT", "MG", "XA", "RF"])
def test_what_is_not_a_radiograph_is_refused_by_its_modality(modality):
    assert f"of modality {modality}, not a radiograph" in refusal(stored(dataset(Modality=modality)))


def test_a_modality_that_says_more_than_it_should_is_not_repeated():
    assert "of another modality" in refusal(stored(dataset(Modality="LOVELACE")))


def test_several_frames_are_refused():
    image = dataset(NumberOfFrames=2, PixelData=GREY.tobytes() * 2)
    assert "several frames" in refusal(stored(image))


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


def test_a_file_that_ends_within_its_header_is_cut_short_and_a_whole_one_has_no_picture():
    whole = stored(dataset(DEEP))
    for end in (200, 400, whole.index(b"\xe0\x7f\x10\x00O") - 3):
        assert "damaged or cut short" in refusal(whole[:end])
    assert "without a picture" in refusal(stored(dataset(PixelData=None)))


def test_the_length_of_the_meta_information_may_be_missing():
    for syntax in (uids.ExplicitVRLittleEndian, uids.DeflatedExplicitVRLittleEndian):
        data = stored(dataset(DEEP), syntax)
        assert data[132:138] == b"\2\0\0\0UL"
        np.testing.assert_array_equal(pixels(data[:132] + data[144:]), stretched(DEEP))


def test_a_file_that_inflates_without_end_is_refused(monkeypatch):
    data = stored(dataset(np.zeros((2000, 2000), np.uint8)), uids.DeflatedExplicitVRLittleEndian)
    assert pixels(data).shape == (2000, 2000)
    monkeypatch.setattr(dicom_elements, "MAX_INFLATED", 100_000)
    assert "damaged" in refusal(data)
    lying = data[:140] + bytes(4) + data[144:]  # the meta information is zero bytes long, it says
    assert "damaged" in refusal(lying)


def test_what_was_deflated_twice_is_refused_and_not_inflated_again():
    image = dataset(DEEP)
    inner = stored(image, uids.DeflatedExplicitVRLittleEndian)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    meta = inner[: 144 + struct.unpack_from("<L", inner, 140)[0]]
    assert "damaged" in refusal(meta + packer.compress(inner) + packer.flush())


def test_the_name_of_deflated_files_elsewhere_deflates_none():
    image = dataset(DEEP, StudyDescription=f"copy of {uids.DeflatedExplicitVRLittleEndian}")
    np.testing.assert_array_equal(pixels(stored(image)), stretched(DEEP))


ITEM = bytes.fromhex("feff00e0ffffffff feff0de000000000")  # an empty one of undefined length
PRIVATE = bytes.fromhex("090010105351 0000 ffffffff")  # the head of a private sequence of undefined length


@pytest.mark.parametrize("head, piece, end", [
    (PRIVATE, ITEM, dicom_elements.SEQUENCE_DELIMITER),
    (b"", bytes.fromhex("090010104c4f0000"), b""),  # an empty private element
])  # fmt: skip
def test_a_header_of_far_more_pieces_than_a_radiograph_has_is_refused(head, piece, end):
    data = stored(dataset())
    start = data.rindex(b"\xe0\x7f\x10\x00O")
    few, many = (
        data[:start] + head + count * piece + end + data[start:] for count in (200, dicom_elements.MAX_READS)
    )
    np.testing.assert_array_equal(pixels(few), GREY)
    assert "damaged" in refusal(many)


def test_a_view_of_far_more_codes_than_a_radiograph_has_is_refused():
    data = stored(dataset())
    assert "damaged" in refusal(with_element(data, "ViewCodeSequence", dicom_elements.MAX_READS * ITEM))
    np.testing.assert_array_equal(pixels(with_element(data, "ViewCodeSequence", 200 * ITEM)), GREY)


@pytest.mark.parametrize("name", ["WindowCenter", "RescaleSlope", "PixelPaddingValue", "ViewPosition"])
def test_a_value_that_is_far_too_long_is_as_good_as_none(name):
    data = stored(dataset(), uids.ImplicitVRLittleEndian)
    start, tag = data.rindex(b"\xe0\x7f\x10\x00"), Tag(name)
    value = 2_000_000 * b"2\\"
    head = struct.pack("<HHL", tag.group, tag.element, len(value))
    tracemalloc.start()
    np.testing.assert_array_equal(pixels(data[:start] + head + value + data[start:]), GREY)
    assert tracemalloc.get_traced_memory()[1] < 6 * len(value)
    tracemalloc.stop()


@pytest.mark.parametrize(("views", "is_read"), [(1, True), (12, False)])
def test_the_codes_of_all_views_are_counted_together(views, is_read):
    codes = (dicom_elements.MAX_READS // 20) * bytes.fromhex("feff00e000000000")
    modifiers = bytes.fromhex("540022025351 0000") + len(codes).to_bytes(4, "little") + codes
    view = bytes.fromhex("feff00e0") + len(modifiers).to_bytes(4, "little") + modifiers
    data = with_element(stored(dataset()), "ViewCodeSequence", views * view)
    if is_read:
        np.testing.assert_array_equal(pixels(data), GREY)
    else:
        assert "damaged" in refusal(data)


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


def test_reading_dicom_leaves_the_programs_own_compression_whole():
    program = (
        "import hub.imaging.dicom_frame, zlib\n"
        "packer = zlib.compressobj(wbits=-15)\n"
        "print(len(zlib.decompress(packer.compress(bytes(4000)) + packer.flush(), -15)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "4000\n"), done.stderr


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
