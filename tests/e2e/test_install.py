"""What builds an environment or needs Node: minutes, so only .ci/run does it."""

import json
import os
import re
import signal
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from servers import free_port, serving, wait_for, write_dicom

from hub.data.splits import load_splits
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED
from hub.publishing import model
from hub.publishing.dataset import write_dataset

ROOT = Path(__file__).parents[2]


@pytest.mark.install
def test_the_first_command_of_the_readme_starts_the_demo(tmp_path):
    subprocess.run(["git", "clone", "-q", ROOT, tmp_path / "clone"], check=True)
    command = re.findall(r"```bash\n(.*)\n```", (ROOT / "README.md").read_text())[0]
    port = free_port()
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=tmp_path / "clone",
        env=os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"},
        start_new_session=True,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}", process, seconds=900)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


FIRST_LINES = """
import sys
import venv
import zipfile
from pathlib import Path

import hub
from hub import Classifier, InputError

assert Path(hub.__file__).is_relative_to(sys.prefix), hub.__file__
classifier = Classifier.from_pretrained()
prediction = classifier("film.png")
assert prediction.label in classifier.classes and prediction.verdict.status == "fine"
assert classifier("film.dcm").label == classifier("film-rle.dcm").label == prediction.label
assert {"torch", "timm"}.isdisjoint(sys.modules)
try:
    classifier("missing.png")
except InputError as error:
    print(prediction.label)
"""


@pytest.mark.install
def test_a_wheel_answers_in_an_empty_environment_outside_the_checkout_and_without_torch(radiograph, tmp_path):
    clone, python = tmp_path / "clone", tmp_path / "venv" / "bin" / "python"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    (clone / "runs" / "first").mkdir(parents=True)  # what train.py leaves beside the package
    (clone / "runs" / "first" / "config.json").write_text("{}")
    venv.create(tmp_path / "venv", with_pip=True)
    subprocess.run([python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, clone], check=True)
    (wheel,) = tmp_path.glob("chest_xray_hub-*.whl")
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    listing = subprocess.check_output(["git", "ls-files", "hub"], cwd=ROOT, text=True).splitlines()
    assert files == set(listing), "the whole of hub/ and nothing else"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True)
    radiograph.save(tmp_path / "film.png")
    write_dicom(radiograph, tmp_path / "film.dcm")
    compressed = pydicom.dcmread(tmp_path / "film.dcm")
    compressed.compress(pydicom.uid.RLELossless)  # decoded in a process that has to find the package
    compressed.save_as(tmp_path / "film-rle.dcm")
    options = {"cwd": tmp_path, "check": True, "capture_output": True, "text": True}
    options["env"] = {"PATH": os.environ["PATH"]}
    answer = subprocess.run([python, "-c", FIRST_LINES], **options).stdout.strip()
    command = [python.with_name("chest-xray"), "classify", "film.png", "--json"]
    assert json.loads(subprocess.run(command, **options).stdout)["label"] == answer
    packages = subprocess.run([python, "-m", "pip", "list"], **options).stdout
    assert "torch" not in packages and "gradio" not in packages


NODE = """
const { InferenceSession, Tensor } = require("onnxruntime-node");
const { readFileSync } = require("fs");
(async () => {
  const [model, file, size] = process.argv.slice(2);
  const session = await InferenceSession.create(model);
  const pixels = new Float32Array(readFileSync(file).buffer);
  const { logits } = await session.run({ pixel_values: new Tensor("float32", pixels, [1, 3, +size, +size]) });
  const powers = Array.from(logits.data, Math.exp);
  console.log(JSON.stringify(powers.map((power) => power / powers.reduce((a, b) => a + b))));
})();
"""


@pytest.mark.install
def test_node_gives_the_same_probabilities_on_the_same_pixels(radiograph, tmp_path):
    classifier = Classifier.from_pretrained()
    pixels = (classifier.read(radiograph).astype(np.float32) / 255 - classifier.mean) / classifier.std
    pixels.transpose(2, 0, 1).tofile(tmp_path / "pixels.bin")
    # Its scripts would fetch libraries for GPUs.
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "onnxruntime-node@1"]
    subprocess.run(install, cwd=tmp_path, check=True)
    (tmp_path / "classify.js").write_text(NODE)
    command = ["node", "classify.js", BUNDLED / "onnx" / "model.onnx", "pixels.bin", str(classifier.size)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    expected = list(classifier(radiograph).probabilities.values())
    assert json.loads(done.stdout) == pytest.approx(expected, abs=1e-3)


@pytest.mark.install
def test_the_javascript_of_the_documents_asks_the_demo(radiograph, tmp_path):
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    with serving([sys.executable, "app.py"], f"http://127.0.0.1:{port}", env=environment):
        radiograph.save(tmp_path / "image.png")
        blocks = re.findall(r"```javascript\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
        script = next(block for block in blocks if "@gradio/client" in block).replace("7860", str(port))
        (tmp_path / "ask.mjs").write_text(f"{script}console.log(JSON.stringify(data)); process.exit();")
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "@gradio/client@2"]
        subprocess.run(install, cwd=tmp_path, check=True)
        done = subprocess.run(["node", "ask.mjs"], cwd=tmp_path, check=True, capture_output=True, text=True)
    classifier = Classifier.from_pretrained()
    expected = decision.report(classifier, classifier(tmp_path / "image.png"), "screening")
    assert json.loads(done.stdout) == [expected]


CROISSANT = """
import sys
import mlcroissant
data = mlcroissant.Dataset(f"{sys.argv[1]}/croissant.json", mapping={"repo": sys.argv[1]})
assert not data.metadata.issues.errors, data.metadata.issues.report()
rows = list(data.records("default"))
print(len(rows), *sorted({row["default/split"].decode() for row in rows}))
assert all(row["default/image"].size == (48, 40) for row in rows[:5])
"""


@pytest.mark.install
def test_the_croissant_metadata_of_a_data_set_is_valid_and_leads_to_its_records(kaggle_folder, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "mlcroissant[parquet]", "pillow"], check=True)
    (tmp_path / "films").mkdir()
    write_dataset(load_splits(kaggle_folder), tmp_path / "films", "someone/films")
    command = [python, "-c", CROISSANT, tmp_path / "films"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["150", "test", "train", "validation"]


@pytest.fixture
def published(tmp_path):
    """The bundled model as it is published."""
    model.copy_folder(BUNDLED, tmp_path / "published", "someone/model")
    return tmp_path / "published"


@pytest.mark.install
def test_transformers_js_answers_as_python_does_by_the_code_of_the_card(published, radiograph, tmp_path):
    (tmp_path / "someone").mkdir()
    published.rename(tmp_path / "someone" / "model")
    radiograph.resize((500, 300)).convert("RGB").save(tmp_path / "image.jpeg", quality=95)
    text = (tmp_path / "someone" / "model" / "README.md").read_text()
    blocks = re.findall(r"```javascript\n(.*?)```", text, re.DOTALL)
    script = next(block for block in blocks if "@huggingface/transformers" in block)
    # Its scripts would fetch libraries for GPUs; sharp and the processor's library come as packages.
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "@huggingface/transformers@4"]
    subprocess.run(install, cwd=tmp_path, check=True)
    for precision in ("fp32", "int8"):
        offline = (
            'import { env } from "@huggingface/transformers";\n'
            'env.localModelPath = "."; env.allowRemoteModels = false;\n'
        )
        answer = script.replace("console.log(", "console.log(JSON.stringify(").replace("));", ")));")
        (tmp_path / "ask.mjs").write_text(offline + answer.replace('"fp32"', f'"{precision}"'))
        done = subprocess.run(["node", "ask.mjs"], cwd=tmp_path, check=True, capture_output=True, text=True)
        scores = {row["label"]: row["score"] for row in json.loads(done.stdout.splitlines()[-1])}
        classifier = Classifier.from_pretrained(BUNDLED, precision=precision)
        assert scores == pytest.approx(classifier(tmp_path / "image.jpeg").probabilities, abs=2e-3)


INSTALLED = """
import sys
import hub
from hub import Classifier
assert hub.__file__.startswith(sys.prefix), hub.__file__
print(Classifier.from_pretrained(sys.argv[1])("film.png").label)
assert "torch" not in sys.modules
"""


@pytest.mark.install
def test_pip_installs_the_classifier_from_a_model_repo_and_an_endpoint_runs_on_its_requirements(
    published, radiograph, tmp_path
):
    radiograph.save(tmp_path / "film.png")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    options = {"cwd": tmp_path, "check": True, "capture_output": True, "text": True}
    options["env"] = {"PATH": os.environ["PATH"]}
    requirements = ["-r", published / "requirements.txt"]
    subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)
    (tmp_path / "endpoint.py").write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\nfrom handler import EndpointHandler\n"
        "print(EndpointHandler(sys.argv[1])({'inputs': open('film.png', 'rb').read()})[0]['label'])\n"
    )
    expected = Classifier.from_pretrained()(radiograph).label
    assert subprocess.run([python, "endpoint.py", published], **options).stdout.strip() == expected
    subprocess.run([python, "-m", "pip", "install", "-q", published], check=True)
    answer = subprocess.run([python, "-c", INSTALLED, published], **options).stdout.strip()
    assert answer == expected
