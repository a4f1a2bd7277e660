"""A published model can be used: real clients in new processes with empty caches."""

import json
import shutil
from pathlib import Path

import pytest
from hub_server import put_model

from hub.errors import InputError
from hub.models.folder import BUNDLED
from hub.publishing import model

ROOT = Path(__file__).parents[2]


CONSUME_MODEL = """
import os
import re
import sys
from pathlib import Path

import numpy as np
import timm
from huggingface_hub import ModelCard
from transformers import TimmWrapperImageProcessor

from hub import Classifier
from hub.models.folder import BUNDLED

os.chdir(sys.argv[1])
card = ModelCard.load("someone/model")
assert {result.metric_type for result in card.data.eval_results} >= {"accuracy", "auc"}
found = {}
for code in re.findall(r"```python\\n(.*?)```", card.text, re.DOTALL):
    exec(code.replace('\\npipeline(', '\\nprobabilities = pipeline('), names := {})
    answer = names["probabilities"]
    if isinstance(answer, list):
        answer = [{row["label"]: row["score"] for row in answer}[name] for name in ("NORMAL", "PNEUMONIA")]
    found[code] = np.asarray(answer.detach() if hasattr(answer, "detach") else answer).reshape(-1)
    if "processor" in names:
        assert isinstance(names["processor"], TimmWrapperImageProcessor)
assert len(found) == 4
model = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model))
image = names["Image"].open("image.jpeg").convert("RGB")
expected = model(transform(image)[None]).softmax(1)[0].tolist()
for code, probabilities in found.items():
    assert np.abs(probabilities - expected).max() < 1e-4, code
here, there = Classifier.from_pretrained(), Classifier.from_pretrained("someone/model")
assert here("image.jpeg").probabilities == there("image.jpeg").probabilities
"""


def test_every_reader_gives_the_same_answer_by_the_code_of_the_card(hub, run, radiograph, tmp_path):
    code, _, err = run("-m", "hub", "publish", "model", BUNDLED, "someone/model")
    assert code == 0, err
    assert hub.commits("model", "someone/model") == 1
    published = hub.files("model", "someone/model")
    assert "model_type" not in json.loads(published["config.json"])
    assert set(published) == {p.relative_to(BUNDLED).as_posix() for p in BUNDLED.rglob("*") if p.is_file()}
    radiograph.resize((640, 480)).save(tmp_path / "image.jpeg")
    code, _, err = run("-c", CONSUME_MODEL, tmp_path, HF_TOKEN="")
    assert code == 0, err


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_of_the_networks_on_the_hub_only_the_one_that_answers_is_fetched(hub, run, precision):
    put_model(hub)
    code, out, err = run(
        "-c",
        "from hub import Classifier\n"
        f"found = Classifier.from_pretrained('someone/model', precision={precision!r})\n"
        "print(found.precision, *(file.name for file in (found.folder / 'onnx').iterdir()))",
    )
    assert code == 0, err
    assert out.split() == [precision, {"fp32": "model.onnx", "int8": "model_int8.onnx"}[precision]]


def test_a_folder_that_is_not_a_model_folder_is_not_published(tmp_path):
    with pytest.raises(InputError, match="is not a model folder"):
        model.copy_folder(ROOT / "tests", tmp_path / "copy", "someone/model")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(BUNDLED / name, tmp_path)
    with pytest.raises(InputError, match=r"has no metrics\.json"):
        model.copy_folder(tmp_path, tmp_path / "copy", "someone/model")
    assert not (tmp_path / "copy").exists()


# train.py from end to end; intervals of few draws and ranges of few images, which are tested elsewhere.
TRAIN = """
import train
from hub.cli.train import parse_settings, run_training
from hub.evaluation import metrics
from hub.export import onnx
metrics.RESAMPLES, onnx.CALIBRATION_IMAGES = 50, 12
run_training(train.main, parse_settings(train.__doc__))
"""


def test_training_ends_with_the_model_on_the_hub(hub, run, kaggle_folder, tmp_path):
    output = tmp_path / "model"
    command = ["train.py", "--dataset", kaggle_folder, "--output", output, "--weights", "none", "--epochs", 1]
    command += ["--size", 32, "--batch-size", 16, "--architecture", "mobilenetv2_050", "--push-to"]
    code, _, err = run(*command, "nobody/tiny")
    assert code == 2
    assert "The Hub knows no nobody" in err
    assert not output.exists(), "nobody waits for training and is refused then"
    code, out, err = run("-c", TRAIN, *command[1:], "someone/tiny", OMP_NUM_THREADS="1")  # busy neighbours
    assert code == 0, err
    assert f"{hub.url}/someone/tiny/commit/" in out
    published = hub.files("model", "someone/tiny")
    assert published["model.safetensors"] == (output / "model.safetensors").read_bytes()
    assert b'"hf-hub:someone/tiny"' in published["README.md"]


PUSH = """
import sys
from hub.cli.train import parse_settings, push
from hub.errors import run_command
settings = parse_settings("", sys.argv[1:])
run_command("train.py", lambda: push(settings))
"""


def test_a_trained_model_that_cannot_be_put_on_the_hub_is_kept_and_the_command_for_it_said(hub, run):
    hub.faults.append(lambda method, path: "cut" if "/commit/" in path else None)
    code, _, err = run("-c", PUSH, "--output", BUNDLED, "--push-to", "someone/model")
    assert code == 2
    sentence = "is complete but not on the Hub; `python -m hub publish model "
    assert f"{BUNDLED} {sentence}{BUNDLED} someone/model` puts it there" in err
    assert "Traceback" not in err
