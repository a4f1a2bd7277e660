"""What test_distributed.py runs in several processes, and alone: train, then save what came of it.

python share_training.py FILE [CHECKPOINT]
"""

import sys
from pathlib import Path

import torch

sys.path[:0] = [str(folder) for folder in (Path(__file__).parents[1], Path(__file__).parents[2])]
from image_sets import tiny_set

from hub.models import factory
from hub.training import checkpoint, distributed, loop
from hub.training.recipes import RECIPES

RECIPE = RECIPES["xray"]._replace(size=48, small_size=32, epochs=2, small_epochs=1, batch_size=10, swapped=0)


def train(file, kept=None):
    """Train on batches, and validate on images, that two processes cannot halve, without lots."""
    loop.augment = lambda images, size, generator, kind: torch.nn.functional.interpolate(
        images.float() / 255, (size, size)
    )
    distributed.join()
    torch.manual_seed(0)
    model = factory.create_model("mobilenetv2_050", 2, "none", radiograph=True, size=48)
    model.drop_rate = 0
    images, labels = tiny_set(43, 1)
    labels[:9] = 0  # so that classes weigh differently
    state = checkpoint.load(Path(kept), {}) if kept else None

    def save(state):
        assert distributed.is_main()
        if len(state["history"]) == 1:
            checkpoint.save(Path(file).with_suffix(".kept"), {}, state)

    history = loop.train(
        model, (images, labels), tiny_set(17, 2), RECIPE._replace(batch_size=11), state=state, save=save
    )
    distributed.leave()
    rank = distributed.process_rank()
    torch.save({"weights": model.state_dict(), "history": history, "lots": torch.rand(3)}, f"{file}.{rank}")


if __name__ == "__main__":
    train(*sys.argv[1:])
