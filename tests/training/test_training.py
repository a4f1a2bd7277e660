"""`train.py` and the loop behind it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from datasets import Dataset, DatasetDict
from PIL import Image

import train
from hub.data.decode_cache import decode
from hub.data.splits import load_splits
from hub.errors import InputError
from hub.export.onnx import export
from hub.inference.classifier import Classifier
from hub.models import architectures, factory, forward, package
from hub.models.folder import BUNDLED
from hub.training import checkpoint, loop
from hub.training.augmentation import augment
from hub.training.checkpoint import checkpoint_path

ROOT = Path(__file__).parents[2]
SETTINGS = {"epochs": 2, "small_epochs": 1, "small_size": 32, "batch_size": 8, "learning_rate": 1e-3}


def run_train(*arguments, cwd=ROOT):
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def tiny_set(count, seed):
    """Dark and bright squares: a task that two epochs learn."""
    labels = torch.arange(count) % 2
    noise = torch.randint(0, 60, (count, 1, 48, 48), generator=torch.Generator().manual_seed(seed))
    return (noise + 140 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels


def tiny_model():
    torch.manual_seed(0)
    return factory.create_model("mobilenetv2_050", 2, "none", radiograph=True, size=48)


def test_equal_seeds_give_equal_weights_and_others_do_not():
    def train(seed):
        model = tiny_model()
        history = loop.train(model, tiny_set(32, 1), tiny_set(16, 2), seed=seed, **SETTINGS)
        return model.state_dict(), [row["loss"] for row in history]

    (first, losses), (second, again), (other, _) = train(0), train(0), train(1)
    assert losses == again
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_the_average_after_the_last_epoch_is_kept():
    model, validation = tiny_model(), tiny_set(16, 2)
    history = loop.train(model, tiny_set(32, 1), validation, **SETTINGS | {"epochs": 3})
    kept = loop.validate(model, *validation)
    assert kept == {name: history[-1][name] for name in kept}


def test_an_epoch_is_validated_at_the_size_it_has_learned_at():
    model, seen = tiny_model(), []
    model.register_forward_pre_hook(lambda model, pixels: seen.append((model.training, pixels[0].shape[-1])))
    loop.train(model, tiny_set(32, 1), tiny_set(16, 2), **SETTINGS)
    assert list(dict.fromkeys(seen)) == [(True, 32), (False, 32), (True, 48), (False, 48)]


def test_frozen_groups_keep_their_weights_and_the_rest_learns():
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    loop.train(model, tiny_set(32, 1), tiny_set(16, 2), frozen=2, **SETTINGS)
    same = {name for name, tensor in model.named_parameters() if torch.equal(tensor, before[name])}
    assert {"conv_stem.weight", "bn1.weight", "blocks.0.0.conv_dw.weight"} <= same
    assert not any(name.startswith(("blocks.1", "classifier")) for name in same)


def test_muon_moves_kernels_in_every_direction_alike_and_biases_as_adam_does():
    torch.manual_seed(0)
    model = timm.create_model("simple_cnn")
    kernel, bias = model.stages[1][0].weight, model.stages[1][0].bias
    before = kernel.detach().clone(), bias.detach().clone()
    torch.nn.functional.cross_entropy(model(torch.randn(16, 1, 28, 28)), torch.arange(16) % 10).backward()
    loop.make_optimizer(model, "muon", learning_rate=0.01, weight_decay=0).step()

    def spread(kernel):
        values = torch.linalg.svdvals(kernel.flatten(1))
        return (values[0] / values.median()).item()

    assert spread(kernel.grad) > 8
    assert spread(kernel.detach() - before[0]) < 2
    moved = (bias.detach() - before[1])[bias.grad.abs() > 1e-6]
    assert torch.allclose(moved.abs(), moved.abs().mean(), rtol=0.05)
    assert torch.equal(moved.sign(), -bias.grad[bias.grad.abs() > 1e-6].sign())


def test_frozen_filters_stay_with_muon_too():
    model = timm.create_model("airbench_small", num_classes=2)
    images, labels = tiny_set(32, 1)
    images = images.expand(-1, 3, -1, -1)
    architectures.whiten(model, forward.normalize(images.float() / 255, model))
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    loop.train(model, (images, labels), (images, labels), optimizer="muon", **SETTINGS)
    same = {name for name, tensor in model.named_parameters() if torch.equal(tensor, before[name])}
    assert same == {"stages.0.0.weight", "stages.0.0.bias"}


@pytest.mark.parametrize(
    ("optimizer", "frozen", "finished"), [("adamw", 0, 1), ("adamw", 2, 2), ("muon", 0, 1), ("muon", 0, 3)]
)
def test_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, optimizer, frozen, finished):
    """After `finished` of three epochs, also where their size changes there, or none is left."""
    path = tmp_path / "run.pt"

    def train(**more):
        model = tiny_model()
        model.drop_rate = 0.3  # torch's own generator draws, too
        settings = SETTINGS | {"epochs": 3, "optimizer": optimizer, "frozen": frozen}
        return model, loop.train(model, tiny_set(32, 1), tiny_set(16, 2), **settings, **more)

    def stop(state):
        checkpoint.save(path, {}, state)
        if len(state["history"]) == finished:
            raise KeyboardInterrupt

    whole, history = train()
    with pytest.raises(KeyboardInterrupt):
        train(keep=stop)
    resumed, history_again = train(state=checkpoint.load(path, {}))
    figures = ("epoch", "size", "loss", "validation_loss", "validation_accuracy", "validation_auc")
    assert [[row[name] for name in figures] for row in history_again] == [
        [row[name] for name in figures] for row in history
    ]
    expected = whole.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in resumed.state_dict().items())


def test_a_checkpoint_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path, capsys):
    (tmp_path / "run.pt").mkdir()
    checkpoint.save(tmp_path / "run.pt", {}, {"step": 1})
    assert "is not kept for --resume" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_more_groups_than_there_are_cannot_be_frozen():
    with pytest.raises(InputError, match="has 9 groups of layers; freeze fewer"):
        loop.freeze(tiny_model(), 9)
    with pytest.raises(InputError, match="no groups of layers to freeze"):
        loop.freeze(timm.create_model("simple_cnn"), 1)


def test_augmentation_leaves_pixels_in_range_and_changes_every_image():
    images = tiny_set(8, 0)[0]
    first, second = (augment(images, 40, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert first.shape == (8, 1, 40, 40)
    assert first.min() >= 0 and first.max() <= 1
    assert all((a != b).any() for a, b in zip(first, second, strict=True))


def test_a_one_channel_network_and_its_package_are_the_same_function(tmp_path, film):
    model = tiny_model().eval()
    torch.nn.init.normal_(model.get_classifier().weight)
    pixels = torch.from_numpy(np.asarray(film.resize((48, 48))).copy())[None, None]
    expected = forward.predict_logits(model, pixels).softmax(1)[0].tolist()
    metrics = {"training": {"command": "", "dataset": "", "weights": "", "seconds": 0, "temperature": 1.0,
               "history": [], "splits": {"images": {}, "patients_known": True,
               "shared_patients": {}, "shared_numbers": {}, "shared_images": {}}}}  # fmt: skip
    package.save_package(tmp_path, model, ["NORMAL", "PNEUMONIA"], True, metrics)
    export(tmp_path, tiny_set(4, 0)[0], tiny_set(8, 1))
    classifier = Classifier.from_pretrained(tmp_path)
    assert classifier.channels == 3
    prediction = classifier(film.resize((48, 48)))
    assert list(prediction.probabilities.values()) == pytest.approx(expected, abs=1e-5)


def test_training_goes_on_from_a_model_folder_with_the_same_function():
    model = factory.create_model("mobilenetv2_100", 2, str(BUNDLED), radiograph=True, size=224).eval()
    rgb = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).eval()
    grey = torch.rand(1, 1, 224, 224)
    with torch.inference_mode():
        assert torch.allclose(model(grey), rgb(grey.expand(1, 3, 224, 224)), atol=1e-4)


def test_decoding_names_the_file_that_cannot_be_read(kaggle_folder):
    broken = next((kaggle_folder / "train" / "NORMAL").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    splits = load_splits(kaggle_folder)
    with pytest.raises(InputError, match=broken.name):
        for split in splits.values():
            decode(split, 32, 1, radiograph=True)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ("missing.safetensors", "There are no weights at"),
        (__file__, "pickled weights can run code"),
        (str(ROOT / "hub"), "not a model folder"),
        (str(ROOT / "hub" / "synthetic.safetensors"), "does not fit"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights, sentence):
    with pytest.raises(InputError, match=sentence):
        factory.create_model("mobilenetv2_100", 2, weights, radiograph=True, size=224)


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes((BUNDLED / "model.safetensors").read_bytes()[:100_000])
    with pytest.raises(InputError, match="damaged or does not fit"):
        factory.create_model("mobilenetv2_100", 2, str(path), radiograph=True, size=224)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(InputError, match="knows no architecture"):
        factory.create_model("mobilenet_v99", 2, "none", radiograph=True, size=224)


def test_a_network_without_a_linear_last_layer_is_refused():
    with pytest.raises(InputError, match="one linear layer"):
        factory.create_model("levit_128s", 2, "none", radiograph=False, size=224)


def test_help_teaches_and_costs_nothing():
    done = run_train("--help")
    assert done.returncode == 0
    assert "--dataset synthetic --epochs 1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--dataset", "no-such-folder", "--output", "model"], "There is no folder no-such-folder"),
        (["--dataset", "synthetic", "--epochs", "0"], "--epochs must be more than 0"),
        (["--dataset", "synthetic", "--batch-size", "1"], "--batch-size must be 2 or more"),
        (["--dataset", "synthetic", "--seed", "-1", "--output", "model"], "The seed is -1"),
        (["--dataset", "synthetic", "--output", "model", "--resume"], "There is nothing to resume"),
        (["--dataset", "synthetic", "--output", ROOT / "hub"], "is there already"),
        (["--dataset", "synthetic", "--output", ROOT / "hub", "--overwrite"], "is not a model folder"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_code_2(arguments, sentence, tmp_path):
    done = run_train(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_leaves_a_finished_model_folder(tmp_path):
    """A first run as a newcomer makes it: offline, on synthetic films, here with small pictures."""
    output = tmp_path / "model"
    done = run_train("--dataset", "synthetic", "--epochs", 1, "--size", 64, "--output", output)
    assert done.returncode == 0, done.stderr
    assert "shared patients: train/validation 0" in done.stdout
    names = {path.name for path in output.iterdir()}
    assert names == {"README.md", "training.png", "model.safetensors", "filters.safetensors", "onnx"} | {
        f"{name}.json" for name in ("config", "preprocessor_config", "metrics")
    }
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["validation"]["n"] == 64
    assert (metrics["training"]["weights"], metrics["training"]["seed"]) == ("the bundled model's", 0)
    assert "synthetic radiographs of no patient" in (output / "README.md").read_text()
    assert "`onnx/model.onnx`" in (output / "README.md").read_text()
    Image.open(output / "training.png").verify()
    assert Classifier.from_pretrained(output).size == 64
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_of_other_classes_trains_a_colour_model(tmp_path):
    random = np.random.default_rng(0)
    for name, channel in (("red", 0), ("green", 1), ("blue", 2)):
        folder = tmp_path / "colours" / name
        folder.mkdir(parents=True)
        for index in range(24):
            pixels = random.integers(0, 80, (40, 50, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / f"{index}.png")
    output = tmp_path / "model"
    done = run_train(
        "--dataset", tmp_path / "colours", "--output", output, "--weights", "none", "--epochs", 1,
        "--size", 32, "--batch-size", 16, "--architecture", "mobilenetv2_050",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    classifier = Classifier.from_pretrained(output)
    assert classifier.classes == ["blue", "green", "red"]
    assert not classifier.radiograph
    assert json.loads((output / "metrics.json").read_text())["validation"].keys() >= {"accuracy", "auc", "f1"}


# A network and films so small that an epoch takes a second.
QUICK = (
    "--dataset", "synthetic", "--architecture", "airbench_small", "--weights", "none", "--optimizer", "muon",
    "--size", 32, "--small-size", 24, "--small-epochs", 1, "--epochs", 3,
)  # fmt: skip


def run_main(*arguments):
    """As `run_train`, in this process, which has imported everything."""
    train.main(train.parse_arguments([*map(str, arguments)]))


def stop_train(how, *arguments):
    """Send the command a signal once its first epoch is kept; return its exit code and errors."""
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    kept = checkpoint_path(Path(arguments[-1]))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not kept.exists():
            time.sleep(0.01)
        process.send_signal(how)
        _, errors = process.communicate()
    return process.returncode, errors


def test_a_run_that_was_killed_is_resumed_and_ends_as_an_uninterrupted_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("hub.evaluation.metrics.DRAWS", 50)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert stop_train(signal.SIGKILL, *QUICK, "--output", killed)[0] == -signal.SIGKILL
    assert not killed.exists()
    run_main(*QUICK, "--resume", "--output", killed)
    assert "going on after epoch" in capsys.readouterr().out
    run_main(*QUICK, "--output", whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]
    for name in ("model.safetensors", "filters.safetensors"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (whole, killed))
    seconds = sum(row["seconds"] for row in second["training"]["history"])
    assert second["training"]["training_seconds"] >= round(seconds, 2), "both parts count"
    for metrics in (first, second):
        for name in ("seconds", "training_seconds"):
            del metrics["training"][name]
        for row in metrics["training"]["history"]:
            del row["seconds"], row["images_per_second"]
    assert second["training"] == first["training"]
    assert second["validation"] == first["validation"]


def test_ctrl_c_names_the_command_that_goes_on(tmp_path):
    output = tmp_path / "model"
    code, errors = stop_train(signal.SIGINT, *QUICK, "--output", output)
    command = " ".join(map(str, (*QUICK, "--output", output)))
    assert code == 130
    assert errors.endswith(
        f"train.py: stopped; `python train.py {command} --resume` goes on after the last finished epoch.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == [".model.resume.pt"]


def test_a_run_with_other_settings_or_images_is_not_resumed(tmp_path):
    output = tmp_path / "model"
    checkpoint.save(checkpoint_path(output), {"learning_rate": 0.001, "images": "2 + 1 (0123)"}, {})
    kept = checkpoint_path(output).read_bytes()
    with pytest.raises(InputError) as caught:
        run_main(*QUICK, "--learning-rate", 0.01, "--resume", "--output", output)
    assert str(caught.value).startswith("The run that was stopped had ")
    assert "learning rate 0.001, not 0.01; " in str(caught.value)
    assert "images 2 + 1 (0123), not 320 + 64 (" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [".model.resume.pt"]
    assert checkpoint_path(output).read_bytes() == kept


def test_equal_pictures_with_other_labels_are_other_images():
    def describe(train=(0, 1), validation=(1, 0), digests=("a", "b")):
        labels = {"train": train, "validation": validation}
        splits = DatasetDict({name: Dataset.from_dict({"label": given}) for name, given in labels.items()})
        return checkpoint.describe_images(splits, dict.fromkeys(splits, digests))

    assert describe() == describe()
    assert describe().startswith("2 + 2 (")
    assert len({describe(), describe((1, 0)), describe(validation=(0, 1)), describe(digests=("b", "a"))}) == 4


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    checkpoint.save(path, {}, {"step": 1})
    for content in (path.read_bytes()[:-100], b"", b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is damaged; leave --resume out"):
            checkpoint.load(path, {})


def test_a_new_run_says_what_it_would_replace_and_first_leaves_it(tmp_path, capsys):
    kept = checkpoint_path(tmp_path / "model")
    kept.write_bytes(b"a run")
    with pytest.raises(InputError):
        run_main("--dataset", "nowhere", "--output", tmp_path / "model")
    assert f"{kept} holds a run that was stopped: --resume would go on from there" in capsys.readouterr().out
    assert kept.read_bytes() == b"a run"
