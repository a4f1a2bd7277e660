"""Kill, starve and damage what writes, and look at what is left.

  python -m benchmarks.reliability.faults [--tries 20] [--only NAME ...]

Training, `scope` and `publish` are killed at random moments; disks are full or may only be read (as root,
since a small tmpfs has to be mounted); two runs share an output; bytes of the cache, of a checkpoint and of
a model folder are flipped. What holds: nothing is half-written or lost, a refusal is one sentence with
exit code 2, and what goes on ends with the weights of a run that nobody disturbed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.errors import InputError, run_command
from hub.files import sha256
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED, METRICS, NETWORKS, WEIGHTS

ROOT = Path(__file__).parents[2]
# A network and images so small that a run takes seconds.
OPTIONS = (
    "--architecture", "airbench_small", "--weights", "none", "--optimizer", "muon", "--size", "32",
    "--small-size", "24", "--small-epochs", "1", "--epochs", "3", "--batch-size", "8",
)  # fmt: skip
DISKS = ("1m", "3m", "6m", "12m", "22m")
FLIPS = 5  # of each file


def main(arguments: list[str] | None = None) -> None:
    """Print what held; exit with an InputError if anything broke."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tries", type=int, default=20, help="kills of each command (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=[*FAULTS], help="(default: all)")
    options = parser.parse_args(arguments)
    if options.tries < 1:
        raise InputError("Give --tries of 1 or more.")
    figures = measure(options.tries, options.only)
    print(format_table(figures))
    if any(row["broken"] for row in figures.values()):
        raise InputError("Not everything held; see above.")


def measure(tries: int = 20, only: list[str] | None = None) -> dict[str, dict]:
    """Return what held of each fault.

    It is `tries`, how many of them `held`, and what is `broken`, as sentences. A fault that this machine
    cannot be given has no tries, and says why in `skipped`.
    """
    figures = {}
    with tempfile.TemporaryDirectory() as place:
        bench = Path(place)
        write_images(bench / "films")
        for name in only or FAULTS:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                broken = FAULTS[name](bench, tries)
                told = {"broken": [sentence for sentence in broken if sentence]}
                figures[name] = {"tries": len(broken), "held": broken.count(None)} | told
            except PermissionError as error:
                figures[name] = {"tries": 0, "held": 0, "broken": [], "skipped": str(error)}
    return figures


def format_table(figures: dict[str, dict]) -> str:
    """Return the figures of `measure` as lines to print."""
    lines = [f"{'fault':32}{'tries':>6}{'held':>6}"]
    for name, row in figures.items():
        lines.append(f"{name:32}{row['tries']:6}{row['held']:6}  {row.get('skipped', '')}".rstrip())
        lines += [f"    {sentence}" for sentence in row["broken"]]
    return "\n".join(lines)


def write_images(folder: Path) -> None:
    """Write 96 synthetic radiographs into two class folders."""
    for number, (image, label) in enumerate(zip(*sample_radiographs(96), strict=True)):
        path = folder / ("NORMAL", "PNEUMONIA")[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.resize((64, 64)).save(path)


def command_of_training(bench: Path, output: Path, *more: str) -> list[str]:
    """Return the command of a short run."""
    return ["train.py", *OPTIONS, "--dataset", str(bench / "films"), "--output", str(output), *more]


def start(bench: Path, command: list[str], **variables: Path) -> subprocess.Popen:
    """Start Python with a command, in a process group and a cache of its own."""
    environment = os.environ | {"HF_DATASETS_CACHE": str(bench / "cache"), "HF_HUB_OFFLINE": "1"}
    environment |= {name: str(value) for name, value in variables.items()}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, start_new_session=True, **streams
    )


def finish(bench: Path, command: list[str], **variables: Path) -> tuple[int, str]:
    """Return the exit code of Python with a command, and its last line of errors."""
    process = start(bench, command, **variables)
    _, errors = process.communicate()
    lines = errors.replace("\r", "\n").strip().splitlines()
    return process.returncode, "Traceback" if "Traceback" in errors else (lines or [""])[-1]


def kill_after(bench: Path, command: list[str], seconds: float) -> None:
    """Start a command and kill it, and all that it started, after so many seconds."""
    process = start(bench, command)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def is_sentence(code: int, said: str) -> bool:
    """Return whether a command was refused as it should be."""
    return code == 2 and said.endswith(".") and said != "Traceback"


def contents(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder, by its path."""
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


def is_complete(model: Path) -> bool:
    """Return whether a model folder has all parts and the network that was measured."""
    if not all((model / name).is_file() for name in (WEIGHTS, METRICS, "README.md", NETWORKS["fp32"])):
        return False
    measured = json.loads((model / METRICS).read_text(encoding="utf-8")).get("onnx", {}).get("sha256", {})
    return measured == {path.name: sha256(path) for path in (model / "onnx").glob("model*.onnx")}


def whole_run(bench: Path) -> tuple[Path, float]:
    """Return the model folder and seconds of a run that nobody disturbs."""
    model, record = bench / "whole", bench / "seconds.json"
    if not record.exists():
        started = time.perf_counter()
        code, said = finish(bench, command_of_training(bench, model))
        if code:
            raise InputError(f"A run that nobody disturbed ended with {code}: {said}")
        record.write_text(json.dumps(time.perf_counter() - started), encoding="utf-8")
    return model, json.loads(record.read_text(encoding="utf-8"))


def killed_training(bench: Path, tries: int) -> list[str | None]:
    """Kill training at random moments and resume it to its end."""
    whole, seconds = whole_run(bench)
    chance, broken = random.Random(0), []
    for number in range(tries):
        model, moment = bench / f"killed-{number}" / "model", chance.uniform(0, seconds)
        kill_after(bench, command_of_training(bench, model), moment)
        left = not model.exists() or is_complete(model)
        code, said = finish(bench, command_of_training(bench, model, "--resume"))
        same = code == 0 and is_complete(model) and sha256(model / WEIGHTS) == sha256(whole / WEIGHTS)
        clean = sorted(path.name for path in model.parent.iterdir()) == ["model"]
        held = left and same and clean
        broken.append(None if held else f"killed after {moment:.1f} s: {left=} {same=} {clean=} {said}")
    return broken


def killed_command(
    bench: Path, tries: int, command: list[str], folder: Path, is_whole: Callable[[dict], bool]
) -> list[str | None]:
    """Kill a command that writes `folder`, which stays or becomes whole."""
    chance, broken = random.Random(0), []
    started = time.perf_counter()
    code, said = finish(bench, command)
    seconds = time.perf_counter() - started
    if code:
        raise InputError(f"{' '.join(command)} ended with {code}: {said}")
    for _ in range(tries):
        before, moment = contents(folder), chance.uniform(0, seconds)
        kill_after(bench, command, moment)
        after = contents(folder)
        held = after == before or is_whole(after)
        broken.append(None if held else f"killed after {moment:.1f} s: {sorted(after)}")
    finish(bench, command)
    left = [path.name for path in folder.parent.iterdir() if path.name.startswith(f".{folder.name}.")]
    return [*broken, f"left behind: {left}" if left else None]


def killed_scope(bench: Path, tries: int) -> list[str | None]:
    """Kill the fit of the input check; the folder is as before, or has all of it."""
    model = bench / "scope" / "model"
    shutil.copytree(BUNDLED, model, dirs_exist_ok=True)
    command = ["-m", "hub", "scope", str(model), "--dataset", str(bench / "films")]
    return killed_command(bench, tries, command, model, lambda files: is_complete(model) and len(files) > 5)


def killed_publish(bench: Path, tries: int) -> list[str | None]:
    """Kill the copy of a model for the Hub, which is then absent or whole."""
    model, upload = bench / "publish" / "model", bench / "publish" / "upload"
    shutil.copytree(BUNDLED, model, dirs_exist_ok=True)
    command = ["-m", "hub", "publish", "model", str(model), "USER/MODEL", "--dry-run", str(upload)]
    before, chance, broken = contents(model), random.Random(0), []
    started = time.perf_counter()
    finish(bench, command)
    seconds, whole = time.perf_counter() - started, contents(upload)
    for _ in range(tries):
        shutil.rmtree(upload, ignore_errors=True)
        moment = chance.uniform(0, seconds)
        kill_after(bench, command, moment)
        held = contents(model) == before and (not upload.exists() or contents(upload) == whole)
        broken.append(None if held else f"killed after {moment:.1f} s")
    return broken


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a tmpfs at a folder; PermissionError where only root may."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        raise PermissionError("only root may mount a disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def full_disks(bench: Path, tries: int) -> list[str | None]:
    """Train into small disks, and into one that is full for a while."""
    broken = []
    for size in DISKS:
        with disk(bench / "disk", f"size={size}") as place:
            code, said = finish(bench, command_of_training(bench, place / "model"))
            left = [path.name for path in place.iterdir()]
            held = is_complete(place / "model") if code == 0 else is_sentence(code, said) and not left
            broken.append(None if held else f"{size}: exit code {code}, {left}, {said}")
    with disk(bench / "disk", "size=40m") as place:
        run = start(bench, command_of_training(bench, place / "model"))
        while run.poll() is None and not (place / ".model.resume.pt").exists():
            time.sleep(0.02)
        with suppress(OSError):
            (place / "other").write_bytes(bytes(40_000_000))
        _, errors = run.communicate()
        last = errors.strip().splitlines()[-1]
        held = is_sentence(run.returncode, last) and "--resume` finishes it" in last
        (place / "other").unlink()
        code, said = finish(bench, command_of_training(bench, place / "model", "--resume"))
        held = held and code == 0 and is_complete(place / "model")
        broken.append(None if held else f"filled while it trained: {last} Then: {said}")
    return broken


def full_caches(bench: Path, tries: int) -> list[str | None]:
    """Train with no room for decoded images or temporary files."""
    broken = []
    for name in ("HF_DATASETS_CACHE", "TMPDIR"):
        with disk(bench / "disk", "size=8k") as place:
            model = bench / f"full-{name}"
            code, said = finish(bench, command_of_training(bench, model), **{name: place})
            held = is_complete(model) if code == 0 else is_sentence(code, said) and not model.exists()
            broken.append(None if held else f"{name}: exit code {code}, {said}")
    return broken


def read_only(bench: Path, tries: int) -> list[str | None]:
    """Train into a disk that may only be read, and change a model folder there."""
    with disk(bench / "disk", "size=40m") as place:
        shutil.copytree(BUNDLED, place / "model")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        films = ["--dataset", str(bench / "films")]
        commands = {
            "training": command_of_training(bench, place / "new"),
            "evaluate": ["-m", "hub", "evaluate", str(place / "model"), *films, "--save"],
            "calibrate": ["-m", "hub", "calibrate", str(place / "model"), *films],
            "publish": ["-m", "hub", "publish", "model", str(BUNDLED), "U/M", "--dry-run", str(place / "up")],
        }
        answers = {name: finish(bench, command) for name, command in commands.items()}
    return [None if is_sentence(*answer) else f"{name}: {answer}" for name, answer in answers.items()]


def two_runs(bench: Path, tries: int) -> list[str | None]:
    """Start two runs into one output; one is refused, and the other ends."""
    broken = []
    for number in range(max(1, tries // 5)):
        model = bench / f"shared-{number}" / "model"
        runs = [start(bench, command_of_training(bench, model))]
        time.sleep(number)
        runs.append(start(bench, command_of_training(bench, model)))
        for run in runs:
            run.communicate()
        codes = sorted(run.returncode for run in runs)
        held = codes == [0, 2] and is_complete(model) and len([*model.parent.iterdir()]) == 1
        broken.append(None if held else f"started {number} s apart: exit codes {codes}")
    return broken


def flip(path: Path, chance: random.Random) -> bytes:
    """Flip a bit of a file; return what it held."""
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(damaged)
    return content


def flipped_cache(bench: Path, tries: int) -> list[str | None]:
    """Flip a bit of decoded images; the next run ends with the same weights."""
    whole, _ = whole_run(bench)
    chance, broken = random.Random(0), []
    for number in range(max(1, tries // 5)):
        path = chance.choice(sorted((bench / "cache" / "decoded_images").iterdir()))
        flip(path, chance)
        code, said = finish(bench, command_of_training(bench, bench / f"flipped-{number}"))
        held = code == 0 and sha256(bench / f"flipped-{number}" / WEIGHTS) == sha256(whole / WEIGHTS)
        broken.append(None if held else f"{path.name}: {said}")
    return broken


def flipped_checkpoint(bench: Path, tries: int) -> list[str | None]:
    """Flip a bit of a checkpoint; it is refused."""
    from hub.training import checkpoint

    path, chance, broken = bench / "run.pt", random.Random(0), []
    checkpoint.save(path, {}, {"weights": [0.5] * 1000})
    for _ in range(tries):
        content = flip(path, chance)
        with suppress(InputError):
            checkpoint.load(path, {})
            broken.append("a damaged checkpoint was taken")
            continue
        path.write_bytes(content)
        broken.append(None)
    return broken


def flipped_model(bench: Path, tries: int) -> list[str | None]:
    """Flip a bit of a model folder, which is refused or answers the same."""
    film, chance, broken = sample_radiographs(1)[0][0], random.Random(0), []
    answer = Classifier.from_pretrained(BUNDLED)(film).probabilities
    shutil.copytree(BUNDLED, bench / "model", dirs_exist_ok=True)
    for name in (WEIGHTS, METRICS, "config.json", "scope.safetensors", *NETWORKS.values()):
        for _ in range(FLIPS):
            content = flip(bench / "model" / name, chance)
            try:
                same = Classifier.from_pretrained(bench / "model")(film).probabilities == answer
                broken.append(None if same else f"{name}: another answer")
            except InputError:
                broken.append(None)
            except Exception as error:
                broken.append(f"{name}: {error!r:.100}")
            (bench / "model" / name).write_bytes(content)
    return broken


FAULTS = {
    "training-killed": killed_training,
    "scope-killed": killed_scope,
    "publish-killed": killed_publish,
    "disk-full": full_disks,
    "cache-or-tmpdir-full": full_caches,
    "read-only": read_only,
    "two-runs": two_runs,
    "cache-flipped": flipped_cache,
    "checkpoint-flipped": flipped_checkpoint,
    "model-flipped": flipped_model,
}


if __name__ == "__main__":
    run_command("python -m benchmarks.reliability.faults", main)
