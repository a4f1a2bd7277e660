"""Fine-tuning: a loop that reads top to bottom."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from hub.evaluation.shifts import swap_partners
from hub.models.forward import normalize, predict_logits
from hub.progress import progress
from hub.training import distillation
from hub.training.augmentation import augment, swap_shortcuts
from hub.training.recipes import Recipe

WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
EMA_DECAY = 0.995
# The parts of a run that have a state of their own, by their names in a checkpoint.
STATEFUL = ("model", "average", "optimizer", "schedule")


def train(
    model: nn.Module,
    train_set: tuple[Tensor, Tensor],
    validation_set: tuple[Tensor, Tensor],
    recipe: Recipe,
    *,
    label_smoothing: float = LABEL_SMOOTHING,
    teachers: Sequence[nn.Module] = (),
    compile: bool = False,
    seed: int = 0,
    state: dict | None = None,
    save: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Fine-tune `model` in place; return one dict per epoch.

    The sets are images uint8 [N, C, H, W] and labels int64 [N]. The first `small_epochs` of the recipe see
    images of `small_size` px, which costs half as much (progressive resizing, Howard 2018), and are validated
    at that size: at another a network judges worse than it could (Touvron et al. 2019, arXiv 1906.06423). The
    first `frozen` groups of layers, as timm counts them, keep their weights, though not the running figures
    of batch norm. Rare classes weigh more in the loss. With `teachers`, networks as
    `distillation.load_teachers` returns them, the targets are what they answer on each augmented image, and
    labels do no more than weigh it. Weights are averaged over steps (EMA); the average after the last epoch
    is the result, since validation images, too like the training images, cannot tell which epoch is best. On
    a GPU the data live on the device and the arithmetic is bf16.

    After every epoch `save` receives all that changes from step to step: tensors, which the next step
    overwrites, and plain values in dicts and lists. With such a `state` and the same other arguments
    training goes on after that epoch, and ends as if it had never been stopped.
    """
    set_seed(seed)
    accelerator = Accelerator(mixed_precision="bf16" if torch.cuda.is_available() else "no")
    images, labels = (tensor.to(accelerator.device) for tensor in train_set)
    run = _start(model, recipe, len(images), accelerator, compile, seed)
    counts = labels.bincount(minlength=model.num_classes)
    class_weights = len(labels) / (model.num_classes * counts)

    for teacher in teachers:
        teacher.to(accelerator.device, memory_format=torch.channels_last).eval()

    def loss_of(logits: Tensor, labels: Tensor, views: Tensor) -> Tensor:
        if teachers:
            return distillation.loss(logits.float(), teachers, views, class_weights[labels])
        return F.cross_entropy(logits.float(), labels, class_weights, label_smoothing=label_smoothing)

    partners = swap_partners(labels) if recipe.swapped else None
    history = _restore(run, state) if state else []
    for epoch in range(len(history) + 1, recipe.epochs + 1):
        size, started = image_size(recipe, epoch), time.perf_counter()
        title = f"Epoch {epoch}/{recipe.epochs} at {size} px"
        loss, rate = _train_epoch(run, images, labels, partners, recipe, size, loss_of, title)
        scores = validate(run.average.module, *validation_set, size)
        history.append(
            {
                "epoch": epoch,
                "size": size,
                "seconds": time.perf_counter() - started,
                "loss": loss,
                "images_per_second": rate,
                **scores,
            }
        )
        tqdm.write(
            f"epoch {epoch}: loss {loss:.4f}, validation loss {scores['validation_loss']:.4f}, "
            f"accuracy {scores['validation_accuracy']:.4f}, AUC {scores['validation_auc']:.4f}"
        )
        if save:
            save(_state(run) | {"history": history})
    model.load_state_dict(run.average.module.state_dict())
    model.to("cpu").eval()
    return history


def image_size(recipe: Recipe, epoch: int) -> int:
    """Return pixels a side in an epoch, counted from 1.

    The last epoch is at full size, and no epoch at more.
    """
    small_epochs = min(recipe.small_epochs, recipe.epochs - 1)
    return min(recipe.small_size, recipe.size) if epoch <= small_epochs else recipe.size


@dataclass
class _Run:
    """State of a run, which changes from step to step.

    `network` is `model`, compiled if asked.
    """

    model: nn.Module
    network: nn.Module
    average: ModelEmaV3
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    accelerator: Accelerator
    step: int = 0


def _start(
    model: nn.Module, recipe: Recipe, images: int, accelerator: Accelerator, compile: bool, seed: int
) -> _Run:
    """Return a run before its first step, for a training set of this many images."""
    freeze(model, recipe.frozen)
    model.to(accelerator.device, memory_format=torch.channels_last)
    average = ModelEmaV3(model, decay=EMA_DECAY, use_warmup=True)
    optimizer = make_optimizer(model, recipe.optimizer, recipe.learning_rate)
    steps = recipe.epochs * _batches_per_epoch(images, recipe.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _warmup_cosine(step, steps))
    network, optimizer, schedule = accelerator.prepare(
        torch.compile(model, dynamic=False) if compile else model, optimizer, schedule
    )
    generator = torch.Generator(accelerator.device).manual_seed(seed)
    return _Run(model, network, average, optimizer, schedule, generator, accelerator)


def _train_epoch(
    run: _Run,
    images: Tensor,
    labels: Tensor,
    partners: Tensor | None,
    recipe: Recipe,
    size: int,
    loss_of: Callable[[Tensor, Tensor, Tensor], Tensor],
    title: str,
) -> tuple[float, float]:
    """Train for one epoch, in random order.

    Returns the mean loss and images per second.
    """
    run.network.train()
    started, count, total, rate = time.perf_counter(), 0, 0.0, 0.0
    order = torch.randperm(len(images), generator=run.generator, device=images.device)
    # The last, smaller batch is left out: batch norm needs several images, compiled code one shape.
    batches = order.split(recipe.batch_size)[: _batches_per_epoch(len(images), recipe.batch_size)]
    with progress(batches, title, unit=" batches") as bar:
        for batch in bar:
            originals = images[batch]
            if recipe.swapped:
                originals = swap_shortcuts(images, partners, batch, recipe.swapped, run.generator)
            views = augment(originals, size, run.generator, recipe.augmentation)
            with run.accelerator.autocast():
                logits = run.network(normalize(views, run.model))
            loss = loss_of(logits, labels[batch], views)
            run.accelerator.backward(loss)
            run.optimizer.step()
            run.schedule.step()
            run.optimizer.zero_grad()
            run.step += 1
            run.average.update(run.model, run.step)
            count, total = count + len(batch), total + loss.item() * len(batch)
            rate = count / (time.perf_counter() - started)
            bar.set_postfix_str(f"loss {total / count:.3f}, {rate:.0f} images/s")
    return total / count, rate


def _batches_per_epoch(images: int, batch_size: int) -> int:
    return images // batch_size or 1


def _state(run: _Run) -> dict:
    """Return the state that `_restore` takes, without the history."""
    parts = {name: getattr(run, name).state_dict() for name in STATEFUL}
    return parts | {"random": _random_state(run.generator), "step": run.step}


def _restore(run: _Run, state: dict) -> list[dict]:
    """Restore a run from a saved `state`; return the history until then."""
    for name in STATEFUL:
        getattr(run, name).load_state_dict(state[name])
    _set_random_state(state["random"], run.generator)
    run.step = state["step"]
    return state["history"]


def make_optimizer(
    model: nn.Module, name: str, learning_rate: float, weight_decay: float = WEIGHT_DECAY
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
    """Freeze the parameters of the first `groups` groups of layers.

    The groups are stem, then stages or blocks, as timm counts them. Raises InputError for a network with too
    few groups, or without groups in timm.
    """
    if not groups:
        return
    if not hasattr(model, "group_matcher"):
        raise InputError("This network has no groups of layers to freeze; give --frozen 0.")
    names = group_parameters(model, model.group_matcher(coarse=True))
    if groups >= len(names):
        raise InputError(f"The network has {len(names)} groups of layers; freeze fewer than that.")
    for number in range(groups):
        for name in names[number]:
            model.get_parameter(name).requires_grad_(False)


def validate(model: nn.Module, images: Tensor, labels: Tensor, size: int | None = None) -> dict[str, float]:
    """Return loss, accuracy and AUC of a model.

    They are `validation_loss`, `validation_accuracy` and `validation_auc` (macro for many classes). The
    images are uint8 [N, C, H, W], resized to `size` px a side if that is given, the labels int64 [N].
    """
    logits = predict_logits(model, images, size)
    probabilities = logits.softmax(1).numpy()
    return {
        "validation_loss": F.cross_entropy(logits, labels).item(),
        "validation_accuracy": (logits.argmax(1) == labels).float().mean().item(),
        "validation_auc": auc(probabilities, labels.numpy()),
    }


def _random_state(generator: torch.Generator) -> dict[str, Tensor]:
    """Return the states of the random generators, uint8.

    They are the data's, torch's and, with a GPU, CUDA's.
    """
    state = {"data": generator.get_state(), "cpu": torch.get_rng_state()}
    return state | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def _set_random_state(state: dict[str, Tensor], generator: torch.Generator) -> None:
    generator.set_state(state["data"])
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def _warmup_cosine(step: int, steps: int, warmup: float = 0.05) -> float:
    """Return the factor on the learning rate: linear warm-up, then cosine decay."""
    if step < warmup * steps:
        return (step + 1) / (warmup * steps)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup * steps) / (steps * (1 - warmup))))
