"""The Gradio demo: `python app.py`, then http://127.0.0.1:7860.

MODEL in the environment names another model folder or Hub id.
"""

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from hub.demo import (
    batch_panel,
    gradio_api,
    gradio_errors,
    gradio_explorer,
    gradio_model,
    handlers,
    model_tab,
    panels,
    wording,
)
from hub.demo.explorer_tab import Shown
from hub.demo.gradio_language import I18N, Localized, add_localization
from hub.demo.gradio_options import EVENTS, THEME
from hub.demo.render import STYLES, page_script, script
from hub.errors import InputError, run_command
from hub.inference import batch, decision
from hub.inference.classifier import Classifier, Prediction

# Seconds. A batch is read while it waits and runs: its files have to be there until its end.
DELETE_EVERY, DELETE_AFTER = 60, 900


def main() -> None:
    """Serve the demo.

    Raises InputError if the model cannot be loaded.
    """
    classifier = handlers.load_model()
    with tempfile.TemporaryDirectory() as folder:
        blocks = build(classifier, handlers.write_examples(classifier, Path(folder)))
        blocks.launch(**launch_options(classifier))


def launch_options(classifier: Classifier) -> dict:
    """Return the arguments of `Blocks.launch`.

    They set the looks of the page; nothing is recorded, and only the model's plots may be fetched as files.
    """
    return {
        "theme": THEME,
        "css_paths": STYLES,
        "js": page_script(),
        "i18n": I18N,
        "mcp_server": True,
        "run_history": False,
        "max_file_size": "100mb",
        "footer_links": [],
        "app_kwargs": {"exception_handlers": gradio_errors.HANDLERS},
        "allowed_paths": [str(path) for path in model_tab.pictures(classifier.folder)],
    }


def build(classifier: Classifier, examples: list[Path]) -> gr.Blocks:
    """Lay out the page for one model, four tabs, and add the endpoint of its API."""
    words = wording.words(classifier)
    metrics = model_tab.read_metrics(classifier.folder)
    with gradio_errors.Page(
        title=words["title"], analytics_enabled=False, delete_cache=(DELETE_EVERY, DELETE_AFTER)
    ) as blocks:
        localized: Localized = []
        shown = gr.State(time_to_live=DELETE_AFTER)  # a Shown, for the tab "Inside the network"
        gr.HTML(panels.header(words, "Uploads are deleted within minutes and never logged."))
        with gr.Tabs():
            with gr.Tab(words["first_tab"]):
                build_image_tab(classifier, metrics, examples, shown)
            with gr.Tab("Batch"):
                build_batch_tab(classifier, metrics)
            with gr.Tab("Inside the network") as inside:
                gradio_explorer.build(inside, classifier, examples, shown, localized)
            with gr.Tab("The model"):
                gradio_model.build(classifier, metrics, [])
        gradio_api.add_endpoint(classifier, words["api"])
        add_localization(blocks, localized, classifier, **EVENTS)
    return blocks


def build_image_tab(classifier: Classifier, metrics: dict, examples: list[Path], inside: gr.State) -> None:
    """Lay out the inputs for one image, its heatmap, and the card with the answer."""
    words = wording.words(classifier)
    with gr.Row(elem_id="inputs"):
        label = f"{words['image']}: drop, paste or choose"
        upload = gr.File(label=label, height=104, elem_id="film-input")
        sample = gr.HTML(
            panels.examples(examples), js_on_load=script("select_example.js"), visible=bool(examples)
        )
    with gr.Row(elem_id="answer"):
        with gr.Column():
            image = gr.HTML(panels.empty_image())
            with gr.Accordion("Use the camera or the clipboard", open=False):
                camera = gr.Image(label=words["image"], sources=["webcam", "clipboard"])
        with gr.Column():
            card = gr.HTML(panels.empty_card(), elem_id="card")
            point = operating_point("Operating point", classifier, metrics)
    prediction = gr.State()

    def show(path: str | Path, point: str | None) -> tuple:
        try:
            answer = handlers.answer(classifier, path)
            report = decision.report(classifier, answer.prediction, point)
        except InputError as error:
            return panels.empty_image(), panels.refusal(str(error)), None, gr.skip()
        name = Path(path).name
        film = panels.image(answer, name, words)
        return film, panels.card(report), answer.prediction, Shown(name, answer.pixels)

    def show_upload(file: dict | None, point: str | None) -> tuple:
        if not file:
            return (gr.skip(),) * 5
        return *show(gradio_errors.upload_path(file), point), None  # None empties the drop zone

    def show_example(event: gr.EventData, point: str | None) -> tuple:
        return show(examples[event.index], point)

    def change_point(prediction: Prediction | None, point: str) -> tuple:
        card = panels.card(decision.report(classifier, prediction, point)) if prediction else gr.skip()
        return card, gr.update(info=wording.explain_point(point, metrics))

    outputs = [image, card, prediction, inside]  # what `show` returns
    # Without preprocessing, which would read and write the file again: only hub.imaging reads uploads.
    upload.upload(show_upload, [upload, point], [*outputs, upload], preprocess=False, **EVENTS)
    camera.input(show_upload, [camera, point], [*outputs, camera], preprocess=False, **EVENTS)
    sample.select(show_example, point, outputs, **EVENTS)
    point.change(change_point, [prediction, point], [card, point], **EVENTS)


def build_batch_tab(classifier: Classifier, metrics: dict) -> None:
    """Lay out the drop zone for many images, and the table of their answers."""
    uploads = gr.File(
        label="Many files, or ZIPs of them", file_count="multiple", height=104, elem_id="batch-input"
    )
    point = operating_point("Operating point of this table", classifier, metrics)
    results = gr.HTML(panels.empty_card("The answers appear here"))
    rows = gr.State(time_to_live=DELETE_AFTER)

    def table(rows: list[batch.Result], point: str | None) -> str:
        return batch_panel.batch_table(handlers.with_reports(classifier, rows, point))

    def classify_batch(files: list[dict] | None, point: str | None, progress=gr.Progress()) -> tuple:  # noqa: B008
        paths = [gradio_errors.upload_path(file) for file in files or []]
        rows, start = [], time.perf_counter()
        for row in handlers.classify_uploads(classifier, paths):
            rows.append(row)
            done = sum(row.note is None for row in rows)
            progress((done, max(done, len(paths))), f"Classifying, {batch.rate(done, start)}", unit="files")
        return rows, table(rows, point), None

    def change_point(rows: list[batch.Result] | None, point: str) -> tuple:
        answers = table(rows, point) if rows else panels.empty_card("No answers are kept; give files")
        return answers, gr.update(info=wording.explain_point(point, metrics))

    uploads.upload(
        classify_batch, [uploads, point], [rows, results, uploads], preprocess=False,
        api_visibility="private", show_progress_on=results, concurrency_limit=2,
    )  # fmt: skip
    point.change(change_point, [rows, point], [results, point], **EVENTS)


def operating_point(label: str, classifier: Classifier, metrics: dict) -> gr.Radio:
    """Lay out the choice of an operating point; hidden for a model without any."""
    points = decision.operating_points(classifier)
    return gr.Radio(
        [(name.capitalize(), name) for name in points],
        value=points[0] if points else None,
        label=label,
        info=wording.explain_point(points[0], metrics) if points else "",
        visible=bool(points),
    )


if __name__ == "__main__":
    run_command("app.py", main)
