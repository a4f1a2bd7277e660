"""The warning of an oblique view: from the header of a DICOM file to every answer."""

import zipfile

import numpy as np
import pytest
from dicom_files import dataset, stored, with_element

from hub.imaging.read import read_image
from hub.inference.batch import classify_files, to_csv
from hub.inference.classifier import Classifier
from hub.inference.decision import report
from hub.models.folder import BUNDLED

WORDS = "at an angle by its header"


def file(pixels, position="LAO"):
    return with_element(stored(dataset(np.asarray(pixels), Modality="DX")), "ViewPosition", position)


@pytest.fixture
def oblique(radiograph, tmp_path):
    (tmp_path / "oblique.dcm").write_bytes(file(radiograph))
    return tmp_path / "oblique.dcm"


def test_an_oblique_film_is_answered_and_warned_of(classifier, radiograph, oblique):
    frontal = classifier(file(radiograph, "PA"))
    for source in (oblique, str(oblique), oblique.read_bytes(), read_image(oblique)):
        prediction = classifier(source)
        assert (prediction.verdict.status, prediction.verdict.reason) == ("warned", "oblique")
        assert WORDS in prediction.verdict.sentence and prediction.warnings == [prediction.verdict.sentence]
        assert prediction.probabilities == frontal.probabilities
    assert frontal.verdict.reason != "oblique"


def test_each_film_of_a_list_has_its_own_warning(classifier, radiograph, oblique):
    predictions = classifier([radiograph, oblique, file(radiograph, "PA"), oblique])
    assert [each.verdict.reason == "oblique" for each in predictions] == [False, True, False, True]


def test_a_refusal_goes_before_it_and_no_other_warning_does(classifier, radiograph):
    assert classifier(file(np.zeros((64, 64), np.uint8))).verdict.reason == "blank"
    dark = np.asarray(radiograph) // 6
    assert classifier(dark).verdict.reason == "under-exposed"
    assert classifier(file(dark)).verdict.reason == "oblique"


def test_it_needs_no_input_check(oblique):
    prediction = Classifier(BUNDLED, check=False)(oblique)
    assert prediction.verdict.reason == "oblique" and prediction.label


def test_it_is_in_batches_and_in_their_table(classifier, radiograph, oblique, tmp_path):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.writestr("frontal.dcm", file(radiograph, "PA"))
        archive.writestr("text.dcm", b"none")
        archive.writestr("oblique.dcm", file(radiograph))
    radiograph.save(tmp_path / "film.png")
    files = [tmp_path / "film.png", oblique, tmp_path / "films.zip"]
    results = list(classify_files(classifier, files))
    assert [
        result.prediction.verdict.reason == "oblique" if result.prediction else None for result in results
    ] == [False, True, False, None, True]
    rows = [(each, each.prediction and report(classifier, each.prediction)) for each in results]
    assert to_csv(rows).count(WORDS) == 2
