"""A static Space: the built page, and the block that says how to serve it."""

from pathlib import Path

from huggingface_hub import SpaceCard, SpaceCardData

# They let ONNX Runtime use several threads; the frame of huggingface.co may load the page.
CUSTOM_HEADERS = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}


def write_card(folder: Path, model_id: str) -> None:
    """Write README.md of the static Space of a model into the folder of its page."""
    data = SpaceCardData(
        title="Is it pneumonia? In your browser",
        emoji="🫁",
        colorFrom="blue",
        colorTo="indigo",
        sdk="static",
        app_file="index.html",
        license="apache-2.0",
        short_description="The film never leaves your device",
        models=[model_id],
        tags=["image-classification", "chest-x-ray", "onnx"],
        custom_headers=CUSTOM_HEADERS,
    )
    card = SpaceCard(
        f"---\n{data.to_yaml()}\n---\n\n# {data.title}\n\nResearch software, not a diagnosis. Your browser "
        "computes the answer: no image is sent anywhere, and the page works without a network once it is "
        f"loaded. What the model was measured to do, and what it is not for: "
        f"[{model_id}](https://huggingface.co/{model_id}).\n"
    )
    card.save(folder / "README.md")
