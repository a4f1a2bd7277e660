"""The table of a batch as HTML.

static/batch.css styles it, and static/batch.js makes it sort in Gradio.
"""

from urllib.parse import quote

from markupsafe import Markup

from hub.demo import wording
from hub.demo.render import jpeg_uri, render
from hub.inference.batch import Result, to_csv


def batch_table(reports: list[tuple[Result, dict | None]]) -> Markup:
    """Return the table of results and their reports, and a link that saves it as CSV.

    A report of None is an error or a note, and a note does not count as a file.
    """
    return render(
        "batch.html",
        columns=wording.COLUMNS,
        rows=[_row(result, report) for result, report in reports],
        files=sum(result.note is None for result, _ in reports),
        errors=sum(result.error is not None for result, _ in reports),
        csv=quote(to_csv(reports)),
    )


def _row(result: Result, report: dict | None) -> dict:
    return {
        "status": report["verdict"]["status"] if report else "note" if result.note else "bad",
        "thumbnail": jpeg_uri(result.thumbnail) if result.thumbnail else None,
        "cells": wording.table_row(result, report),
    }
