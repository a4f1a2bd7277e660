"""Measure a model beyond its test figures, and how its recipe was chosen.

python -m hub.analysis NAME --help
"""

import argparse
import importlib
from functools import partial

from hub.errors import check_arguments, run_command

COMMANDS = {
    "heatmaps": "where the model looks: heatmaps over 50 test radiographs, and their share in the lungs",
    "shortcuts": "copies, doubtful labels, and features other than lungs that predict the class",
    "seeds": "variance across seeds, and which of several runs the rule chooses",
    "recipe_search": "recipes compared on groups of radiographs that training left out",
    "calibration": "how probabilities are calibrated, chosen on validation images",
    "input_check": "the input check on data that it was not fitted with",
    "deep_greys": "how greys of more than 8 bits are stretched, chosen on training radiographs",
    "selection_tables": "the tables of docs/model-selection, from its records",
}


def main(arguments: list[str] | None = None) -> None:
    """Run the measurement that the first argument names."""
    names = "\n".join(f"  {name:18}{what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis",
        description=f"{__doc__}\nNAME is one of\n\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", choices=COMMANDS, help=", ".join(COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="those of NAME")
    options = parser.parse_args(arguments)
    run_command(f"python -m hub.analysis {options.name}", partial(_measure, options.name, options.arguments))


def _measure(name: str, arguments: list[str]) -> None:
    check_arguments(arguments)
    importlib.import_module(f"hub.analysis.{name}").main(arguments)


if __name__ == "__main__":
    main()
