"""The README's first command, word for word, from a clean clone: minutes, so only .ci/run does it."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from servers import free_port, wait_for

ROOT = Path(__file__).parents[1]


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
