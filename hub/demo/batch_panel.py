"""A batch as a work list: rows to count, filter, sort and open, page by page.

The server draws one page, static/batch.css styles it, and static/batch.js asks for another one: what is shown
is a `View`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from markupsafe import Markup

from hub.demo import answer_words
from hub.demo.render import jpeg_uri, render
from hub.demo.words import Words
from hub.inference.batch import HEADLINES, Result, kind, to_csv
from hub.text import thousands

PAGE = 50  # rows
# Rows that a page keeps, two full ZIPs: 0.35 GB of memory with the pictures of films, 1.2 GB with those of
# coloured noise. A new batch takes the place of the one before.
ROWS = 4_000
COLUMNS = ("name", "answer", "probability", "check")
# The words of each kind; "label" is the name of a class.
WORDS = {
    "signs": "card.signs",
    "flagged": "card.flagged",
    "uncertain": "batch.uncertain",
    "no_sign": "card.no_sign",
    "not_reliable": "card.not_reliable",
    "refused": "card.no_answer",
    "unreadable": "card.no_answer",
    "left_out": "batch.left_out",
}
# The orders that a visitor chooses from, by what they are called.
SORTS = {
    "batch.sort_files": ("", False),
    "batch.sort_probability_down": ("probability", True),
    "batch.sort_probability": ("probability", False),
    "batch.sort_answer": ("answer", False),
    "batch.sort_name": ("name", False),
    "batch.sort_check": ("check", False),
}
OWN_CHECKS = ("batch.fine", "batch.unchecked", "batch.inverted", "batch.turned")
UNANSWERED = ("not_reliable", "refused", "unreadable", "left_out")  # kinds without an answer to act on

Reports = Sequence[tuple[Result, dict | None]]  # a report of None is an error or a note


@dataclass(frozen=True)
class View:
    """Which rows are shown, and in which order.

    `group` is that of a row, "" for all; `search` a part of a file's name; `sort` one of `COLUMNS`, "" for
    the order of the files; `page` counts from 0.
    """

    group: str = ""
    search: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 0


def view_of(data: object) -> View:
    """Return the view that a browser asks for, which may send anything."""
    data = data if isinstance(data, dict) else {}
    sort, page = data.get("sort"), data.get("page")
    return View(
        group=str(data.get("group") or "")[:200],
        search=str(data.get("search") or "")[:200],
        sort=sort if sort in COLUMNS else "",
        descending=data.get("descending") is True,
        page=min(max(page, 0), 1_000_000) if isinstance(page, int) else 0,
    )


def rows(reports: Reports, words: Words) -> list[dict]:
    """Return a dict for each result.

    `index` is its place among the results and `kind` that of `batch.kind`. `group` tells answers apart for
    the filters. `answer` and `check` are words, `probability` that of pneumonia or of the class. `reliable`
    says whether to show it at once, and `status` is that of the input check, "error" or "note".
    """
    return [_row(index, result, report, words) for index, (result, report) in enumerate(reports)]


def choose(rows: list[dict], view: View) -> list[dict]:
    """Return the rows of all pages of a view.

    They are in its order, and those without a value come last.
    """
    text = view.search.strip().casefold()
    chosen = [row for row in rows if view.group in ("", row["group"]) and text in row["name"].casefold()]
    if not view.sort:
        return chosen
    key = SORT_KEYS[view.sort]
    valued = sorted((row for row in chosen if key(row) is not None), key=key, reverse=view.descending)
    return valued + [row for row in chosen if key(row) is None]


def batch_table(reports: Reports, view: View, words: Words) -> Markup:
    """Return the filters of a batch, and one page of its table."""
    every = rows(reports, words)
    view = possible(view, every)
    page = page_of(reports, view, words)
    return render(
        "batch.html",
        words=words,
        view=view,
        view_json=json.dumps(asdict(view) | {"page": page["page"]}),
        chips=chips(every, view, words),
        sorts=SORTS,
        has_script=True,
        **page,
    )


def plain_table(reports: Reports, view: View, words: Words) -> Markup:
    """Return one page of the table of a batch, for a page without scripts."""
    page = page_of(reports, view, words)
    return render("batch_plain.html", words=words, view=view, has_script=False, **page)


def possible(view: View, rows: list[dict]) -> View:
    """Return the view with all groups where no row is of its group.

    At another operating point there are others.
    """
    return view if view.group in {row["group"] for row in rows} else replace(view, group="")


def chips(rows: list[dict], view: View, words: Words) -> list[dict]:
    """Return the filters: all, and each group, the most urgent first."""
    counts, order = Counter(row["group"] for row in rows), list(HEADLINES)
    groups = {row["group"]: row for row in sorted(rows, key=lambda row: order.index(row["kind"]))}
    files = len(rows) - sum(row["kind"] == "left_out" for row in rows)
    chips = [{"group": "", "kind": "all", "count": files, "text": words("batch.all")}]
    for group, row in groups.items():
        name = row["answer"] if row["kind"] == "label" else words(f"batch.chip_{row['kind']}")
        chips.append({"group": group, "kind": row["kind"], "count": counts[group], "text": name})
    for chip in chips:
        chip["pressed"] = chip["group"] == view.group
    return chips


def page_of(reports: Reports, view: View, words: Words) -> dict:
    """Return the rows of one page of a view, and its place among all pages.

    The rows have their thumbnails. After the last page comes the last one.
    """
    chosen = choose(rows(reports, words), view)
    last_page = max(0, len(chosen) - 1) // PAGE
    page = min(view.page, last_page)
    shown = chosen[page * PAGE : (page + 1) * PAGE]
    for row in shown:
        thumbnail = reports[row["index"]][0].thumbnail
        row["thumbnail"] = jpeg_uri(thumbnail) if thumbnail else None
    return {
        "columns": COLUMNS,
        "rows": shown,
        "total": len(chosen),
        "first": page * PAGE + 1,
        "page": page,
        "last_page": last_page,
    }


def csv_data(reports: Reports) -> Markup:
    """Return the CSV table for the script of the page, which saves it."""
    return render("batch_csv.html", csv=json.dumps(to_csv(reports)))


def drop_zone(words: Words) -> Markup:
    """Return the place for many files."""
    return render("batch_drop.html", words=words)


def notice(sentence: str, save: bool, words: Words) -> Markup:
    """Return a sentence in place of the table.

    `save` says whether its CSV can still be saved.
    """
    return render("batch_notice.html", sentence=sentence, save=save, words=words)


def progress(done: int, total: int, rate: float, words: Words) -> Markup:
    """Return how far a batch is.

    `rate` is in images a second, and a `total` of 0 is not known yet.
    """
    return render("batch_progress.html", done=done, total=total and max(done, total), rate=rate, words=words)


def finished(done: int, seconds: float, words: Words, is_full: bool = False) -> Markup:
    """Return that a batch is finished.

    Where it `is_full`, there was more than `ROWS`, which was not read.
    """
    sentence = words("batch.finished", done=thousands(done), seconds=f"{seconds:.1f}")
    return render("batch_status.html", sentence=f"{sentence} {full(words)}" if is_full else sentence)


def full(words: Words) -> str:
    """Return the sentence about a batch of more than `ROWS`."""
    return words("batch.full", most=thousands(ROWS))


def stopped(done: int, words: Words) -> Markup:
    """Return that a visitor has stopped a batch."""
    return render("batch_status.html", sentence=words("batch.stopped", done=thousands(done)))


def _row(index: int, result: Result, report: dict | None, words: Words) -> dict:
    answer = kind(result, report)
    row = {
        "index": index,
        "name": result.name,
        "kind": answer,
        "group": answer,
        "answer": words(WORDS[answer]) if answer in WORDS else report["label"],
        "probability": None,
        "reliable": answer != "not_reliable",
    }
    if report is None:
        if result.note:
            return row | {"check": result.note, "status": "note"}
        return row | {"check": answer_words.unreadable(result.error, words), "status": "error"}
    if answer == "label":
        row["group"] = f"label {report['label']}"
    probability = report["probability"]
    if probability is None:
        probability = max(report["probabilities"].values(), default=None)
    status = report["verdict"]["status"]
    own = f"batch.{report['verdict']['reason'] or status}"  # what a row says in other words than the card
    check = words(own) if own in OWN_CHECKS else answer_words.check(report, words)
    return row | {"probability": probability, "check": check, "status": status}


def _answer_key(row: dict) -> tuple | None:
    return None if row["kind"] in UNANSWERED else (list(HEADLINES).index(row["kind"]), row["answer"])


def _natural(name: str) -> list:
    """Return a key by which film-2 comes before film-10."""
    parts = re.split("([0-9]+)", name.casefold())
    return [(len(part.lstrip("0")), part) if index % 2 else part for index, part in enumerate(parts)]


SORT_KEYS: dict[str, Callable[[dict], object]] = {
    "name": lambda row: _natural(row["name"]),
    "answer": _answer_key,
    "probability": lambda row: row["probability"] if row["reliable"] else None,
    "check": lambda row: row["check"].casefold(),
}
