"""`train.py` in several processes, as torchrun starts them."""

import json
import subprocess
import sys

import pytest
from process_group import ROOT, run_processes

# A network and images so small that an epoch takes a second.
QUICK = (
    "--architecture", "airbench_small", "--weights", "none", "--optimizer", "muon", "--size", 32,
    "--small-size", 24, "--small-epochs", 1, "--epochs", 2, "--batch-size", 9,
)  # fmt: skip


@pytest.mark.slow
def test_an_error_is_one_sentence_of_one_process_and_ends_all_with_exit_code_2(tmp_path):
    codes, outputs, errors = run_processes(2, "train.py", "--dataset", "synthetic", "--output", ROOT / "hub")
    assert codes == [2, 2]
    assert outputs == ["", ""]
    assert errors[0].count("is there already; give another --output") == 1
    assert errors[1] == "" and "Traceback" not in errors[0]


@pytest.mark.slow
def test_torchrun_leaves_one_finished_model_folder_and_says_so_once(kaggle_folder, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "train.py", *QUICK, "--dataset", kaggle_folder, "--output", tmp_path / "model"]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is ready after") == done.stdout.count("epoch 2: loss") == 1
    history = json.loads((tmp_path / "model" / "metrics.json").read_text())["training"]["history"]
    assert [row["epoch"] for row in history] == [1, 2]
    assert {path.name for path in tmp_path.iterdir()} == {"model", kaggle_folder.name}
