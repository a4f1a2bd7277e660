"""Charts beside results.json, drawn alike."""

from pathlib import Path
from typing import TYPE_CHECKING

from hub.files import replace_file

if TYPE_CHECKING:  # matplotlib takes a second to import; --help should not wait
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
OURS, THEIRS = "#c2410c", "#94a3b8"


def subplots(*arguments, **keywords):
    """Return matplotlib's `subplots`, for a file instead of a screen."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}
    return plt.subplots(*arguments, **keywords, layout="constrained")


def save(figure: "Figure", name: str) -> None:
    """Write a figure of `subplots` as PNG, and close it."""
    import matplotlib.pyplot as plt

    with replace_file(FOLDER / name) as partial:
        figure.savefig(partial, format="png", dpi=160, metadata={"Software": None})
    plt.close(figure)
