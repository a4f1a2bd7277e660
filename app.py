"""The Gradio demo: `python app.py`, then http://127.0.0.1:7860.

MODEL in the environment names another model folder or Hub id.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from gradio.data_classes import JsonData

from hub import about, batch, demo, page
from hub.classifier import Classifier, Prediction
from hub.errors import InputError

# Seconds. A batch is read while it waits and runs: its files have to be there until its end.
DELETE_EVERY, DELETE_AFTER = 60, 900
SELECT_EXAMPLE = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("select", { index: Number(button.dataset.example) });
});
"""
THEME = gr.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(
    # Gradio's own greys are too faint to read for many.
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_label_text_color_dark="*neutral_200",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
)


class Report(JsonData):
    """What the API gives; an MCP client is sent it as text, which is JSON, too."""

    def __str__(self) -> str:
        return json.dumps(self.root)


def build(classifier: Classifier, examples: list[Path]) -> gr.Blocks:
    """Return the page for one model."""
    words = demo.words(classifier)
    metrics = about.read_metrics(classifier.folder)
    points = demo.operating_points(classifier)
    usual = points[0] if points else None

    def explain(point: str | None) -> str:
        return demo.explain_point(point, metrics) if point else ""

    def operating_point(label: str) -> gr.Radio:
        return gr.Radio(
            [(name.capitalize(), name) for name in points],
            value=usual,
            label=label,
            info=explain(usual),
            visible=bool(points),
        )

    def show(file: str | None, point: str | None) -> tuple:
        """Return film, card, what another operating point needs, and an empty drop zone for the next file."""
        if file is None:
            return (gr.skip(),) * 4
        try:
            answer = demo.answer(classifier, file)
        except InputError as error:
            return page.film(None), page.trouble(str(error)), None, None
        film = page.film(answer, Path(file).name, words)
        return film, page.card(demo.report(classifier, answer.prediction, point)), answer.prediction, None

    def show_example(event: gr.EventData, point: str | None) -> tuple:
        return show(str(examples[event.index]), point)[:3]

    def reword(prediction: Prediction | None, point: str) -> tuple:
        card = page.card(demo.report(classifier, prediction, point)) if prediction else gr.skip()
        return card, gr.update(info=explain(point))

    def table(rows: list[batch.Result], point: str | None) -> str:
        return page.batch(demo.with_reports(classifier, rows, point))

    def classify_batch(files: list[str], point: str | None, progress=gr.Progress()) -> tuple:  # noqa: B008
        rows = []
        for row in demo.classify_uploads(classifier, files):
            rows.append(row)
            progress((len(rows), max(len(rows), len(files))), unit="files")
        return rows, table(rows, point), None

    def reword_batch(rows: list[batch.Result] | None, point: str) -> tuple:
        answers = table(rows, point) if rows else page.invitation("No answers are kept; give files")
        return answers, gr.update(info=explain(point))

    def classify(image: str, operating_point: str = usual) -> dict:
        """Say whether a child's chest X-ray shows signs of pneumonia. Research only, not a diagnosis.

        Args:
            image: the picture, an X-ray from the front: DICOM, PNG, JPEG, WebP, TIFF or BMP
            operating_point: "balanced", or "screening", which misses less and raises more false alarms

        Returns:
            label, the class; finding, "signs of pneumonia", "no sign of pneumonia" or "uncertain";
            probability of pneumonia, calibrated; probabilities of each class; operating_point and its
            threshold; verdict of the input check: status "fine", "warned", "refused" (then there is no
            answer) or "unchecked", reason and sentence
        """
        if image is None:
            raise gr.Error("There is no picture; give one.", print_exception=False)
        try:
            return demo.report(classifier, classifier(image), operating_point)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from None

    events = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    with gr.Blocks(
        title=words["title"], analytics_enabled=False, delete_cache=(DELETE_EVERY, DELETE_AFTER)
    ) as blocks:
        gr.HTML(page.notes(words, "Uploads are deleted within minutes and never logged."))
        with gr.Tabs():
            with gr.Tab(words["one"]):
                with gr.Row(elem_id="inputs"):
                    upload = gr.File(
                        label=f"{words['picture']}: drop, paste or choose", height=104, elem_id="film-input"
                    )
                    sample = gr.HTML(
                        page.examples(examples), js_on_load=SELECT_EXAMPLE, visible=bool(examples)
                    )
                with gr.Row(elem_id="answer"):
                    with gr.Column():
                        film = gr.HTML(page.film(None))
                        with gr.Accordion("Use the camera or the clipboard", open=False):
                            camera = gr.Image(label=words["picture"], sources=["webcam", "clipboard"])
                    with gr.Column():
                        card = gr.HTML(page.invitation(), elem_id="card")
                        point = operating_point("Operating point")
            with gr.Tab("Batch"):
                uploads = gr.File(
                    label="Many files, or ZIPs of them",
                    file_count="multiple",
                    height=104,
                    elem_id="batch-input",
                )
                batch_point = operating_point("Operating point of this table")
                results = gr.HTML(page.invitation("The answers appear here"))
            with gr.Tab("The model"):
                gr.Markdown(about.text(metrics, classifier.operating_points), elem_id="about")
                gr.HTML(page.gallery(about.pictures(classifier.folder)), elem_id="gallery")
        prediction, rows = gr.State(), gr.State(time_to_live=DELETE_AFTER)

        # The uploaded files themselves, which Gradio has checked to be uploads: hub.images alone reads them.
        upload.preprocess = camera.preprocess = lambda file: file.path if file else None
        uploads.preprocess = lambda files: [file.path for file in files] if files else []

        answer = [film, card, prediction]
        upload.upload(show, [upload, point], [*answer, upload], **events)
        camera.input(show, [camera, point], [*answer, camera], **events)
        sample.select(show_example, point, answer, **events)
        point.change(reword, [prediction, point], [card, point], **events)
        uploads.upload(
            classify_batch, [uploads, batch_point], [rows, results, uploads],
            api_visibility="private", show_progress_on=results, concurrency_limit=2,
        )  # fmt: skip
        batch_point.change(reword_batch, [rows, batch_point], [results, batch_point], **events)
        api = gr.JSON(visible=False)
        api.postprocess = Report
        gr.Button(visible=False).click(
            classify, [upload, point], api, api_name="classify", api_description=words["api"], queue=False
        )
    return blocks


def main() -> int:
    try:
        classifier = demo.load_model()
    except InputError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        blocks = build(classifier, demo.write_examples(classifier, Path(folder)))
        blocks.launch(**launch_options(classifier))
    return 0


def launch_options(classifier: Classifier) -> dict:
    """Return how the page is served: what it looks like, and that nothing is recorded or handed out."""
    return {
        "theme": THEME,
        "css_paths": page.CSS,
        "js": page.JS.read_text(),
        "mcp_server": True,
        "run_history": False,
        "max_file_size": "100mb",
        "footer_links": [],
        "allowed_paths": [str(path) for path, _ in about.pictures(classifier.folder)],
    }


if __name__ == "__main__":
    sys.exit(main())
