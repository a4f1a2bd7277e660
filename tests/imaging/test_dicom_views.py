"""The view of a DICOM radiograph: frontal, lateral or oblique by its header."""

import numpy as np
import pytest
from dicom_files import DEEP, GREY, dataset, pixels, refusal, stored, with_element
from PIL import Image
from pydicom import Dataset, Sequence
from pydicom.sr.codedict import codes

from hub.imaging import dicom_views
from hub.imaging.read import read_image, read_reduced

FRONTAL = [
    "PA", "AP", "pa", "AP ERECT", "PA UPRIGHT", "AP SUPINE", "AP PORTABLE", "FRONTAL", "FLAT PLATE", "CHEST",
    "LLD", "RLD", "LEFT LATERAL DECUBITUS", "BILATERAL", "", " ",
]  # fmt: skip
LATERAL = [
    "LL", "RL", "ll", "LAT", "LATERAL", "L LAT", "LLAT", "RTLAT", "LEFT LATERAL", "XTABLE LATERAL",
    "X-TABLE LAT", "CROSS TABLE LATERAL", "SWIMMERS", "SWIMMER'S", "LATERO-MEDIAL", "ML", "SAGITTAL",
    "DORSAL DECUBITUS", "PROFIL",
]  # fmt: skip
OBLIQUE = [
    "LAO", "RAO", "LPO", "RPO", "LLO", "RLO", "rao", "LO", "RO", "OBLIQUE", "LT OBL", "AP OBLIQUE",
    "LEFT LATERAL OBLIQUE", "OBLICUA", "AP AXIAL", "LORDOTIC",
]  # fmt: skip


def at(position):
    return with_element(stored(dataset(DEEP)), "ViewPosition", position)


def coded(value="", meaning="", scheme="SCT", modifier=None):
    """A file of which the code of a view, or of its modifier, says what view it is."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    if modifier:
        view = Dataset()
        view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning = "399348003", "SCT", "antero-posterior"
        view.ViewModifierCodeSequence = Sequence([code])
        code = view
    return stored(dataset(DEEP, ViewCodeSequence=Sequence([code])))


def view(data):
    return read_image(data).info.get("view", "")


@pytest.mark.parametrize("position", FRONTAL)
def test_a_frontal_view_is_read(position):
    assert view(at(position)) == ""


@pytest.mark.parametrize("position", LATERAL)
def test_a_lateral_view_is_refused(position):
    assert "lateral view by its header; give the frontal one" in refusal(at(position))


@pytest.mark.parametrize("position", OBLIQUE)
def test_an_oblique_view_is_read_and_the_image_says_so(position):
    assert view(at(position)) == "oblique"


# PS3.16 CID 4010: the number of SNOMED CT, the older name of SNOMED RT, and what they mean.
CODES = [
    ("399348003", "R-10206", "antero-posterior", ""),
    ("272479007", "R-40888", "postero-anterior", ""),
    ("399033003", "R-10202", "frontal", ""),
    ("399067008", "R-102CD", "lateral", "lateral"),
    ("399173006", "R-10236", "left lateral", "lateral"),
    ("399198007", "R-10232", "right lateral", "lateral"),
    ("399260004", "R-10224", "medial-lateral", "lateral"),
    ("399352003", "R-10228", "lateral-medial", "lateral"),
    ("30730003", "G-A145", "Sagittal", "lateral"),
    ("399182000", "R-102C1", "oblique", "oblique"),
    ("399135007", "R-10220", "left anterior oblique", "oblique"),
    ("399356000", "R-40985", "right anterior oblique", "oblique"),
    ("399006002", "R-10212", "left posterior oblique", "oblique"),
    ("399038007", "R-10210", "right posterior oblique", "oblique"),
    ("399184004", "R-10238", "left oblique", "oblique"),
    ("260427002", "R-40783", "lateral oblique", "oblique"),
    ("399368009", "R-10226", "medio-lateral oblique", "oblique"),
    ("399312000", "R-10208", "antero-posterior oblique", "oblique"),
    ("399061009", "R-10241", "axial", "oblique"),
]


@pytest.mark.parametrize(("number", "name", "meaning", "expected"), CODES, ids=[row[2] for row in CODES])
def test_a_code_says_the_view_by_number_and_by_its_older_name(number, name, meaning, expected):
    for data in (coded(number, "Ada"), coded(name, "Ada", "SRT"), coded(name, "Ada", "99SDM")):
        if expected == "lateral":
            assert "lateral view" in refusal(data)
        else:
            assert view(data) == expected


def test_every_code_of_an_oblique_or_lateral_view_is_known():
    for concept in codes.cid4010.concepts.values():
        data = coded(concept.value, "whatever")
        if "oblique" in concept.meaning:
            assert view(data) == "oblique"
        elif "lateral" in concept.meaning:
            assert "lateral view" in refusal(data)


def test_of_very_many_codes_the_first_are_looked_up(monkeypatch):
    looked_up = []
    monkeypatch.setattr(dicom_views, "_meaning", looked_up.append)
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "399348003", "SCT"
    assert view(stored(dataset(DEEP, ViewCodeSequence=Sequence([code] * 500)))) == ""
    assert 1 < len(looked_up) <= dicom_views.MOST_CODES


def test_the_meaning_counts_where_the_code_is_of_another_scheme():
    assert "lateral view" in refusal(coded("RID43591", "lateral view", "RADLEX"))
    assert "lateral view" in refusal(coded("", "Left Lateral", "99LOCAL"))
    assert view(coded("RID43593", "left oblique view", "RADLEX")) == "oblique"
    assert view(coded("RID43594", "PA view", "RADLEX")) == ""
    assert view(coded("399348003", "left lateral")) == ""  # a code that is known goes before its meaning


def test_a_modifier_counts_too():
    assert view(coded("399182000", "Ada", modifier=True)) == "oblique"
    assert "lateral view" in refusal(coded("399067008", "Ada", modifier=True))


def test_position_and_code_count_alike():
    assert "lateral view" in refusal(with_element(coded("399173006"), "ViewPosition", "PA"))
    assert "lateral view" in refusal(with_element(coded("399348003"), "ViewPosition", "LL"))
    assert "lateral view" in refusal(with_element(coded("399173006"), "ViewPosition", "LAO"))
    assert view(with_element(coded("399348003"), "ViewPosition", "RPO")) == "oblique"


@pytest.mark.parametrize("orientation", ["A\\F", "P\\F", "F\\P", "A\\H"])
def test_the_orientation_of_the_patient_tells_where_nothing_else_does(orientation):
    data = with_element(stored(dataset(DEEP)), "PatientOrientation", orientation)
    assert "lateral view" in refusal(data)
    assert view(with_element(data, "ViewPosition", "PA")) == ""


@pytest.mark.parametrize("orientation", ["L\\F", "R\\F", "F\\L", "A\\P", "AL\\F", "L", "", "PA\\AP"])
def test_an_orientation_that_is_frontal_or_makes_no_sense_says_nothing(orientation):
    assert view(with_element(stored(dataset(DEEP)), "PatientOrientation", orientation)) == ""


def test_the_view_stays_with_the_image_however_it_is_read():
    data = at("LAO")
    image = read_image(data, radiograph=True)
    assert image.info == {"view": "oblique"} == read_image(image).info
    # Within borders that are cropped.
    framed = np.zeros((120, 120), np.uint8)
    framed[40:80, 36:84] = GREY // 2 + 100
    data = with_element(stored(dataset(framed)), "ViewPosition", "LAO")
    cropped = read_reduced(data, 32, radiograph=True, crop=True)
    assert cropped.size == (48, 40) and cropped.info == {"view": "oblique"}


def test_nothing_but_a_view_stays_of_a_file(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "image.png", dpi=(300, 300))
    assert read_image(tmp_path / "image.png").info == {}
    assert read_image(at("PA")).info == {}
    np.testing.assert_array_equal(pixels(at("LAO")), pixels(at("PA")))
