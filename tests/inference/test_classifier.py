"""`Classifier`: fast, and with the answers of the plain way."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hub.errors import InputError
from hub.imaging.read import read_pixels
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["synthetic", "real"])
def films(request):
    """24 radiographs, 224 px a side."""
    if request.param == "synthetic":
        return sample_radiographs(24)[0]
    paths = sorted((request.getfixturevalue("shared") / "data" / "chest_xray" / "test").glob("*/*.jpeg"))
    return [Image.open(path).convert("L") for path in paths[:: len(paths) // 23]][:24]


def enlarged(film):
    """A film as JPEG of 2,000 px, as a detector's picture is."""
    file = io.BytesIO()
    film.resize((2000, 2000), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def test_a_large_jpeg_has_the_answer_that_all_its_pixels_give(films):
    """In 32 bits; 8 bits may be moved further by so little, of which `benchmarks.scale` counts how often."""
    classifier, files = Classifier(BUNDLED, precision="fp32"), list(map(enlarged, films))
    shape = classifier.size, classifier.channels, classifier.radiograph
    plain = [read_pixels(file, *shape, crop=True) for file in files]
    fast = [classifier.read(file) for file in files]
    expected, found = (
        np.array([list(answer.probabilities.values()) for answer in classifier.predict(inputs, always=True)])
        for inputs in (plain, fast)
    )
    assert (np.abs(found - expected).max(1) <= 0.01).mean() >= 0.95
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert any((a != b).any() for a, b in zip(plain, fast, strict=True)), "read at reduced scale"


# 32 and 8 bits


@pytest.fixture
def copy(tmp_path):
    """A copy of the bundled folder, and a function that puts a section `onnx` into its metrics.json."""
    shutil.copytree(BUNDLED, tmp_path / "model")

    def record(section):
        (tmp_path / "model" / "metrics.json").write_text(json.dumps({"onnx": section}))

    return tmp_path / "model", record


def test_both_precisions_answer_nearly_alike_and_with_all_outputs(film):
    classifiers = (Classifier.from_pretrained(precision=precision) for precision in ("fp32", "int8"))
    full, small = (each.predict([each.read(film)], always=True)[0] for each in classifiers)
    assert full.label == small.label == "PNEUMONIA"
    assert 0 < abs(full.probabilities["PNEUMONIA"] - small.probabilities["PNEUMONIA"]) < 0.05
    np.testing.assert_allclose(full.heatmap, small.heatmap, atol=0.3 * np.ptp(full.heatmap))


@pytest.mark.parametrize(
    ("section", "usual"),
    [
        ({"test_labels_changed": 0, "test_verdicts_changed": 0}, "int8"),
        ({"test_labels_changed": 2, "test_verdicts_changed": 2}, "int8"),
        ({"test_labels_changed": 3, "test_verdicts_changed": 0}, "fp32"),
        ({"test_labels_changed": 0, "test_verdicts_changed": 3}, "fp32"),
        ({"int8_kept": True}, "fp32"),  # nobody has counted
        ({"test_labels_changed": "few", "test_verdicts_changed": 0}, "fp32"),
        ([], "fp32"),
    ],
)
def test_eight_bits_are_usual_where_they_change_two_answers_to_the_test_split_at_most(copy, section, usual):
    folder, record = copy
    record(section)
    assert Classifier(folder).precision == usual
    assert Classifier(folder, precision="fp32").precision == "fp32"
    assert Classifier.from_pretrained(folder, precision="int8").precision == "int8"


def test_the_input_check_is_left_out_of_eight_bits_that_change_its_verdicts(copy, film):
    folder, record = copy
    record({"test_labels_changed": 0, "test_verdicts_changed": 3})
    assert Classifier(folder, precision="int8")(film).verdict.status == "unchecked"
    assert Classifier(folder, precision="fp32")(film).verdict.status != "unchecked"
    record({"test_labels_changed": 0, "test_verdicts_changed": 2})
    assert Classifier(folder, precision="int8")(film).verdict.status != "unchecked"


def test_thirty_two_bits_are_usual_where_nothing_was_measured(copy):
    folder, _ = copy
    (folder / "metrics.json").unlink()
    assert Classifier(folder).precision == "fp32"


def test_a_precision_that_is_not_there_is_one_sentence(copy):
    folder, _ = copy
    (folder / "onnx" / "model_int8.onnx").unlink()
    with pytest.raises(InputError, match=r'has no onnx/model_int8\.onnx; .*give precision="fp32"\.$'):
        Classifier(folder, precision="int8")
    with pytest.raises(InputError, match=r"There is no precision fp16; give fp32 or int8\.$"):
        Classifier.from_pretrained(folder, precision="fp16")
    with pytest.raises(InputError, match="There is no precision fp16"):
        Classifier.from_pretrained("nobody/nothing", precision="fp16", local_files_only=True)


# Threads and pixels


def test_pictures_are_normalised_as_by_the_definition(classifier):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    found = classifier.normalize(pictures)
    expected = (pictures.astype(np.float32) / 255 - classifier.mean) / classifier.std
    np.testing.assert_array_equal(found, expected.transpose(0, 3, 1, 2))
    assert found.flags.c_contiguous and found.dtype == np.float32


def test_however_many_pictures_are_given_each_has_the_answer_it_has_alone(classifier):
    pictures = [classifier.read(film) for film in sample_radiographs(10)[0]]
    alone = [classifier.predict([picture])[0] for picture in pictures]
    for one, other in zip(alone, classifier.predict(pictures), strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
        assert one.verdict == other.verdict
        np.testing.assert_allclose(one.heatmap, other.heatmap, atol=1e-3)


def test_serving_takes_less_than_350_mb():
    """Films one at a time and 64 at once, in a process that does nothing else."""
    program = (
        "import numpy as np\n"
        "from benchmarks.machine import peak_memory\n"
        "from hub.classifier import Classifier\n"
        "classifier = Classifier.from_pretrained()\n"
        "films = list(np.random.default_rng(0).integers(0, 256, (64, 300, 300), dtype=np.uint8))\n"
        "classifier(films[0]), classifier(films)\n"
        "print(peak_memory())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert int(done.stdout) < 350, done.stderr
