"""What tests/training/test_distributed.py runs in several processes, or alone.

python tests/share_training.py FOLDER [OTHER]

It trains, and keeps the checkpoint of the first epoch in FOLDER; then it goes on from that of OTHER.
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from image_sets import tiny_set

from hub.models import factory
from hub.training import checkpoint, distributed, loop
from hub.training.recipes import RECIPES
from hub.training.synced_batch_norm import SyncedBatchNorm

# Batches, and validation images, that two processes cannot halve, and nothing that is drawn by lot.
RECIPE = RECIPES["xray"]._replace(size=48, small_size=32, epochs=2, small_epochs=1, batch_size=11, swapped=0)


def normalise() -> dict[str, torch.Tensor]:
    """Return output, gradients and running figures of a batch norm, of this process's part of a batch."""
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm2d(3, dtype=torch.float64)
    torch.nn.init.uniform_(norm.weight)
    if distributed.process_count() > 1:
        norm = SyncedBatchNorm(norm)
    x, target = torch.randn(2, 5, 3, 4, 4, dtype=torch.float64) * 3 + 1
    x = distributed.own_part(x).requires_grad_()
    y = norm(x)
    (y * distributed.own_part(target)).sin().sum().backward()
    return {
        "output": y.detach(), "of images": x.grad, "of weight": norm.weight.grad, "of bias": norm.bias.grad,
        "mean": norm.running_mean, "variance": norm.running_var,
    }  # fmt: skip


def resize(images: torch.Tensor, size: int, *lots: object) -> torch.Tensor:
    """Take the place of `loop.augment`, and draw nothing."""
    return torch.nn.functional.interpolate(images / 255, (size, size))


def train(kept: Path | None, resumed: Path | None) -> dict:
    """Return weights and history of a short training; its first epoch is kept, or was.

    It computes in 64 bits: Adam's first steps are as long for a gradient of rounding as for any other, so
    that in 32 bits the order of a sum would lead.
    """
    torch.manual_seed(0)
    model = factory.create_model("test_efficientnet", 2, "none", radiograph=True, size=48)
    model.double().register_forward_pre_hook(lambda _, inputs: inputs[0].double())
    model.drop_rate = 0
    images, labels = tiny_set(43, 1)
    labels[:9] = 0  # so that the classes weigh differently

    def save(state: dict) -> None:
        assert distributed.is_main()
        if kept and len(state["history"]) == 1:
            checkpoint.save(kept, {}, state)

    state = checkpoint.load(resumed, {}) if resumed else None
    history = loop.train(model, (images, labels), tiny_set(17, 2), RECIPE,
        grad_checkpointing=distributed.process_count() > 1, state=state, save=save,
    )  # fmt: skip
    return {"weights": model.state_dict(), "history": history, "lots": torch.rand(4)}


def share(folder: Path, other: Path | None) -> dict:
    """Return what this process computed, and of going on from the checkpoint in another folder."""
    loop.augment = resize
    first = distributed.from_first_of_machine(distributed.process_rank)
    results = {"norm": normalise(), "first of machine": first} | train(folder / "kept", None)
    if other:
        results["resumed"] = train(None, other / "kept")
    return results


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    distributed.silence_others()
    distributed.join()
    results = share(folder, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    distributed.leave()
    torch.save(results, folder / f"{distributed.process_rank()}.pt")
