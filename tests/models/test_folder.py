"""The same folder answers alike in timm, transformers, `pipeline` and `Classifier`."""

import json
import re
import shutil

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import ModelCard
from PIL import Image
from safetensors import safe_open
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

from hub.data.leakage import format_report
from hub.errors import InputError
from hub.files import new_folder
from hub.inference.classifier import Classifier
from hub.inference.heatmap import local_log_odds, overlay
from hub.models.folder import BUNDLED
from hub.training.perturbations import PERTURBATIONS


@pytest.fixture
def files(film, tmp_path):
    """One film stored in the ways that people store films."""
    pictures = {
        "grey.png": film,
        "rgb.jpeg": film.convert("RGB"),
        "wide.png": film.resize((500, 300)).convert("RGB"),
        "large.jpeg": film.resize((1000, 1000)),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
    return [tmp_path / name for name in pictures]


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


def test_colours_are_weighed_into_grey_alike_by_every_reader(film, tmp_path, timm_logits, exact_classifier):
    random = np.random.default_rng(0)
    tinted = Image.merge("RGB", [film, film.point(lambda v: 0.8 * v), film.point(lambda v: 0.6 * v)])
    noise = Image.fromarray(random.integers(0, 256, (300, 400, 3), dtype=np.uint8))
    for picture in (tinted, noise):
        picture.save(tmp_path / "colour.png")
        picture.convert("L").save(tmp_path / "grey.png")
        colour, grey = (timm_logits(tmp_path / name) for name in ("colour.png", "grey.png"))
        assert np.abs(colour - grey).max() < 0.05  # grey is rounded to 8 bits
        expected = torch.from_numpy(colour).softmax(0).numpy()
        pixels = exact_classifier.read(tmp_path / "colour.png")
        probabilities = exact_classifier.predict([pixels], always=True)[0].probabilities  # noise is refused
        assert np.abs(list(probabilities.values()) - expected).max() < 1e-4


def test_a_radiograph_too_small_to_read_is_refused_by_the_classifier(film, classifier):
    with pytest.raises(InputError, match="only 31 x 40 pixels"):
        classifier(film.resize((31, 40)))


def test_a_picture_a_path_bytes_and_an_array_are_the_same_to_the_classifier(film, tmp_path, classifier):
    path = tmp_path / "film.png"
    film.save(path)
    answers = [classifier(source) for source in (film, path, str(path), path.read_bytes(), np.asarray(film))]
    assert all(answer.probabilities == answers[0].probabilities for answer in answers)


def test_an_empty_list_gives_an_empty_list(classifier):
    assert classifier([]) == []


def test_the_heatmaps_average_to_the_logits(film, tmp_path, timm_logits, exact_classifier):
    film.save(tmp_path / "film.png")
    prediction = exact_classifier(film)
    bias = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).get_classifier().bias.detach().numpy()
    logits = np.array([prediction.heatmaps[name].mean() for name in exact_classifier.classes]) + bias
    assert np.allclose(logits, timm_logits(tmp_path / "film.png"), atol=1e-4)
    assert prediction.heatmap is prediction.heatmaps[prediction.label]
    assert prediction.heatmap.shape == (7, 7)


def test_local_log_odds_of_two_classes_are_opposite_and_follow_the_maps(film, classifier):
    prediction = classifier(film)
    sick, healthy = (local_log_odds(prediction, name) for name in ("PNEUMONIA", "NORMAL"))
    assert np.allclose(sick, -healthy)
    p = prediction.probabilities["PNEUMONIA"]
    assert sick.mean() == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


def test_the_overlay_keeps_the_shape_of_the_picture(film, classifier):
    wide = film.resize((900, 300))
    assert overlay(wide, classifier(wide), "PNEUMONIA").size == (768, 256)


def test_probabilities_sum_to_one_and_the_label_is_the_likeliest(film, classifier):
    prediction = classifier(film)
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.get)


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


def test_the_card_repeats_the_measured_numbers():
    metrics = json.loads((BUNDLED / "metrics.json").read_text())["test"]
    card = ModelCard.load(BUNDLED / "README.md")
    for name in ("accuracy", "sensitivity", "specificity", "auc", "brier", "ece"):
        assert f"| {name} | {metrics[name]['value']:.4f} |" in card.text
    results = {(r.dataset_split, r.metric_type): r.metric_value for r in card.data.eval_results}
    assert results["test", "accuracy"] == round(metrics["accuracy"]["value"], 4)
    assert metrics["n"] == 624


def test_the_card_shows_only_pictures_that_are_there_and_no_path_of_ours():
    text = (BUNDLED / "README.md").read_text()
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
    assert len(pictures) >= 6
    assert [name for name in pictures if not (BUNDLED / name).is_file()] == []
    names = {result.dataset_name for result in ModelCard.load(BUNDLED / "README.md").data.eval_results}
    assert names == {"chest_xray"}


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a model folder"):
        Classifier.from_pretrained(tmp_path)


def test_a_model_id_without_network_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(InputError, match="give a local model folder"):
        Classifier.from_pretrained("nobody/nothing", cache_dir=tmp_path, local_files_only=True)


def test_a_name_that_is_neither_folder_nor_id_is_refused():
    with pytest.raises(InputError, match="check the name"):
        Classifier.from_pretrained("no/such/folder")


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "model") as folder:
        (folder / "config.json").write_text("{}")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_only_a_model_folder_is_replaced_and_only_when_asked(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    with pytest.raises(InputError, match="--overwrite"), new_folder(model):
        pass
    assert (model / "config.json").is_file()
    with new_folder(model, overwrite=True) as folder:
        (folder / "new").touch()
    assert [path.name for path in model.iterdir()] == ["new"]
    with pytest.raises(InputError, match="not a model folder"), new_folder(model, overwrite=True):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "new"]


def test_an_output_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"), new_folder(tmp_path / "file" / "model"):
        pass


def test_a_model_folder_with_a_damaged_network_or_without_network_or_class_names_is_refused(tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "model")
    (tmp_path / "model" / "metrics.json").unlink()  # without its count, 32 bits are the usual ones
    network = tmp_path / "model" / "onnx" / "model.onnx"
    network.write_bytes(network.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"model\.onnx is damaged"):
        Classifier.from_pretrained(tmp_path / "model")
    network.unlink()
    with pytest.raises(InputError, match=r"no onnx/model\.onnx; python -m hub export"):
        Classifier.from_pretrained(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    del config["label_names"]
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="no label_names"):
        Classifier.from_pretrained(tmp_path / "model")


def _other_pictures(rows):
    """Rows of pictures that are no films."""
    return [
        row for name, row in rows.items() if name.startswith(("other", "photo", "cifar", "mnist", "draw"))
    ]


def test_the_readme_repeats_the_measured_numbers():
    text = (BUNDLED.parents[1] / "README.md").read_text()
    metrics = json.loads((BUNDLED / "metrics.json").read_text())
    titles = {"auc": "AUC", "f1": "F1", "brier": "Brier score", "ece": "calibration error"}
    for name in ("accuracy", "auc", "sensitivity", "specificity", "balanced_accuracy", "f1", "brier", "ece"):
        value, low, high = (metrics["test"][name][key] for key in ("value", "low", "high"))
        title = titles.get(name, name.replace("_", " "))
        assert f"| {title} | {value:.4f} | {low:.4f} to {high:.4f} |" in text
    assert f"{metrics['validation']['specificity']['value']:.4f}, on test" in text
    probes, heat = metrics["data_checks"]["probe_auc"], metrics["heatmaps"]["PNEUMONIA"]
    shares = [f"{100 * heat[key]:.0f} %" for key in ("heat_in_lungs", "area_of_lungs")]
    prose = " ".join(text.split())
    assert f"reaches AUC {probes['border']:.3f}" in prose
    assert f"brightness histogram {probes['histogram']:.3f}" in prose
    assert f"{shares[0]} lies in lungs that fill {shares[1]} of the film" in prose
    assert f"its AUC is {metrics['others']['adult_chest_xray']['auc']['value']:.3f}" in prose
    rows = metrics["scope"]["test"]
    for name in (
        "as they are",
        "with borders",
        *PERTURBATIONS,
        *(name for name in rows if name.startswith("adult")),
    ):
        warned, refused = (f"{100 * rows[name][key]:.1f} %" for key in ("warned", "refused"))
        assert f"| {name} | {rows[name]['n']} | {warned} | {refused} |" in text
    for rows in (_other_pictures(metrics["scope"]["test"]), metrics["scope"]["without_kind"].values()):
        count = sum(row["n"] for row in rows)
        refused = sum(row["n"] * row["refused"] for row in rows) / count
        assert f"Of {count:,} such pictures {100 * refused:.1f} % are refused" in prose
    finalists = BUNDLED.parents[1] / "benchmarks" / "finalists"
    measured = [json.loads(file.read_text()).get("test") for file in finalists.glob("*.json")]
    for test in filter(None, measured):
        figures = (test[key]["value"] for key in ("accuracy", "auc", "sensitivity", "specificity", "ece"))
        assert " | ".join(f"{value:.4f}" for value in figures) in text
    assert metrics["training"]["command"] in text
    assert f"in {metrics['training']['seconds'] / 60:.0f} minutes on one of two CPU cores" in text
    assert format_report(metrics["training"]["splits"]) in text
