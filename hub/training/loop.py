"""Fine-tuning: a loop that reads top to bottom."""

import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import set_seed
from timm.models import group_parameters
from timm.optim import Muon
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from tqdm.auto import tqdm

from hub.errors import InputError
from hub.evaluation.metrics import auc
from hub.models.forward import normalize, predict_logits
from hub.training.augmentation import augment


def train(
    model: nn.Module,
    train_set: tuple[Tensor, Tensor],
    validation_set: tuple[Tensor, Tensor],
    *,
    epochs: int,
    small_epochs: int,
    small_size: int,
    batch_size: int,
    learning_rate: float,
    optimizer: str = "adamw",
    augmentation: str = "films",
    frozen: int = 0,
    weight_decay: float = 0.05,
    label_smoothing: float = 0.1,
    ema_decay: float = 0.995,
    compile: bool = False,
    seed: int = 0,
    state: dict | None = None,
    keep: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Fine-tune `model` in place; return one dict per epoch.

    The sets are images uint8 [N, C, H, W] and labels int64 [N]. The first `small_epochs` see images
    of `small_size` px, which costs half as much (progressive resizing, Howard 2018), and are validated at
    that size: at another a network judges worse than it could (Touvron et al. 2019, arXiv 1906.06423). The
    first `frozen` groups of layers, as timm counts them, keep their weights, though not the running figures
    of batch norm. Rare classes weigh more in the loss. Weights are averaged over steps (EMA); the average
    after the last epoch is kept, since validation films, too like the training films, cannot tell which
    epoch is best. On a GPU the data live on the device and the arithmetic is bf16.

    After every epoch `keep` is given all that changes from step to step: tensors, which the next step
    overwrites, and plain values in dicts and lists. With such a `state` and the same other arguments
    training goes on after that epoch, and ends as if it had never been stopped.
    """
    set_seed(seed)
    accelerator = Accelerator(mixed_precision="bf16" if torch.cuda.is_available() else "no")
    device = accelerator.device
    images, labels = train_set[0].to(device), train_set[1].to(device)
    generator = torch.Generator(device).manual_seed(seed)

    freeze(model, frozen)
    model.to(device, memory_format=torch.channels_last)
    average = ModelEmaV3(model, decay=ema_decay, use_warmup=True)
    updates = make_optimizer(model, optimizer, learning_rate, weight_decay)
    steps = epochs * (len(images) // batch_size or 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(updates, lambda step: _warmup_cosine(step, steps))
    network, updates, schedule = accelerator.prepare(
        torch.compile(model, dynamic=False) if compile else model, updates, schedule
    )
    counts = labels.bincount(minlength=model.num_classes)
    class_weights = len(labels) / (model.num_classes * counts)

    changing = {"model": model, "average": average, "optimizer": updates, "schedule": schedule}
    history, step = [], 0
    if state:
        history, step = state["history"], state["step"]
        for name, part in changing.items():
            part.load_state_dict(state[name])
        _set_random_state(state["random"], generator)
    for epoch in range(len(history) + 1, epochs + 1):
        size = small_size if epoch <= small_epochs else images.shape[-1]
        network.train()
        started, seen, total = time.perf_counter(), 0, 0.0
        # The last, smaller batch is left out: batch norm needs company, compiled code one shape.
        order = torch.randperm(len(images), generator=generator, device=device)
        batches = order.split(batch_size)[: len(images) // batch_size or 1]
        with tqdm(batches, f"Epoch {epoch}/{epochs} at {size} px", unit=" batches") as progress:
            for batch in progress:
                pixels = normalize(augment(images[batch], size, generator, augmentation), model)
                with accelerator.autocast():
                    logits = network(pixels)
                loss = F.cross_entropy(
                    logits.float(), labels[batch], class_weights, label_smoothing=label_smoothing
                )
                accelerator.backward(loss)
                updates.step()
                schedule.step()
                updates.zero_grad()
                step += 1
                average.update(model, step)
                seen, total = seen + len(batch), total + loss.item() * len(batch)
                rate = seen / (time.perf_counter() - started)
                progress.set_postfix_str(f"loss {total / seen:.3f}, {rate:.0f} images/s")
        scores = validate(average.module, *validation_set, size)
        history.append(
            {
                "epoch": epoch,
                "size": size,
                "seconds": time.perf_counter() - started,
                "loss": total / seen,
                "images_per_second": rate,
                **scores,
            }
        )
        tqdm.write(
            f"epoch {epoch}: loss {total / seen:.4f}, validation loss {scores['validation_loss']:.4f}, "
            f"accuracy {scores['validation_accuracy']:.4f}, AUC {scores['validation_auc']:.4f}"
        )
        if keep:
            states = {name: part.state_dict() for name, part in changing.items()}
            keep(states | {"random": _random_state(generator), "history": history, "step": step})
    model.load_state_dict(average.module.state_dict())
    model.to("cpu").eval()
    return history


def make_optimizer(
    model: nn.Module, name: str, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return "adamw" or "muon" for the model's parameters.

    Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon) moves every matrix and kernel by an
    orthogonal matrix near its momentum, and AdamW the rest. Three Newton-Schulz iterations, in place of the
    usual five, cost less and do as well on small networks.
    """
    if name == "muon":
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return Muon(learning, learning_rate, weight_decay=weight_decay, nesterov=True, ns_steps=3)
    return torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=weight_decay, fused=True)


def freeze(model: nn.Module, groups: int) -> None:
    """Freeze the parameters of the first `groups` groups of layers: stem, then stages or blocks.

    Raises InputError for a network without so many, or that timm has not grouped.
    """
    if not groups:
        return
    if not hasattr(model, "group_matcher"):
        raise InputError("This network has no groups of layers to freeze; give --frozen 0.")
    found = group_parameters(model, model.group_matcher(coarse=True))
    if groups >= len(found):
        raise InputError(f"The network has {len(found)} groups of layers; freeze fewer than that.")
    for number in range(groups):
        for name in found[number]:
            model.get_parameter(name).requires_grad_(False)


def validate(model: nn.Module, images: Tensor, labels: Tensor, size: int | None = None) -> dict[str, float]:
    """Return `validation_loss`, `validation_accuracy` and `validation_auc` (macro for many classes).

    The images are uint8 [N, C, H, W], shown at `size` px a side where that is given, the labels int64 [N].
    """
    logits = predict_logits(model, images, size)
    probabilities = logits.softmax(1).numpy()
    return {
        "validation_loss": F.cross_entropy(logits, labels).item(),
        "validation_accuracy": (logits.argmax(1) == labels).float().mean().item(),
        "validation_auc": auc(probabilities, labels.numpy()),
    }


def _random_state(generator: torch.Generator) -> dict[str, Tensor]:
    """Return where the generators stand, uint8: the data's, torch's own and, with a GPU, its."""
    state = {"data": generator.get_state(), "cpu": torch.get_rng_state()}
    return state | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def _set_random_state(state: dict[str, Tensor], generator: torch.Generator) -> None:
    generator.set_state(state["data"])
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def _warmup_cosine(step: int, steps: int, warmup: float = 0.05) -> float:
    """Return the factor on the learning rate: up in a straight line, down along a cosine."""
    if step < warmup * steps:
        return (step + 1) / (warmup * steps)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup * steps) / (steps * (1 - warmup))))
