"""A data set called mnist, from training to evaluation, on real digits."""

import json

import numpy as np
import pytest
import timm
import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PillowImage
from sklearn.datasets import load_digits

import train
from hub.cli.main import main
from hub.cli.train import parse_settings
from hub.inference.classifier import Classifier
from hub.models.forward import predict_logits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Write 1,797 real digits of UCI, 8 x 8, in the layout of MNIST on the Hub: 28 x 28 greys as Parquet."""
    folder = tmp_path_factory.mktemp("data") / "mnist"
    folder.mkdir()
    found = load_digits()
    images = [
        PillowImage.fromarray((image * 15.9).astype(np.uint8)).resize((28, 28)) for image in found.images
    ]
    features = Features({"image": Image(), "label": ClassLabel(names=[*"0123456789"])})
    for split, rows in (("train", slice(0, 1400)), ("test", slice(1400, None))):
        columns = {"image": images[rows], "label": found.target[rows]}
        Dataset.from_dict(columns, features=features).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.fixture(scope="module")
def digit_reader(digits):
    """Return the model folder of `train.py --dataset mnist` after two epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(digits.parent)
        patch.setattr("hub.export.onnx.CALIBRATION_IMAGES", 12)
        train.main(parse_settings("", ["--dataset", str(digits), "--epochs", "2", "--batch-size", "32"]))
    return digits.parent / "runs" / "mnist"


def test_a_data_set_called_mnist_makes_a_digit_reader_of_one_channel(digit_reader, digits):
    classifier = Classifier.from_pretrained(digit_reader)
    assert (classifier.channels, classifier.size, classifier.classes) == (1, 28, [*"0123456789"])
    recipe = json.loads((digit_reader / "metrics.json").read_text())["training"]["recipe"]
    assert (recipe["name"], recipe["architecture"], recipe["epochs"]) == ("mnist", "simple_cnn", 2)
    stored = Dataset.from_parquet(str(digits / "test-00000-of-00001.parquet"))
    answers = classifier(stored["image"][:200])
    right = [int(answer.label) == label for answer, label in zip(answers, stored["label"][:200], strict=True)]
    assert np.mean(right) > 0.8


def test_timm_loads_it_and_agrees(digit_reader):
    model = timm.create_model(f"local-dir:{digit_reader}", pretrained=True).eval()
    classifier = Classifier.from_pretrained(digit_reader)
    pixels = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
    expected = predict_logits(model, pixels).softmax(1)
    answers = classifier([image[0].numpy() for image in pixels])
    given = torch.tensor([list(answer.probabilities.values()) for answer in answers])
    assert torch.allclose(given, expected, atol=1e-5)
    card = (digit_reader / "README.md").read_text()
    assert "import hub.architectures" in card
    assert "pipeline(" not in card


def test_it_is_measured_as_any_model_is(digit_reader, digits):
    assert main(["evaluate", str(digit_reader), "--dataset", str(digits), "--save"]) == 0
    metrics = json.loads((digit_reader / "metrics.json").read_text())
    assert metrics["test"]["n"] == 397
    assert metrics["test"]["accuracy"]["value"] > 0.8
