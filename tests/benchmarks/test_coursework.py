"""The comparison with the coursework's Keras."""

import importlib.util
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmarks import coursework, keras_peers, processes
from hub.data.decode_cache import decode
from hub.data.leakage import leak_report
from hub.data.splits import load_splits
from hub.errors import InputError

ROOT = Path(__file__).parents[2]
# It comes with benchmarks/requirements.txt, half a gigabyte that nothing else here needs.
needs_tensorflow = pytest.mark.skipif(
    not importlib.util.find_spec("tensorflow"),
    reason="TensorFlow is not installed; benchmarks/requirements.txt brings it",
)


@pytest.fixture
def digits(tmp_path, write_noise):
    """Two classes of 24 small pictures each in train, 8 in test."""
    for split, count in (("train", 24), ("test", 8)):
        for label in ("one", "two"):
            for number in range(count):
                write_noise(tmp_path / "digits" / split / label / f"{number}.png")
    return tmp_path / "digits"


def keras_figures(images, epochs=2):
    """What keras_peers writes."""
    return {
        "network": "small_cnn",
        "images": images,
        "test_accuracy": 0.75,
        "epochs": epochs,
        "seconds": 6.0 * epochs,
        "versions": {"tensorflow": "2.21.0", "keras": "3.15.1"},
    }


@pytest.fixture
def commands(monkeypatch):
    """Let no command run: each is written down, and leaves what it would have left after 9 seconds."""
    called = []

    def run(arguments):
        called.append(arguments)
        values = dict(pairwise(arguments))
        if "benchmarks.keras_peers" in arguments:
            images = {"train": 42, "validation": 6, "test": 16}
            Path(values["--result"]).write_text(json.dumps(keras_figures(images)))
        elif "train.py" in arguments:
            folder = Path(values["--output"])
            folder.mkdir()
            (folder / "config.json").write_text('{"architecture": "lenet"}')
            splits = leak_report(load_splits(values["--dataset"]))
            training = {"splits": splits, "history": [{}, {}], "training_seconds": 3.0}
            test = {"accuracy": {"value": 0.875}}
            (folder / "metrics.json").write_text(json.dumps({"training": training, "test": test}))
        return 9.0, 0

    monkeypatch.setattr(processes, "run", run)
    return called


def compare(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["coursework", *map(str, arguments)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    coursework.main()


def test_keras_learns_first_then_train_py_from_the_same_images(
    digits, commands, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(coursework, "RECORD", tmp_path / "coursework.json")
    output = tmp_path / "runs"
    compare(monkeypatch, "--mnist", digits, "--only", "mnist", "--seed", 3, "--output", output, "--save")
    keras, learn, evaluate = commands
    assert keras[:3] == ["-m", "benchmarks.keras_peers", "mnist"]
    assert learn[:5] == ["train.py", "--recipe", "mnist", "--dataset", str(digits)]
    assert evaluate == ["-m", "hub", "evaluate", str(output / "mnist"), "--dataset", str(digits), "--save"]
    for command in (keras, learn):
        assert command[command.index("--seed") + 1] == "3"
    arrays = keras_peers.read_arrays(output / "mnist.npz")
    for split, dataset in load_splits(digits).items():
        images, labels = decode(dataset, 28, channels=1, radiograph=False)
        assert np.array_equal(arrays[split][0], images.permute(0, 2, 3, 1))
        assert np.array_equal(arrays[split][1], labels)
    record = json.loads((tmp_path / "coursework.json").read_text())
    theirs, ours = record["mnist"]["rows"]
    assert (theirs["seconds"], theirs["command_seconds"]) == (12, 9)
    assert (ours["seconds"], ours["command_seconds"], ours["test_accuracy"]) == (3, 18, 0.875)
    assert coursework.format_table(record) in capsys.readouterr().out


def test_exercises_that_were_not_run_stay_in_the_record(digits, commands, tmp_path, monkeypatch):
    monkeypatch.setattr(coursework, "RECORD", tmp_path / "coursework.json")
    (tmp_path / "coursework.json").write_text('{"mnist": "old", "xray": "old"}')
    monkeypatch.setattr(coursework, "format_table", json.dumps)
    compare(monkeypatch, "--cifar10", digits, "--only", "cifar10", "--output", tmp_path / "runs", "--save")
    record = json.loads((tmp_path / "coursework.json").read_text())
    assert list(record) == ["mnist", "cifar10", "xray"] and record["xray"] == "old"
    assert len(record["cifar10"]["rows"]) == 3


def test_sides_that_learned_from_other_images_are_not_compared(digits, commands, tmp_path):
    processes.run(["train.py", "--dataset", str(digits), "--output", str(tmp_path / "mnist")])
    report = leak_report(load_splits(digits))
    assert coursework.our_row("mnist", tmp_path / "mnist", report, 9.0)["epochs"] == 2
    report["patients"]["train"] -= 1
    with pytest.raises(InputError, match="give both the same splits"):
        coursework.our_row("mnist", tmp_path / "mnist", report, 9.0)


def test_the_table_has_accuracy_seconds_and_their_ratio():
    machine = {"cpu": "Abacus", "cores": 2, "python": "3.11.7", "torch": "2.15.0", "timm": "1.0.31"}
    record = {
        "cifar10": {
            "images": {"train": 43750},
            "machine": machine | {"tensorflow": "2.21.0", "keras": "3.15.1"},
            "rows": [
                {"who": "Keras", "network": "small_cnn", "epochs": 5, "test_accuracy": 0.65784}
                | {"seconds": 174.2, "command_seconds": 190.4},
                {"who": "train.py --recipe cifar10", "network": "lenet", "epochs": 5}
                | {"test_accuracy": 0.7512, "seconds": 43.55, "command_seconds": 101.0},
            ],
        }
    }
    *table, _, below = coursework.format_table(record).splitlines()
    assert table[0].count("|") == table[1].count("|")
    assert table[2:] == [
        "| cifar10 | Keras | small_cnn | 43,750 | 5 | 65.78 % | 66.53 % | 34.8 | 174 | 1.00 | 190 |",
        "| cifar10 | `train.py --recipe cifar10` | lenet | 43,750 | 5 | 75.12 % | 66.53 % | 8.7 | 44 | 0.25 "
        "| 101 |",
    ]
    assert below == (
        "Times of one run on Abacus, 2 cores: python 3.11.7, torch 2.15.0, timm 1.0.31, tensorflow 2.21.0, "
        "keras 3.15.1."
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "There are no images for mnist; give --mnist DIR"),
        (["--only", "xray", "--xray", "films"], "The X-rays start from ImageNet weights; give --weights"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(monkeypatch, arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        compare(monkeypatch, *arguments)


def test_without_tensorflow_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["coursework", "--only", "mnist", "--mnist", "digits"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -r benchmarks/requirements\.txt"):
        coursework.main()


def test_a_command_that_fails_ends_the_comparison(capfd):
    with pytest.raises(InputError, match="ended with 3; what it says above is why"):
        processes.run(["-c", "import sys; print('no such luck', file=sys.stderr); sys.exit(3)"])
    assert "no such luck" in capfd.readouterr().err


def test_arrays_are_never_unpickled(tmp_path):
    file = tmp_path / "arrays.npz"
    splits = {f"{split}_{kind}": np.zeros(2) for split in keras_peers.SPLITS for kind in ("images", "labels")}
    np.savez(file, **splits | {"test_labels": np.array([print, None], dtype=object)})
    with pytest.raises(InputError, match="does not hold train, validation, test"):
        keras_peers.read_arrays(file)


def test_every_layer_of_timms_network_has_its_name_in_keras():
    network = timm.create_model("mobilenetv2_100")
    layers = {name.rpartition(".")[0] for name, _ in network.named_parameters()}
    names = list(keras_peers.timm_names().values())
    assert len(names) == len(set(names))
    assert {*names, "classifier"} == layers


def keras_predicts(weights, pixels, tmp_path):
    """Keras's ImageNet probabilities [N, 1000] of normalised images float32 [N, H, W, 3]."""
    np.save(tmp_path / "pixels.npy", pixels)
    program = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from benchmarks.keras_peers import imagenet_network\n"
        "folder = Path(sys.argv[2])\n"
        "pixels = np.load(folder / 'pixels.npy')\n"
        "network = imagenet_network(Path(sys.argv[1]), pixels.shape[1:3], include_top=True)\n"
        "np.save(folder / 'probabilities.npy', network.predict(pixels, verbose=0))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(weights), str(tmp_path)], check=True, cwd=ROOT)
    return np.load(tmp_path / "probabilities.npy")


@needs_tensorflow
def test_keras_computes_what_timm_does_from_the_same_weights(tmp_path):
    torch.manual_seed(0)
    # Weights of TensorFlow's were trained with its padding, below and to the right.
    network = timm.create_model("mobilenetv2_100", pad_type="same").eval()
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_(std=0.2)
        elif name.endswith("running_var") or tensor.ndim == 1:
            tensor.uniform_(0.5, 2)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    pixels = torch.randn(3, 3, 96, 96)
    with torch.inference_mode():
        ours = network(pixels).softmax(1).numpy()
    theirs = keras_predicts(tmp_path / "weights.safetensors", pixels.permute(0, 2, 3, 1).numpy(), tmp_path)
    assert ours.max() > 3 / ours.shape[1]
    np.testing.assert_allclose(theirs, ours, rtol=1e-3)


@needs_tensorflow
def test_the_photographs_get_the_same_names_from_both(shared, tmp_path):
    weights = shared / "weights" / "mobilenetv2_100_imagenet.safetensors"
    files = sorted((shared / "data" / "out_of_scope" / "photo").iterdir())
    pictures = [np.asarray(Image.open(file).convert("RGB").resize((224, 224))) for file in files]
    pixels = ((np.stack(pictures) - keras_peers.MEAN) / keras_peers.DEVIATION).astype(np.float32)
    theirs = keras_predicts(weights, pixels, tmp_path)
    network = timm.create_model(
        "mobilenetv2_100", pretrained=True, pretrained_cfg_overlay={"file": str(weights)}, pad_type="same"
    ).eval()
    with torch.inference_mode():
        ours = network(torch.from_numpy(pixels).permute(0, 3, 1, 2)).softmax(1).numpy()
    assert np.array_equal(ours.argmax(1), theirs.argmax(1))
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
    cat = [file.stem for file in files].index("cat")
    assert 281 <= theirs[cat].argmax() <= 285  # ImageNet's cats of the house


def learn(exercise, arrays, tmp_path, *arguments):
    """What keras_peers makes of arrays by split in two epochs."""
    stored = {}
    for split, (images, labels) in arrays.items():
        stored |= {f"{split}_images": images, f"{split}_labels": labels}
    np.savez(tmp_path / "arrays.npz", **stored)
    command = [sys.executable, "-m", "benchmarks.keras_peers", exercise, "--epochs", "2"]
    command += ["--arrays", str(tmp_path / "arrays.npz"), "--result", str(tmp_path / "result.json")]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)


def bright_or_dark(size, channels, counts=(160, 8, 16)):
    """Arrays by split that anything can learn."""
    random, arrays = np.random.default_rng(0), {}
    for split, count in zip(keras_peers.SPLITS, counts, strict=True):
        labels = np.arange(count) % 2
        noise = random.integers(0, 64, (count, size, size, channels))
        arrays[split] = (noise + 160 * labels[:, None, None, None]).astype(np.uint8), labels
    return arrays


@needs_tensorflow
@pytest.mark.parametrize(("exercise", "size", "channels"), [("mnist", 28, 1), ("cifar10", 32, 3)])
def test_keras_learns_and_says_how_well_and_how_fast(tmp_path, exercise, size, channels):
    arrays = bright_or_dark(size, channels, (2560, 8, 16))
    assert learn(exercise, arrays, tmp_path).returncode == 0
    figures = json.loads((tmp_path / "result.json").read_text())
    assert figures["images"] == {"train": 2560, "validation": 8, "test": 16}
    assert figures["test_accuracy"] == 1
    assert len(figures["validation_accuracy"]) == len(figures["epoch_seconds"]) == figures["epochs"] == 2
    assert figures["images_per_second"] == pytest.approx(2 * 2560 / figures["seconds"])


@needs_tensorflow
def test_of_mobilenet_keras_learns_the_head_alone(tmp_path):
    save_file(timm.create_model("mobilenetv2_100").state_dict(), tmp_path / "weights.safetensors")
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from benchmarks.keras_peers import transfer_network\n"
        "network = transfer_network(Path(sys.argv[1]), (64, 64), 2)\n"
        "print([tuple(weight.shape) for weight in network.trainable_weights])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "weights.safetensors")]
    shown = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert shown.strip() == "[(1280, 128), (128,), (128, 2), (2,)]"


@needs_tensorflow
def test_keras_learns_films_from_weights_and_refuses_other_files(tmp_path):
    weights = tmp_path / "weights.safetensors"
    films = bright_or_dark(64, 1)
    save_file(timm.create_model("mobilenetv2_100").state_dict(), weights)
    assert learn("xray", films, tmp_path, "--weights", weights).returncode == 0
    figures = json.loads((tmp_path / "result.json").read_text())
    assert 0 <= figures["test_accuracy"] <= 1 and figures["images"]["train"] == 160
    save_file(timm.create_model("mobilenetv2_050").state_dict(), weights)
    ended = learn("xray", films, tmp_path, "--weights", weights)
    assert ended.returncode == 2 and "does not fit MobileNetV2" in ended.stderr.splitlines()[-1]
