"""Compare this project with its peers: every comparison, or one by its name.

  python -m benchmarks --xray DIR --mnist DIR --cifar10 DIR --weights FILE --save     all, some two hours
  python -m benchmarks NAME --help                                                    one

Each is also a module, python -m benchmarks.NAME. With --save the figures go into results.json and
coursework.json, and `report` writes README.md from them. Let nothing else run beside a comparison.
"""

import argparse
import importlib
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

from hub.errors import InputError, check_arguments, run_command

COMMANDS = {
    "inference": "ways to serve one model folder: latency, throughput, start-up and memory",
    "reduction": "JPEGs decoded at reduced scale beside the same files decoded whole",
    "score": "an archive: films an hour against processes, euros per million films",
    "runtimes": "ONNX Runtime beside OpenVINO, with one thread and with all",
    "serving": "the demo: start-up, clicks and memory",
    "hosting": "arithmetic of many visitors: a server beside their own browsers",
    "space": "a Space: its environment, start and memory; writes docs/space.md",
    "training": "train.py beside plain fine-tunes of the same network",
    "memory": "a first training run, with and without --grad-checkpointing",
    "distributed": "training in one and two processes, and the arithmetic for eight devices",
    "growth": "time and memory against the size of images, batches, file lists and data sets",
    "architectures": "networks of train.py --architecture: accuracy against milliseconds",
    "coursework": "train.py beside the coursework's exercises in Keras",
    "reliability": "bad input, broken folders, faults, hostile clients and load; writes docs/reliability.md",
    "browser": "the page in Chromium beside Python: answers, times, bytes; fills docs/browser.md",
    "scale": "what was measured of more films, devices and visitors than one machine has; measures nothing",
    "report": "benchmarks/README.md, from what the others saved",
}


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison that the first argument names, or all of them."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in COMMANDS:
        name, *arguments = arguments
        run_command(f"python -m benchmarks.{name}", partial(_compare, name, arguments))
    else:
        run_command("python -m benchmarks", partial(run_all, arguments))


def _compare(name: str, arguments: list[str]) -> None:
    check_arguments(arguments)
    importlib.import_module(f"benchmarks.{name}").main(arguments)


def run_all(arguments: list[str]) -> None:
    """Run every comparison in its own process; InputError at the first failure."""
    names = "\n".join(f"  {name:14}{what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\nNAME is one of\n\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if arguments and not arguments[0].startswith("-"):
        parser.error(f"there is no comparison {arguments[0]}; choose from {', '.join(COMMANDS)}")
    parser.add_argument("--xray", metavar="DIR", help="the chest X-rays, a folder with train/ and test/")
    parser.add_argument("--mnist", metavar="DIR", help="MNIST: a folder, Parquet or a Hub id")
    parser.add_argument("--cifar10", metavar="DIR", help="CIFAR-10, likewise")
    parser.add_argument("--weights", metavar="FILE", help="timm's mobilenetv2_100, .safetensors")
    parser.add_argument("--save", action="store_true", help="keep the figures, and write README.md")
    options = parser.parse_args(arguments)
    for name in ("xray", "mnist", "cifar10", "weights"):
        if not getattr(options, name):
            raise InputError(f"All comparisons need --{name}; give it, or the name of one that does not.")
    for name, command_arguments in commands(options).items():
        command = ["-m", f"benchmarks.{name}", *command_arguments]
        print(f"\npython {shlex.join(command)}", flush=True)
        if subprocess.run([sys.executable, *command]).returncode:
            raise InputError(f"{name} failed; what it says above is why.")


def commands(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the arguments of each comparison, in the order in which they run."""
    images = ["--films", str(Path(options.xray) / "test")]
    weights = ["--weights", options.weights]
    training = ["--dataset", options.xray, *weights]
    exercises = ["--mnist", options.mnist, "--cifar10", options.cifar10, "--xray", options.xray, *weights]
    comparisons = {
        "inference": images,
        "reduction": images,
        "serving": [],
        "training": training,
        "memory": [],
        "distributed": [],
        "growth": [*images, *training],
        "coursework": exercises,
    }
    if not options.save:
        return comparisons
    return {name: [*arguments, "--save"] for name, arguments in comparisons.items()} | {"report": []}


if __name__ == "__main__":
    main()
