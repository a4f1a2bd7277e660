"""A model folder answers alike in timm, transformers, `pipeline` and `Classifier`."""

import json

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors import safe_open
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

from hub.models.folder import BUNDLED


@pytest.fixture
def files(radiograph, tmp_path):
    """Return one radiograph in several formats, sizes and modes."""
    images = {
        "grey.png": radiograph,
        "rgb.jpeg": radiograph.convert("RGB"),
        "wide.png": radiograph.resize((500, 300)).convert("RGB"),
        "large.jpeg": radiograph.resize((1000, 1000)),
    }
    for name, image in images.items():
        image.save(tmp_path / name)
    return [tmp_path / name for name in images]


@pytest.fixture(scope="module")
def timm_logits():
    model = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model))

    def logits(file):
        with torch.inference_mode():
            return model(transform(Image.open(file).convert("RGB"))[None])[0].numpy()

    return logits


def test_transformers_gives_timms_logits(files, timm_logits):
    processor = AutoImageProcessor.from_pretrained(BUNDLED)
    model = AutoModelForImageClassification.from_pretrained(BUNDLED).eval()
    assert model.config.id2label == {0: "NORMAL", 1: "PNEUMONIA"}
    for file in files:
        with torch.inference_mode():
            inputs = processor(Image.open(file).convert("RGB"), return_tensors="pt")
            assert np.abs(model(**inputs).logits[0].numpy() - timm_logits(file)).max() < 1e-5


def test_pipeline_gives_timms_logits(files, timm_logits):
    classify = pipeline("image-classification", str(BUNDLED))
    for file in files:
        scores = {row["label"]: row["score"] for row in classify(str(file), function_to_apply="none")}
        assert np.abs([scores["NORMAL"], scores["PNEUMONIA"]] - timm_logits(file)).max() < 1e-5


def test_classifier_gives_timms_probabilities(files, timm_logits, exact_classifier):
    for file, prediction in zip(files, exact_classifier([str(file) for file in files]), strict=True):
        expected = torch.from_numpy(timm_logits(file)).softmax(0).numpy()
        assert np.abs(list(prediction.probabilities.values()) - expected).max() < 1e-4


def test_colours_are_weighed_into_grey_alike_by_every_reader(
    radiograph, tmp_path, timm_logits, exact_classifier
):
    random = np.random.default_rng(0)
    tinted = Image.merge(
        "RGB", [radiograph, radiograph.point(lambda v: 0.8 * v), radiograph.point(lambda v: 0.6 * v)]
    )
    noise = Image.fromarray(random.integers(0, 256, (300, 400, 3), dtype=np.uint8))
    for image in (tinted, noise):
        image.save(tmp_path / "colour.png")
        image.convert("L").save(tmp_path / "grey.png")
        colour, grey = (timm_logits(tmp_path / name) for name in ("colour.png", "grey.png"))
        assert np.abs(colour - grey).max() < 0.05  # grey is rounded to 8 bits
        expected = torch.from_numpy(colour).softmax(0).numpy()
        pixels = exact_classifier.read(tmp_path / "colour.png")
        probabilities = exact_classifier.predict([pixels], always=True)[0].probabilities  # noise is refused
        assert np.abs(list(probabilities.values()) - expected).max() < 1e-4


def test_the_heatmaps_average_to_the_logits(radiograph, tmp_path, timm_logits, exact_classifier):
    radiograph.save(tmp_path / "film.png")
    prediction = exact_classifier(radiograph)
    bias = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).get_classifier().bias.detach().numpy()
    logits = np.array([prediction.heatmaps[name].mean() for name in exact_classifier.classes]) + bias
    assert np.allclose(logits, timm_logits(tmp_path / "film.png"), atol=1e-4)
    assert prediction.heatmap is prediction.heatmaps[prediction.label]
    assert prediction.heatmap.shape == (7, 7)


def test_the_folder_holds_no_pickle_and_no_model_type():
    config = json.loads((BUNDLED / "config.json").read_text())
    assert "model_type" not in config  # would make AutoModel build a network of its own, with random weights
    assert "num_classes" not in config["model_args"]
    assert config["pretrained_cfg"]["crop_mode"] == "squash"
    assert config["radiograph"] is True
    assert not [path for path in BUNDLED.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".pkl")]
    with safe_open(BUNDLED / "model.safetensors", "pt") as weights:
        assert not [key for key in weights.keys() if key.startswith("timm_model.")]  # noqa: SIM118
        assert weights.get_tensor("conv_stem.weight").shape == (32, 3, 3, 3)
