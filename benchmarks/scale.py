"""Print what was measured of work beyond one machine, or one film at a time.

  python -m benchmarks scale

It measures nothing: each part says which command does, and the figures are those that it saved last.
"""

import argparse

from benchmarks import distributed, growth, hosting, memory, records, score
from hub.errors import run_command


def main(arguments: list[str] | None = None) -> None:
    """Print the saved figures as Markdown; raise InputError if a record is missing."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    record, browser = map(records.read, (records.RECORD, hosting.BROWSER))
    with records.complete(records.RECORD, hosting.BROWSER):
        text = format_parts(record, browser)
    print(text)


def format_parts(record: dict, browser: dict) -> str:
    """Return each part, under a title and above the command that measures it."""
    parts = (
        ("Training in several processes", "distributed", distributed.format_record(record["distributed"])),
        ("Memory of a first training run", "memory", memory.format_record(record["memory"])),
        ("Growing images, batches, lists and data sets", "growth", growth.format_record(record["growth"])),
        ("Scoring an archive", "score", score.format_record(record["score"])),
        ("Many visitors", "serving", hosting.format_table(record, browser)),
    )
    return "\n\n".join(
        f"# {title}\n\n{figures}\n\n`python -m benchmarks {command} --help`"
        for title, command, figures in parts
    )


if __name__ == "__main__":
    run_command("python -m benchmarks.scale", main)
