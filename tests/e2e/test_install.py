"""What builds an environment or needs Node: minutes, so only .ci/run does it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from servers import free_port, serving, wait_for

from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED

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
def test_node_gives_the_same_probabilities_on_the_same_pixels(film, tmp_path):
    classifier = Classifier.from_pretrained()
    pixels = (classifier.read(film).astype(np.float32) / 255 - classifier.mean) / classifier.std
    pixels.transpose(2, 0, 1).tofile(tmp_path / "pixels.bin")
    # Its scripts would fetch libraries for GPUs.
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "onnxruntime-node@1"]
    subprocess.run(install, cwd=tmp_path, check=True)
    (tmp_path / "classify.js").write_text(NODE)
    command = ["node", "classify.js", BUNDLED / "onnx" / "model.onnx", "pixels.bin", str(classifier.size)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    expected = list(classifier(film).probabilities.values())
    assert json.loads(done.stdout) == pytest.approx(expected, abs=1e-3)


@pytest.mark.install
def test_the_readmes_javascript_asks_the_demo(film, tmp_path):
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    with serving([sys.executable, "app.py"], f"http://127.0.0.1:{port}", env=environment):
        film.save(tmp_path / "film.png")
        blocks = re.findall(r"```javascript\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        script = next(block for block in blocks if "@gradio/client" in block).replace("7860", str(port))
        (tmp_path / "ask.mjs").write_text(f"{script}console.log(JSON.stringify(data)); process.exit();")
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "@gradio/client@2"]
        subprocess.run(install, cwd=tmp_path, check=True)
        done = subprocess.run(["node", "ask.mjs"], cwd=tmp_path, check=True, capture_output=True, text=True)
    classifier = Classifier.from_pretrained()
    expected = decision.report(classifier, classifier(tmp_path / "film.png"), "screening")
    assert json.loads(done.stdout) == [expected]
