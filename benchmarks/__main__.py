"""Every comparison of this project with its peers, each also alone.

  python -m benchmarks inference --help     ways to serve the same model folder
  python -m benchmarks serving --help       the demo: start, clicks, memory
  python -m benchmarks coursework --help    train.py beside the notes' exercises in Keras

Each is also a module: python -m benchmarks.inference. Figures that the README shows are in results.json and
coursework.json, where --save puts them.
"""

import argparse
import runpy
import sys

NAMES = ("inference", "serving", "coursework")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=NAMES, help="of the comparison; its own options follow")
    options = parser.parse_args(sys.argv[1:2])
    sys.argv = [f"python -m benchmarks {options.name}", *sys.argv[2:]]
    runpy.run_module(f"benchmarks.{options.name}", run_name="__main__")


if __name__ == "__main__":
    main()
