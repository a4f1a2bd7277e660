"""Every comparison of this project with its peers, all of them or one.

  python -m benchmarks --xray DIR --mnist DIR --cifar10 DIR --weights FILE --save     all, some two hours
  python -m benchmarks inference --help     ways to serve the same model folder
  python -m benchmarks scale --help         JPEGs decoded at reduced scale, beside the whole of them
  python -m benchmarks serving --help       the demo: start, clicks, memory
  python -m benchmarks training --help      train.py beside plain fine-tunes
  python -m benchmarks growth --help        time and memory, as films, batches and data sets grow
  python -m benchmarks coursework --help    train.py beside the notes' exercises in Keras
  python -m benchmarks readme --help        the README's section, written from what the others saved

Each is also a module: python -m benchmarks.inference. Figures that the README shows are in results.json and
coursework.json, where --save puts them. Let nothing else run beside them.
"""

import argparse
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

from hub.errors import InputError, run_command

NAMES = ("inference", "scale", "serving", "training", "growth", "coursework", "readme")


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in NAMES:
        name = sys.argv[1]
        sys.argv = [f"python -m benchmarks {name}", *sys.argv[2:]]
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    else:
        run_command("python -m benchmarks", run_all)


def run_all() -> None:
    """Run every comparison, each in a process of its own; InputError at the first that fails."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--xray", metavar="DIR", help="the chest X-rays, a folder with train/ and test/")
    parser.add_argument("--mnist", metavar="DIR", help="MNIST: a folder, Parquet or a Hub id")
    parser.add_argument("--cifar10", metavar="DIR", help="CIFAR-10, likewise")
    parser.add_argument("--weights", metavar="FILE", help="timm's mobilenetv2_100, .safetensors")
    parser.add_argument(
        "--save", action="store_true", help="put the figures where the README takes them from"
    )
    options = parser.parse_args()
    for name in ("xray", "mnist", "cifar10", "weights"):
        if not getattr(options, name):
            raise InputError(f"All comparisons need --{name}; give it, or the name of one that does not.")
    for name, arguments in commands(options).items():
        command = ["-m", f"benchmarks.{name}", *arguments]
        print(f"\npython {shlex.join(command)}", flush=True)
        if subprocess.run([sys.executable, *command]).returncode:
            raise InputError(f"{name} failed; what it says above is why.")


def commands(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the arguments of each comparison."""
    films = ["--films", str(Path(options.xray) / "test")]
    weights = ["--weights", options.weights]
    learn = ["--dataset", options.xray, *weights]
    exercises = ["--mnist", options.mnist, "--cifar10", options.cifar10, "--xray", options.xray, *weights]
    found = {
        "inference": films,
        "scale": films,
        "serving": [],
        "training": learn,
        "growth": [*films, *learn],
        "coursework": exercises,
    }
    if options.save:
        found = {name: [*arguments, "--save"] for name, arguments in found.items()} | {"readme": []}
    return found


if __name__ == "__main__":
    main()
