"""What test_distributed.py runs in several processes, or alone.

python tests/training/share_training.py FOLDER [OTHER]

It trains, and keeps the checkpoint of the first epoch in FOLDER; then it goes on from that of OTHER.
"""

import sys
from pathlib import Path

import torch

sys.path[:0] = [str(folder) for folder in Path(__file__).parents[1:3]]
from image_sets import tiny_set  # noqa: E402

from hub.models import factory  # noqa: E402
from hub.training import checkpoint, distributed, loop  # noqa: E402
from hub.training.recipes import RECIPES  # noqa: E402
from hub.training.synced_batch_norm import SyncedBatchNorm  # noqa: E402

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


def train(kept: Path | None, resumed: Path | None) -> dict:
    """Return weights and history of a short training; its first epoch is kept, or was.

    It computes in 64 bits: Adam's first steps are as long for a gradient of rounding as for any other, so
    that in 32 bits the order of a sum would lead.
    """
    loop.augment = lambda images, size, *lots: torch.nn.functional.interpolate(images / 255, (size, size))
    torch.manual_seed(0)
    model = factory.create_model("mobilenetv2_050", 2, "none", radiograph=True, size=48)
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


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    distributed.silence_others()
    distributed.join()
    first = distributed.from_first_of_machine(distributed.process_rank)
    results = {"norm": normalise(), "first of machine": first} | train(folder / "kept", None)
    if len(sys.argv) > 2:
        results["resumed"] = train(None, Path(sys.argv[2]) / "kept")
    distributed.leave()
    torch.save(results, folder / f"{distributed.process_rank()}.pt")
