"""The Gradio demo: `python app.py`, then http://127.0.0.1:7860.

MODEL in the environment names another model folder or Hub id.
"""

import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import numpy as np
from gradio.data_classes import JsonData

from hub.demo import explorer_panels, handlers, model_tab, panels, wording
from hub.demo.render import CSS, script
from hub.errors import InputError
from hub.inference import batch, decision
from hub.inference.classifier import Classifier, Prediction

# Seconds. A batch is read while it waits and runs: its files have to be there until its end.
DELETE_EVERY, DELETE_AFTER = 60, 900
# Events that answer at once. None of them is part of the API.
EVENTS = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
THEME = gr.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover_dark="*primary_800",
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
    words = wording.words(classifier)
    metrics = model_tab.read_metrics(classifier.folder)
    points = decision.operating_points(classifier)
    usual = points[0] if points else None

    def explain(point: str | None) -> str:
        return wording.explain_point(point, metrics) if point else ""

    def operating_point(label: str) -> gr.Radio:
        return gr.Radio(
            [(name.capitalize(), name) for name in points],
            value=usual,
            label=label,
            info=explain(usual),
            visible=bool(points),
        )

    def show(file: str | None, point: str | None) -> tuple:
        """Return film, card, what another operating point and the inside need, and an empty drop zone."""
        if file is None:
            return (gr.skip(),) * 5
        try:
            answer = handlers.answer(classifier, file)
        except InputError as error:
            return panels.empty_film(), panels.refusal(str(error)), None, gr.skip(), None
        film = panels.film(answer, Path(file).name, words)
        card = panels.card(decision.report(classifier, answer.prediction, point))
        return film, card, answer.prediction, answer.pixels, None

    def show_example(event: gr.EventData, point: str | None) -> tuple:
        return show(str(examples[event.index]), point)[:4]

    def reword(prediction: Prediction | None, point: str) -> tuple:
        card = panels.card(decision.report(classifier, prediction, point)) if prediction else gr.skip()
        return card, gr.update(info=explain(point))

    def table(rows: list[batch.Result], point: str | None) -> str:
        return panels.batch_table(handlers.with_reports(classifier, rows, point))

    def classify_batch(files: list[str], point: str | None, progress=gr.Progress()) -> tuple:  # noqa: B008
        rows, start = [], time.perf_counter()
        for row in handlers.classify_uploads(classifier, files):
            rows.append(row)
            speed = f"Classifying, {batch.rate(len(rows), start)}"
            progress((len(rows), max(len(rows), len(files))), speed, unit="files")
        return rows, table(rows, point), None

    def reword_batch(rows: list[batch.Result] | None, point: str) -> tuple:
        answers = table(rows, point) if rows else panels.empty_card("No answers are kept; give files")
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
            return decision.report(classifier, classifier(image), operating_point)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from None

    with gr.Blocks(
        title=words["title"], analytics_enabled=False, delete_cache=(DELETE_EVERY, DELETE_AFTER)
    ) as blocks:
        pixels = gr.State(time_to_live=DELETE_AFTER)
        gr.HTML(panels.header(words, "Uploads are deleted within minutes and never logged."))
        with gr.Tabs():
            with gr.Tab(words["first_tab"]):
                with gr.Row(elem_id="inputs"):
                    upload = gr.File(
                        label=f"{words['image']}: drop, paste or choose", height=104, elem_id="film-input"
                    )
                    sample = gr.HTML(
                        panels.examples(examples),
                        js_on_load=script("select_example.js"),
                        visible=bool(examples),
                    )
                with gr.Row(elem_id="answer"):
                    with gr.Column():
                        film = gr.HTML(panels.empty_film())
                        with gr.Accordion("Use the camera or the clipboard", open=False):
                            camera = gr.Image(label=words["image"], sources=["webcam", "clipboard"])
                    with gr.Column():
                        card = gr.HTML(panels.empty_card(), elem_id="card")
                        point = operating_point("Operating point")
            with gr.Tab("Batch"):
                uploads = gr.File(
                    label="Many files, or ZIPs of them",
                    file_count="multiple",
                    height=104,
                    elem_id="batch-input",
                )
                batch_point = operating_point("Operating point of this table")
                results = gr.HTML(panels.empty_card("The answers appear here"))
            with gr.Tab("Inside the network") as inside:
                show_inside(inside, classifier, examples, pixels)
            with gr.Tab("The model"):
                gr.Markdown(model_tab.markdown(metrics, classifier.operating_points), elem_id="about")
                gr.HTML(panels.gallery(model_tab.plots(classifier.folder)), elem_id="gallery")
        prediction, rows = gr.State(), gr.State(time_to_live=DELETE_AFTER)

        # The uploaded files themselves, which Gradio has checked to be uploads: hub.imaging alone reads them.
        upload.preprocess = camera.preprocess = lambda file: file.path if file else None
        uploads.preprocess = lambda files: [file.path for file in files] if files else []

        answer = [film, card, prediction, pixels]
        upload.upload(show, [upload, point], [*answer, upload], **EVENTS)
        camera.input(show, [camera, point], [*answer, camera], **EVENTS)
        sample.select(show_example, point, answer, **EVENTS)
        point.change(reword, [prediction, point], [card, point], **EVENTS)
        uploads.upload(
            classify_batch, [uploads, batch_point], [rows, results, uploads],
            api_visibility="private", show_progress_on=results, concurrency_limit=2,
        )  # fmt: skip
        batch_point.change(reword_batch, [rows, batch_point], [results, batch_point], **EVENTS)
        api = gr.JSON(visible=False)
        api.postprocess = Report
        gr.Button(visible=False).click(
            classify, [upload, point], api, api_name="classify", api_description=words["api"], queue=False
        )
    return blocks


def show_inside(tab: gr.Tab, classifier: Classifier, examples: list[Path], pixels: gr.State) -> None:
    """Draw the tab "Inside the network" for the picture in `pixels`; it loads torch when it is opened."""

    @functools.cache
    def network():
        from hub.explorer import inside

        return inside.open_network(classifier)

    def current(picture: np.ndarray | None) -> np.ndarray | None:
        return classifier.read(examples[0]) if picture is None and examples else picture

    def open_tab(picture: np.ndarray | None, maps_layer: str | None, cell_layer: str | None) -> tuple:
        from hub.explorer import inside

        choices = explorer_panels.layer_choices(network())
        maps_layer = maps_layer or (choices[0][1] if choices else None)
        cell_layer = cell_layer or explorer_panels.usual_layer(network())
        return (
            explorer_panels.filters(network()),
            gr.update(choices=choices, value=maps_layer, visible=bool(choices)),
            *draw_maps(picture, maps_layer),
            gr.update(choices=choices, value=cell_layer, visible=bool(choices)),
            *draw_field(picture, cell_layer),
            explorer_panels.layer_table(network()),
            explorer_panels.architectures(inside.papers()),
        )

    def draw_maps(picture: np.ndarray | None, layer: str | None) -> tuple[str, str]:
        return explorer_panels.feature_maps(network(), current(picture), layer)

    def draw_channel(event: gr.EventData, picture: np.ndarray | None, layer: str) -> str:
        return explorer_panels.feature_maps(network(), current(picture), layer, int(event.index))[1]

    def draw_field(picture: np.ndarray | None, layer: str | None) -> tuple[str, str]:
        picture = current(picture)
        heat = None if picture is None else explorer_panels.evidence(classifier, picture)
        grid, cell = explorer_panels.field_grid(network(), picture, layer, heat)
        return grid, explorer_panels.seen(network(), picture, layer, *cell)

    def draw_cell(event: gr.EventData, picture: np.ndarray | None, layer: str) -> str:
        return explorer_panels.seen(network(), current(picture), layer, *map(int, event.index.split(",")))

    def draw_slide(size: int, kernel: int, by_name: str, padding: int, stride: int, dilation: int) -> tuple:
        given = by_name == "number"
        drawing = explorer_panels.slide(size, kernel, padding if given else by_name, stride, dilation)
        return drawing, gr.update(interactive=given)

    def draw_cost(channels: int, filters: int, kernel: int, size: int, stride: int) -> tuple[str, str]:
        return explorer_panels.cost(channels, filters, kernel, size, stride), explorer_panels.stacks(
            channels, size
        )

    def count_architectures() -> Iterator[str]:
        from hub.explorer import inside

        papers, found = inside.papers(), []
        yield explorer_panels.architectures(papers, found, running=True)
        for row in inside.architectures():
            found.append(row)
            yield explorer_panels.architectures(papers, found, running=True)

    def slider(label: str) -> gr.Slider:
        return gr.Slider(*explorer_panels.SLIDERS[label], step=1, label=label, min_width=140)

    loading = panels.empty_card(explorer_panels.LOADING)
    names = list(explorer_panels.PANELS)
    choice = gr.Radio(names, value=names[0], label="Panel", show_label=False, elem_id="panels")
    columns = []

    def panel(name: str) -> gr.Column:
        columns.append(gr.Column(visible=name == names[0]))
        with columns[-1]:
            gr.HTML(explorer_panels.explanation(name))
        return columns[-1]

    with panel("Filters"):
        filters = gr.HTML(loading)
    with panel("Feature maps"):
        maps_layer = gr.Dropdown(label="Layer", visible=False)
        with gr.Row(elem_id="maps"):
            channels = gr.HTML(loading, js_on_load=script("select_channel_or_cell.js"))
            channel = gr.HTML()
    with panel("Padding and stride"):
        with gr.Row():
            slides = [slider("Pixels, N"), slider("Kernel, F")]
            slides.append(gr.Radio(explorer_panels.PADDINGS, value="number", label="Padding", min_width=140))
        with gr.Row():
            slides += [slider("Padding, P"), slider("Stride, S")]
            slides.append(slider("Dilation"))
        positions = gr.HTML(loading)
    with panel("Receptive field"):
        cell_layer = gr.Dropdown(label="Layer", visible=False)
        with gr.Row(elem_id="fields"):
            cells = gr.HTML(loading, js_on_load=script("select_channel_or_cell.js"))
            cell = gr.HTML()
        every_layer = gr.HTML()
    with panel("Parameters"):
        with gr.Row():
            numbers = [slider("Channels in"), slider("Filters")]
            numbers.append(slider("Filter size"))
        with gr.Row():
            numbers += [slider("Picture, pixels a side"), slider("Stride")]
        cost, stacks = gr.HTML(loading), gr.HTML()
    with panel("Architectures"):
        count = gr.Button("Count and time them here", variant="primary", elem_id="count")
        table = gr.HTML(loading)

    def change_panel(name: str) -> list:
        return [gr.update(visible=name == each) for each in names]

    choice.change(change_panel, choice, columns, **EVENTS)
    opened = [filters, maps_layer, channels, channel, cell_layer, cells, cell, every_layer, table]
    tab.select(open_tab, [pixels, maps_layer, cell_layer], opened, **EVENTS).then(
        draw_slide, slides, [positions, slides[3]], **EVENTS
    ).then(draw_cost, numbers, [cost, stacks], **EVENTS)
    maps_layer.input(draw_maps, [pixels, maps_layer], [channels, channel], **EVENTS)
    channels.select(draw_channel, [pixels, maps_layer], channel, **EVENTS)
    cell_layer.input(draw_field, [pixels, cell_layer], [cells, cell], **EVENTS)
    cells.select(draw_cell, [pixels, cell_layer], cell, **EVENTS)
    latest = EVENTS | {"trigger_mode": "always_last"}
    gr.on([each.change for each in slides], draw_slide, slides, [positions, slides[3]], **latest)
    gr.on([each.change for each in numbers], draw_cost, numbers, [cost, stacks], **latest)
    # One at a time: two at once would time each other.
    count.click(
        count_architectures, None, table,
        api_visibility="private", show_progress="hidden", concurrency_limit=1,
    )  # fmt: skip


def main() -> int:
    try:
        classifier = handlers.load_model()
    except InputError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        blocks = build(classifier, handlers.write_examples(classifier, Path(folder)))
        blocks.launch(**launch_options(classifier))
    return 0


def launch_options(classifier: Classifier) -> dict:
    """Return how the page is served: what it looks like, and that nothing is recorded or handed out."""
    return {
        "theme": THEME,
        "css_paths": CSS,
        "js": script("page.js"),
        "mcp_server": True,
        "run_history": False,
        "max_file_size": "100mb",
        "footer_links": [],
        "allowed_paths": [str(path) for path, _ in model_tab.plots(classifier.folder)],
    }


if __name__ == "__main__":
    sys.exit(main())
