"""The coursework's networks in Keras, and ImageNet's weights in them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmarks import keras_peers
from hub.errors import InputError

ROOT = Path(__file__).parents[2]


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


@pytest.mark.usefixtures("tensorflow")
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


@pytest.mark.real_data
@pytest.mark.usefixtures("tensorflow")
def test_the_photographs_get_the_same_names_from_both(shared, tmp_path):
    weights = shared / "weights" / "mobilenetv2_100_imagenet.safetensors"
    files = sorted((shared / "data" / "out_of_scope" / "photo").iterdir())
    images = [np.asarray(Image.open(file).convert("RGB").resize((224, 224))) for file in files]
    pixels = ((np.stack(images) - keras_peers.MEAN) / keras_peers.DEVIATION).astype(np.float32)
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


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize(("exercise", "size", "channels"), [("mnist", 28, 1), ("cifar10", 32, 3)])
def test_keras_learns_and_says_how_well_and_how_fast(tmp_path, exercise, size, channels):
    arrays = bright_or_dark(size, channels, (2560, 8, 16))
    assert learn(exercise, arrays, tmp_path).returncode == 0
    figures = json.loads((tmp_path / "result.json").read_text())
    assert figures["images"] == {"train": 2560, "validation": 8, "test": 16}
    assert figures["test_accuracy"] == 1
    assert len(figures["validation_accuracy"]) == len(figures["epoch_seconds"]) == figures["epochs"] == 2
    assert figures["images_per_second"] == pytest.approx(2 * 2560 / figures["seconds"])


@pytest.mark.usefixtures("tensorflow")
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


@pytest.mark.slow
@pytest.mark.usefixtures("tensorflow")
def test_keras_learns_radiographs_from_weights_and_refuses_other_files(tmp_path):
    weights = tmp_path / "weights.safetensors"
    arrays = bright_or_dark(64, 1)
    save_file(timm.create_model("mobilenetv2_100").state_dict(), weights)
    assert learn("xray", arrays, tmp_path, "--weights", weights).returncode == 0
    figures = json.loads((tmp_path / "result.json").read_text())
    assert 0 <= figures["test_accuracy"] <= 1 and figures["images"]["train"] == 160
    save_file(timm.create_model("mobilenetv2_050").state_dict(), weights)
    process = learn("xray", arrays, tmp_path, "--weights", weights)
    assert process.returncode == 2 and "does not fit MobileNetV2" in process.stderr.splitlines()[-1]
