"""`Classifier`: which folders it loads, in which precision, and what it answers."""

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from PIL import Image

from hub.errors import InputError
from hub.imaging.read import read_pixels
from hub.imaging.synthetic import sample_radiographs
from hub.inference import input_check
from hub.inference.classifier import Classifier
from hub.models.digests import DIGESTS
from hub.models.folder import BUNDLED

ROOT = Path(__file__).parents[2]


def test_onnx_runtime_notes_nothing_down_to_tell_its_makers(tmp_path):
    """It would queue each model and each mistake in a data base, and send them."""
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "TMPDIR"), str(tmp_path))
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    program = "import hub; hub.Classifier.from_pretrained()"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment | places, check=True)
    assert not list(tmp_path.rglob("*"))


def test_a_radiograph_too_small_to_read_is_refused_by_the_classifier(radiograph, classifier):
    with pytest.raises(InputError, match="only 31 x 40 pixels"):
        classifier(radiograph.resize((31, 40)))


def test_a_image_a_path_bytes_and_an_array_are_the_same_to_the_classifier(radiograph, tmp_path, classifier):
    path = tmp_path / "film.png"
    radiograph.save(path)
    answers = [
        classifier(source)
        for source in (radiograph, path, str(path), path.read_bytes(), np.asarray(radiograph))
    ]
    assert all(answer.probabilities == answers[0].probabilities for answer in answers)


def test_an_empty_list_gives_an_empty_list(classifier):
    assert classifier([]) == []


def test_probabilities_sum_to_one_and_the_label_is_the_likeliest(radiograph, classifier):
    prediction = classifier(radiograph)
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.get)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a model folder"):
        Classifier.from_pretrained(tmp_path)


def test_a_model_id_without_network_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(InputError, match="give a local model folder"):
        Classifier.from_pretrained("nobody/nothing", cache_dir=tmp_path, local_files_only=True)


def test_a_name_that_is_neither_folder_nor_id_is_refused():
    with pytest.raises(InputError, match="check the name"):
        Classifier.from_pretrained("no/such/folder")


def test_a_model_folder_with_a_damaged_network_or_without_network_or_class_names_is_refused(tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "model", ignore=shutil.ignore_patterns(DIGESTS))
    (tmp_path / "model" / "metrics.json").unlink()  # without its count, 32 bits are the default
    network = tmp_path / "model" / "onnx" / "model.onnx"
    network.write_bytes(network.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"model\.onnx is damaged"):
        Classifier.from_pretrained(tmp_path / "model")
    with network.open("wb") as file:
        file.truncate(2**31 + 1)  # of holes, which take no room
    with pytest.raises(InputError, match="more than 2 GB"):
        Classifier.from_pretrained(tmp_path / "model")
    network.unlink()
    with pytest.raises(InputError, match=r"no onnx/model\.onnx; python -m hub export"):
        Classifier.from_pretrained(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    del config["label_names"]
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="no label_names"):
        Classifier.from_pretrained(tmp_path / "model")


@pytest.fixture(params=["synthetic", pytest.param("real", marks=pytest.mark.real_data)])
def radiographs(request):
    """Return 24 radiographs, 224 px a side."""
    if request.param == "synthetic":
        return sample_radiographs(24)[0]
    paths = sorted((request.getfixturevalue("shared") / "data" / "chest_xray" / "test").glob("*/*.jpeg"))
    return [Image.open(path).convert("L") for path in paths[:: len(paths) // 23]][:24]


def enlarged(radiograph):
    """Return a radiograph as a JPEG of 2,000 px, about the size of a detector's."""
    file = io.BytesIO()
    radiograph.resize((2000, 2000), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def test_a_large_jpeg_has_the_answer_that_all_its_pixels_give(radiographs):
    """In 32 bits; `benchmarks.reduction` counts how often 8 bits move further."""
    classifier, files = Classifier(BUNDLED, precision="fp32"), list(map(enlarged, radiographs))
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


@pytest.fixture
def copy(tmp_path):
    """Return a copy of the bundled folder, and a function that writes the section `onnx` of its record."""
    shutil.copytree(BUNDLED, tmp_path / "model", ignore=shutil.ignore_patterns(DIGESTS))

    def record(section):
        (tmp_path / "model" / "metrics.json").write_text(json.dumps({"onnx": section}))

    return tmp_path / "model", record


def test_both_precisions_answer_nearly_alike_and_with_all_outputs(radiograph):
    classifiers = (Classifier.from_pretrained(precision=precision) for precision in ("fp32", "int8"))
    full, small = (each.predict([each.read(radiograph)], always=True)[0] for each in classifiers)
    assert full.label == small.label == "PNEUMONIA"
    assert 0 < abs(full.probabilities["PNEUMONIA"] - small.probabilities["PNEUMONIA"]) < 0.05
    np.testing.assert_allclose(full.heatmap, small.heatmap, atol=0.3 * np.ptp(full.heatmap))


@pytest.mark.parametrize(
    ("section", "default"),
    [
        ({"test_labels_changed": 0, "test_verdicts_changed": 0}, "int8"),
        ({"test_labels_changed": 2, "test_verdicts_changed": 2}, "int8"),
        ({"test_labels_changed": 3, "test_verdicts_changed": 0}, "fp32"),
        ({"test_labels_changed": 0, "test_verdicts_changed": 3}, "fp32"),
        ({"int8_kept": True}, "fp32"),  # not counted
        ({"test_labels_changed": "few", "test_verdicts_changed": 0}, "fp32"),
        ([], "fp32"),
    ],
)
def test_eight_bits_are_the_default_where_they_change_two_test_answers_at_most(copy, section, default):
    folder, record = copy
    record(section)
    assert Classifier(folder).precision == default
    assert Classifier(folder, precision="fp32").precision == "fp32"
    assert Classifier.from_pretrained(folder, precision="int8").precision == "int8"


def test_the_input_check_is_left_out_of_eight_bits_that_change_its_verdicts(copy, radiograph):
    folder, record = copy
    record({"test_labels_changed": 0, "test_verdicts_changed": 3})
    assert Classifier(folder, precision="int8")(radiograph).verdict.status == "unchecked"
    assert Classifier(folder, precision="fp32")(radiograph).verdict.status != "unchecked"
    record({"test_labels_changed": 0, "test_verdicts_changed": 2})
    assert Classifier(folder, precision="int8")(radiograph).verdict.status != "unchecked"


def test_thirty_two_bits_are_the_default_where_nothing_was_measured(copy):
    folder, _ = copy
    (folder / "metrics.json").unlink()
    assert Classifier(folder).precision == "fp32"


def test_the_input_check_can_be_left_out_or_given(copy, radiograph):
    folder, record = copy
    record({"test_labels_changed": 0, "test_verdicts_changed": 3})
    assert Classifier(folder, check=False, precision="fp32")(radiograph).verdict.status == "unchecked"
    check = input_check.load(folder)
    assert Classifier(folder, check=check, precision="int8")(radiograph).verdict.status != "unchecked"
    check |= {"margin": np.float32([np.inf]), "familiar": np.float32([-1])}  # by distance alone, none passes
    assert Classifier(folder, check=check, precision="fp32")(radiograph).verdict.status != "fine"


def test_8_bits_answer_alike_on_every_processor():
    """As step by step in 32 bits; sums that overflow, as they may on x86, differ five times as much."""
    classifier, plain = Classifier(BUNDLED, precision="int8"), SessionOptions()
    plain.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    pixels = [classifier.read(image) for image in sample_radiographs(16, seed=7)[0]]
    inputs = {"pixel_values": classifier.normalize(np.stack(pixels))}
    exact, served = (
        session.run(["logits"], inputs)[0]
        for session in (InferenceSession(classifier.file, plain), classifier.session)
    )
    assert np.ptp(served - exact, axis=1).max() < 0.04


def test_a_precision_that_is_not_there_is_one_sentence(copy):
    folder, _ = copy
    (folder / "onnx" / "model_int8.onnx").unlink()
    with pytest.raises(InputError, match=r'has no onnx/model_int8\.onnx; .*give precision="fp32"\.$'):
        Classifier(folder, precision="int8")
    with pytest.raises(InputError, match=r"There is no precision fp16; give fp32 or int8\.$"):
        Classifier.from_pretrained(folder, precision="fp16")
    shutil.rmtree(folder / "onnx")
    with pytest.raises(InputError, match=r"no onnx/model_int8\.onnx; python -m hub export makes it"):
        Classifier.from_pretrained(folder)
    with pytest.raises(InputError, match="There is no precision fp16"):
        Classifier.from_pretrained("nobody/nothing", precision="fp16", local_files_only=True)


def test_images_are_normalised_as_by_the_definition(classifier):
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    found = classifier.normalize(images)
    expected = (images.astype(np.float32) / 255 - classifier.mean) / classifier.std
    np.testing.assert_array_equal(found, expected.transpose(0, 3, 1, 2))
    assert found.flags.c_contiguous and found.dtype == np.float32


def test_however_many_images_are_given_each_has_the_answer_it_has_alone(classifier):
    images = [classifier.read(radiograph) for radiograph in sample_radiographs(10)[0]]
    alone = [classifier.predict([image])[0] for image in images]
    for one, other in zip(alone, classifier.predict(images), strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
        assert one.verdict == other.verdict
        np.testing.assert_allclose(one.heatmap, other.heatmap, atol=1e-3)


def test_a_folder_that_is_gone_meanwhile_changes_no_answer_also_of_copies_and_in_other_processes(
    tmp_path, classifier
):
    images, _ = sample_radiographs(9)
    opened = Classifier(shutil.copytree(BUNDLED, tmp_path / "model"))
    expected = [answer.probabilities for answer in classifier(images)]
    assert [answer.probabilities for answer in opened(images)] == expected
    pickled = pickle.dumps(opened)
    shutil.rmtree(tmp_path / "model")
    for each in (opened, deepcopy(opened), pickle.loads(pickled)):
        assert [answer.probabilities for answer in each(images)] == expected
        assert each.digest == classifier.digest
    with pytest.raises(InputError, match="is not there"):
        opened.save_pretrained(tmp_path / "saved")


@pytest.mark.parametrize("threads", [-1, 10**9, 1.5, "two"])
def test_threads_that_nobody_can_have_are_one_sentence(threads):
    with pytest.raises(InputError, match="threads; give a whole number"):
        Classifier(BUNDLED, threads=threads)


def test_many_images_take_little_more_memory_than_a_run_of_the_network_in_each_thread():
    """In a process that does nothing else; all images in one run would take several times as much."""
    program = (
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from hub.inference.classifier import CHUNK_SIZE, Classifier\n"
        "classifier = Classifier.from_pretrained(threads=2)\n"
        "images = list(np.random.default_rng(0).integers(0, 256, (64, 300, 300), dtype=np.uint8))\n"
        "for count in (4 * CHUNK_SIZE, 64):\n"
        "    classifier(images[:count])\n"
        "    print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    few_images, all_images = map(int, done.stdout.split())
    assert all_images < 1.3 * few_images, done.stderr


def test_serving_imports_neither_torch_nor_what_only_dicom_needs(radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    program = (
        "import sys, app\n"
        "from hub.demo import handlers\n"
        f"handlers.answer(handlers.load_model(), {str(tmp_path / 'film.png')!r})\n"
        "heavy = {'torch', 'timm', 'transformers', 'datasets', 'sklearn', 'scipy', 'matplotlib', 'onnx'}\n"
        "heavy |= {'pydicom', 'tifffile', 'imagecodecs'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
