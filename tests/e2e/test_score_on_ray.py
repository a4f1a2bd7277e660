"""`python -m hub score --ray` on a cluster of three nodes, in an environment that has ray."""

import io
import json
import subprocess
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from uploads import archive

from hub.imaging.synthetic import sample_radiographs

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_cluster_whose_parts_are_killed_scores_every_image_once(tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    venv.create(tmp_path / "venv", with_pip=True)
    # Everything else is that of this environment.
    (folder,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (folder / "shared.pth").write_text(sysconfig.get_path("purelib"))
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (ray,) = (line for line in groups["ray"] if line.startswith("ray"))
    subprocess.run([python, "-m", "pip", "install", "-q", ray], check=True)
    image = io.BytesIO()
    sample_radiographs(1)[0][0].save(image, "PNG")
    films = archive(tmp_path / "films.zip", [(f"{number}.png", image.getvalue()) for number in range(400)])
    command = [python, ROOT / "tests" / "ray_cluster.py", films, tmp_path / "out"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    record = json.loads(done.stdout.splitlines()[-1])
    assert 9 <= record["finished"] < 20 and record["again"] == []
    assert record["rows"] == {"1": 400}
