"""preprocessor_config.json of a model folder, for transformers and Transformers.js. No torch here.

Transformers.js reads nothing else. Python's transformers reads it first from a Hub id, and not at all from a
local folder: there it takes timm's transforms from config.json.
"""

from pathlib import Path

from hub.files import write_json

PROCESSOR = "preprocessor_config.json"
BICUBIC = 3  # of PIL.Image.Resampling, which both libraries count by


def processor_config(config: dict) -> dict:
    """Return how transformers prepares an image for the network of config.json.

    It squashes to a square, as every reader here does. ViTImageProcessor does that in both libraries; a
    network of one channel is for neither.
    """
    data = config["pretrained_cfg"]
    channels, height, width = data["input_size"]
    if channels != 3:
        return {"image_processor_type": "TimmWrapperImageProcessor"}
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": height, "width": width},
        "resample": BICUBIC,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(data["mean"]),
        "image_std": list(data["std"]),
    }


def write_processor(folder: Path, config: dict) -> None:
    """Write preprocessor_config.json of a model folder whose config.json is `config`."""
    write_json(folder / PROCESSOR, processor_config(config))
