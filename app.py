"""The Gradio demo: `python app.py`, then http://127.0.0.1:7860.

MODEL in the environment names another model folder or Hub id.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from hub import demo
from hub.classifier import Classifier
from hub.errors import InputError

DELETE_EVERY, DELETE_AFTER = 60, 300  # seconds
UPLOADS = "Uploads are deleted within minutes and never logged."
CSS = """
.gradio-container { max-width: 1060px !important; margin: 0 auto !important; }
#disclaimer { border-left: 4px solid var(--color-accent); padding: 0.4rem 0 0.4rem 0.9rem; }
.gallery-item .container { width: 4.4rem !important; height: 4.4rem !important; }
#headline h2 { margin: 0 0 0.2rem 0; }
"""


def build(classifier: Classifier, examples: list[Path]) -> gr.Blocks:
    """Return the page for one model."""
    words = demo.words(classifier)
    invitation = (
        "Choose a picture" + (" or click an example" if examples else "") + "; the answer appears here."
    )

    def classify(picture: str | None) -> tuple:
        """Say which class a picture belongs to, how probably, and where the evidence is."""
        hidden = gr.update(visible=False, value=None)
        if picture is None:
            return invitation, hidden, hidden, gr.update(visible=False)
        try:
            answer = demo.answer(classifier, picture)
        except InputError as error:
            return f"## No answer\n{error}", hidden, hidden, gr.update(visible=False)
        return (
            "\n\n".join([f"## {answer.headline}", *answer.prediction.warnings]),
            gr.update(visible=True, value=answer.prediction.probabilities),
            gr.update(visible=True, value=(answer.picture, answer.heatmap)),
            gr.update(visible=bool(answer.prediction.heatmaps)),
        )

    with gr.Blocks(
        title=words["title"], analytics_enabled=False, delete_cache=(DELETE_EVERY, DELETE_AFTER)
    ) as page:
        gr.Markdown(f"# {words['title']}\n{words['introduction']}")
        gr.Markdown(f"{words['disclaimer']} {UPLOADS}", elem_id="disclaimer")
        with gr.Row():
            with gr.Column():
                picture = gr.Image(
                    label=words["picture"],
                    type="filepath",
                    sources=["upload", "clipboard"],
                    height=400,
                    placeholder="Drop a picture here, or click to choose one\nPNG, JPEG, WebP, TIFF or BMP",
                )
                # The uploaded file itself, which Gradio has checked to be one: hub.images alone reads it.
                picture.preprocess = lambda upload: upload.path if upload else None
                if examples:
                    gr.Examples(
                        [[str(path)] for path in examples],
                        picture,
                        label="Synthetic films of no patient: click one",
                        cache_examples=False,
                    )
            with gr.Column():
                headline = gr.Markdown(invitation, elem_id="headline")
                probabilities = gr.Label(
                    label="Probability", show_heading=False, num_top_classes=5, visible=False
                )
                heatmap = gr.ImageSlider(
                    label="Drag the line: film, evidence", interactive=False, max_height=400, visible=False
                )
                explanation = gr.Markdown(words["heatmap"], visible=False)
        picture.change(
            classify, picture, [headline, probabilities, heatmap, explanation], api_name="classify"
        )
    return page


def main() -> int:
    try:
        classifier = demo.load_model()
    except InputError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        page = build(classifier, demo.write_examples(classifier, Path(folder)))
        page.launch(css=CSS, run_history=False, max_file_size="100mb", footer_links=[])
    return 0


if __name__ == "__main__":
    sys.exit(main())
