"""What both pages show, as HTML; page.css makes it look so, page.js makes Gradio's move.

Pictures travel inside the HTML, so that no file of a visitor's film is left behind.
"""

import base64
import io
from html import escape
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from hub.demo import handlers, wording
from hub.inference import decision
from hub.inference.batch import Result, to_csv
from hub.text import percent

TICKS = (0.01, 0.1, 0.5, 0.9, 0.99)
SCALE = decision.log_odds(0.997)  # the ends of the bar, in log odds either way
CSS = Path(__file__).parent / "static" / "page.css"
JS = Path(__file__).parent / "static" / "page.js"


def notes(words: dict[str, str], uploads: str) -> str:
    """Return the head of the page: what it is, what it is not, and what becomes of `uploads`."""
    return (
        f"<header><h1>{escape(words['title'])}</h1><p class='lead'>{escape(words['introduction'])}</p>"
        f"<p class='disclaimer'>{escape(words['disclaimer'])} {escape(uploads)}</p></header>"
    )


def explanation(sentence: str) -> str:
    """Return a sentence in small, quiet letters."""
    return f"<p class='quiet'>{escape(sentence)}</p>"


def examples(paths: list[Path]) -> str:
    """Return a button for each example, numbered from 0 for the page's script."""
    buttons = [
        f"<button type='button' data-example='{index}' "
        f"aria-label='Try {escape(path.stem.replace('-', ' '))}'>"
        f"<img src='{data_uri(_thumbnail(path))}' alt=''></button>"
        for index, path in enumerate(paths)
    ]
    return (
        "<div class='examples' role='group' aria-labelledby='examples-label'><p id='examples-label'>Or try a "
        f"synthetic film of no patient</p><div>{''.join(buttons)}</div></div>"
    )


def film(answer: handlers.Answer | None, name: str = "", words: dict[str, str] | None = None) -> str:
    """Return the film with its heatmap over it and a slider for that, or an empty place for one."""
    if answer is None:
        return "<div class='empty film-empty'>The picture appears here</div>"
    layers = f"<img src='{data_uri(answer.picture)}' alt='{escape(name)}'>"
    slider = ""
    if answer.prediction.heatmaps:
        layers += (
            f"<img class='heat' src='{data_uri(answer.heatmap)}' alt='The same under its heatmap. "
            f"{escape(words['heatmap'])}'>"
        )
        slider = (
            "<label class='opacity'>Heatmap <input type='range' min='0' max='100' value='100' "
            "aria-label='Opacity of the heatmap in per cent'></label>"
            f"{explanation(words['heatmap'])}"
        )
    return (
        f"<figure class='film'><div class='layers'>{layers}</div>"
        f"<figcaption><p class='name'>{escape(name)}</p>{slider}</figcaption></figure>"
    )


def invitation(sentence: str = "The answer appears here") -> str:
    """Return the card before there is an answer."""
    return f"<div class='empty' role='status'>{escape(sentence)}</div>"


def trouble(sentence: str) -> str:
    """Return the card of a file that cannot be read."""
    return (
        f"<section class='card refused' role='status'><h2>No answer</h2>"
        f"<p class='notice'>{escape(sentence)}</p></section>"
    )


def card(report: dict) -> str:
    """Return the answer that `demo.report` gave: what the check says, the finding, the probability."""
    status = report["verdict"]["status"]
    check = escape(wording.check_words(report))
    if report["label"] is None:
        return trouble(wording.check_words(report))
    warning = f"<p class='notice'><strong>Careful.</strong> {check}</p>" if status == "warned" else ""
    if report["finding"]:
        body = f"{_scale(report['probability'], report['threshold'])}<p>{escape(wording.advice(report))}</p>"
    else:
        body = _probabilities(report)
    quiet = "" if warning else f"<p class='quiet check {status}'>{check}</p>"
    return (
        f"<section class='card {status}' role='status'>{warning}<h2>{escape(wording.headline(report))}</h2>"
        f"{body}{quiet}</section>"
    )


def batch(reports: list[tuple[Result, dict | None]]) -> str:
    """Return a table of rows and their reports, a bad file with its reason, and a link that saves them."""
    titles = ["Name", "Answer", wording.SHARE, wording.CHECK]
    head = "".join(f"<th scope='col'><button type='button'>{title}</button></th>" for title in titles)
    body = "".join(_batch_row(row, report) for row, report in reports)
    bad = sum(report is None for _, report in reports)
    count = f"{len(reports)} file{'s' * (len(reports) != 1)}" + (f", {bad} of them unreadable" if bad else "")
    return (
        f"<div class='batch'><p role='status'>{count}. <a download='answers.csv' "
        f"href='data:text/csv;charset=utf-8,{quote(to_csv(reports))}'>Download as CSV</a></p>"
        "<div class='scroll' tabindex='0' role='region' aria-label='Answers'><table><thead><tr>"
        f"<th scope='col'>Film</th>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def gallery(pictures: list[tuple[Path, str]]) -> str:
    """Return the pictures of a model folder, which are fetched when they come into sight."""
    figures = "".join(
        f"<figure><img loading='lazy' src='gradio_api/file={quote(str(path))}' alt='{escape(caption)}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for path, caption in pictures
    )
    return f"<div class='gallery'>{figures}</div>"


def _scale(probability: float, threshold: float) -> str:
    """Return a bar in log odds: equal steps left and right are equal factors of the odds.

    On a plain bar from 0 to 1 both thresholds would lie at the left end, one upon the other.
    """
    middle, near = decision.log_odds(threshold), decision.log_odds(1 / (1 + 1 / decision.NEAR))
    low, high = _place(middle - near), _place(middle + near)
    ticks = "".join(
        f"<span class='tick' style='left:{_place(decision.log_odds(tick)):.1f}%'>{percent(tick)}</span>"
        for tick in TICKS
    )
    says = (
        f"Calibrated probability of pneumonia {percent(probability)}, "
        f"threshold {percent(threshold)}, on a scale of log odds from under 1 % to over 99 %"
    )
    return (
        f"<p class='probability'><strong>{percent(probability)}</strong> calibrated probability of "
        f"pneumonia</p><div class='scale' role='img' aria-label='{says}'>"
        f"<div class='bar'><span class='unsure' style='left:{low:.1f}%;width:{high - low:.1f}%'></span>"
        f"<span class='yes' style='left:{high:.1f}%'></span>"
        f"<span class='threshold' style='left:{_place(middle):.1f}%'></span>"
        f"<span class='mark' style='left:{_place(decision.log_odds(probability)):.1f}%'></span></div>"
        f"<div class='ticks'>{ticks}</div></div>"
        f"<ul class='legend'><li class='no'>no sign</li><li class='unsure'>uncertain</li><li class='yes'>"
        f"signs</li><li class='threshold'>threshold {percent(threshold)}</li></ul>"
    )


def _place(log_odds: float) -> float:
    """Return where on the bar, in per cent of its length from the left."""
    return 50 + 50 * min(max(log_odds / SCALE, -1), 1)


def _probabilities(report: dict) -> str:
    rows = "".join(
        f"<li><span>{escape(name)}</span><span>{percent(value)}</span>"
        f"<span class='bar'><span style='width:{100 * value:.1f}%'></span></span></li>"
        for name, value in wording.most_probable(report)
    )
    return f"<p>Calibrated probability of each class, the five highest:</p><ul class='classes'>{rows}</ul>"


def _batch_row(row: Result, report: dict | None) -> str:
    cells = wording.table_row(row.name, report, row.error)
    share = cells[wording.SHARE]
    order, shown = (-1, "") if share is None else (share, percent(share))
    status = report["verdict"]["status"] if report else "bad"
    picture = f"<img src='{data_uri(row.thumbnail)}' alt='' width='56'>" if row.thumbnail else ""
    name, says, check = (escape(cells[title]) for title in ("Name", "Answer", wording.CHECK))
    return (
        f"<tr class='{status}'><td>{picture}</td><th scope='row' data-sort='{name}'>{name}</th>"
        f"<td data-sort='{says}'>{says}</td>"
        f"<td data-sort='{order}'>{shown}</td>"
        f"<td data-sort='{check}'>{check}</td></tr>"
    )


def _thumbnail(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.thumbnail((128, 128))
        return picture.convert("RGB")


def data_uri(picture: Image.Image) -> str:
    """Return the picture as a JPEG in the form of an address, so that no file needs to be served."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
