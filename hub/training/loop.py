"""Fine-tuning: a loop that reads top to bottom."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
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
from hub.system import return_memory
from hub.training import distillation, distributed, image_feed
from hub.training.augmentation import augment, swap_shortcuts
from hub.training.frugal_relu6 import save_activations
from hub.training.grad_checkpointing import recompute_activations, untracked_statistics
from hub.training.image_feed import Images
from hub.training.recipes import Recipe
from hub.training.synced_batch_norm import synchronise_batch_norm

WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
EMA_DECAY = 0.995
LOGGED = 20  # steps from one figure to watch to the next
# The parts of a run that have a state of their own, by their names in a checkpoint.
STATEFUL = ("model", "average", "optimizer", "schedule")


def train(
    model: nn.Module,
    train_set: tuple[Images, Tensor],
    validation_set: tuple[Images, Tensor],
    recipe: Recipe,
    *,
    label_smoothing: float = LABEL_SMOOTHING,
    teachers: Sequence[nn.Module] = (),
    compile: bool = False,
    grad_checkpointing: bool = False,
    seed: int = 0,
    state: dict | None = None,
    save: Callable[[dict], None] | None = None,
    log: Callable[[dict[str, float], int], None] | None = None,
) -> list[dict]:
    """Fine-tune `model` in place; return one dict per epoch.

    The sets are images uint8 [N, C, H, W], in memory or on the disk, and labels int64 [N]. The first
    `small_epochs` of the recipe see images of `small_size` px, which costs half as much (progressive
    resizing, Howard 2018), and are validated at that size: at another a network judges worse than it could
    (Touvron et al. 2019, arXiv 1906.06423). The first `frozen` groups of layers, as timm counts them, keep
    their weights, though not the running figures of batch norm. Rare classes weigh more in the loss. With
    `teachers`, networks as `distillation.load_teachers` returns them, the targets are what they answer on
    each augmented image, and labels do no more than weigh it. Weights are averaged over steps (EMA); the
    average after the last epoch is the result, since validation images, too like the training images, cannot
    tell which epoch is best. With `grad_checkpointing` activations are computed twice, in place of being
    kept, to the same end. On a GPU the data live on the device, where they fit, and the arithmetic is
    bf16. Of several processes (`distributed`) each takes its part of every batch: together they learn what
    one learns from whole batches, but for other lots in augmentation.

    After every epoch `save` receives all that changes from step to step: tensors, which the next step
    overwrites, and plain values in dicts and lists. With such a `state` and the same other arguments
    training goes on after that epoch, and ends as if it had never been stopped. `log` receives figures to
    watch and the step that they are of.
    """
    set_seed(seed)
    accelerator = Accelerator(mixed_precision="bf16" if torch.cuda.is_available() else "no")
    device = accelerator.device
    run = _start(model, recipe, len(train_set[0]), accelerator, compile, seed)
    if grad_checkpointing:
        recompute_activations(model)
        run.backward_pass = partial(untracked_statistics, model)
    run.log = log if log and distributed.is_main() else lambda figures, step: None
    images = image_feed.place(train_set[0], device, image_feed.free_memory(device))
    labels = train_set[1].to(device)
    counts = labels.bincount(minlength=model.num_classes)
    class_weights = len(labels) / (model.num_classes * counts)

    for teacher in teachers:
        teacher.to(device, memory_format=torch.channels_last).eval()

    def loss_of(logits: Tensor, labels: Tensor, views: Tensor) -> Tensor:
        if teachers:
            return distillation.loss(logits.float(), teachers, views, class_weights[labels])
        return F.cross_entropy(logits.float(), labels, class_weights, label_smoothing=label_smoothing)

    partners = swap_partners(labels) if recipe.swapped else None
    data = _TrainSet(images, labels, class_weights[labels], partners)
    history = _restore(run, state) if state else []
    for epoch in range(len(history) + 1, recipe.epochs + 1):
        size, started = image_size(recipe, epoch), time.perf_counter()
        title = f"Epoch {epoch}/{recipe.epochs} at {size} px"
        loss, rate = _train_epoch(run, data, recipe, size, loss_of, title)
        return_memory()
        scores = validate(run.average.module, *validation_set, size)
        return_memory()
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
        if save and distributed.is_main():  # first: nothing that cannot be shown costs an epoch
            save(_state(run) | {"history": history})
        run.log(scores | {"loss": loss, "images_per_second": rate}, run.step)
        tqdm.write(
            f"epoch {epoch}: loss {loss:.4f}, validation loss {scores['validation_loss']:.4f}, "
            f"accuracy {scores['validation_accuracy']:.4f}, AUC {scores['validation_auc']:.4f}"
        )
    model.load_state_dict(run.average.module.state_dict())
    model.to("cpu").eval()
    return history


def image_size(recipe: Recipe, epoch: int) -> int:
    """Return pixels a side in an epoch, counted from 1.

    The last epoch is at full size, and no epoch at more.
    """
    small_epochs = min(recipe.small_epochs, recipe.epochs - 1)
    return min(recipe.small_size, recipe.size) if epoch <= small_epochs else recipe.size


class _TrainSet(NamedTuple):
    """Images, labels, the weight of each in the loss, and its partner of swaps."""

    images: Images
    labels: Tensor
    weights: Tensor
    partners: Tensor | None


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
    log: Callable[[dict[str, float], int], None] | None = None
    backward_pass: Callable[[], AbstractContextManager] = nullcontext  # what it runs in


def _start(
    model: nn.Module, recipe: Recipe, images: int, accelerator: Accelerator, compile: bool, seed: int
) -> _Run:
    """Return a run before its first step, for a training set of this many images."""
    with distributed.first_of_machine_first():
        freeze(model, recipe.frozen)
        distributed.check_batch(min(recipe.batch_size, images))
    if distributed.process_count() > 1:
        synchronise_batch_norm(model, accelerator.device)
    if not compile:  # which chooses what to keep itself
        save_activations(model)
    model.to(accelerator.device, memory_format=torch.channels_last)
    average = ModelEmaV3(model, decay=EMA_DECAY, use_warmup=True)
    optimizer = make_optimizer(model, recipe.optimizer, recipe.learning_rate)
    steps = recipe.epochs * _batches_per_epoch(images, recipe.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _warmup_cosine(step, steps))
    # Not the schedule: of several processes Accelerate would take a step for each.
    network, optimizer = accelerator.prepare(
        torch.compile(model, dynamic=False) if compile else model, optimizer
    )
    generator = torch.Generator(accelerator.device).manual_seed(seed)
    return _Run(model, network, average, optimizer, schedule, generator, accelerator)


def _train_epoch(
    run: _Run,
    data: _TrainSet,
    recipe: Recipe,
    size: int,
    loss_of: Callable[[Tensor, Tensor, Tensor], Tensor],
    title: str,
) -> tuple[float, float]:
    """Train for one epoch, in random order.

    Returns the mean loss and images per second, of all processes.
    """
    run.network.train()
    images, device = data.images, run.accelerator.device
    started, count, total, rate = time.perf_counter(), 0, 0.0, 0.0
    windows = image_feed.shuffled_windows(images, run.generator)
    generator = _own_generator(run.generator)
    # The last, smaller batch is left out: batch norm needs several images, compiled code one shape.
    batches = torch.cat(windows).split(recipe.batch_size)
    batches = batches[: _batches_per_epoch(len(images), recipe.batch_size)]
    originals_of = image_feed.feed(images, windows, batches, device)
    with progress(batches, title, unit=" batches") as bar:
        for batch, originals in zip(bar, originals_of, strict=True):
            part = distributed.own_part(batch)
            if recipe.swapped:
                originals = swap_shortcuts(originals, images, data.partners, part, recipe.swapped, generator)
            views = augment(originals, size, generator, recipe.augmentation)
            with run.accelerator.autocast():
                logits = run.network(normalize(views, run.model))
            loss = loss_of(logits, data.labels[part], views)
            if distributed.process_count() > 1:
                # The gradients of all processes are averaged, and images weigh as in the whole batch.
                loss = loss * _share(data.weights, part, batch) * distributed.process_count()
            with run.backward_pass():
                run.accelerator.backward(loss)
            run.optimizer.step()
            run.schedule.step()
            run.optimizer.zero_grad()
            run.step += 1
            run.average.update(run.model, run.step)
            count, total = count + len(batch), total + loss.item() * len(batch)
            if not math.isfinite(total):
                raise _diverged()
            rate = count / (time.perf_counter() - started)
            if run.step % LOGGED == 0:
                run.log(
                    {"running_loss": total / count, "learning_rate": run.schedule.get_last_lr()[0]}, run.step
                )
            bar.set_postfix_str(f"loss {total / count:.3f}, {rate:.0f} images/s")
    return _mean_of_processes(total) / count, rate


def _diverged() -> InputError:
    return InputError("The network's loss is no longer a finite number; give a lower --learning-rate.")


def _share(weights: Tensor, part: Tensor, batch: Tensor) -> Tensor:
    return weights[part].sum() / weights[batch].sum()


def _mean_of_processes(value: float) -> float:
    values = gather_object([value]) if distributed.process_count() > 1 else [value]
    return sum(values) / len(values)


def _own_generator(common: torch.Generator) -> torch.Generator:
    """Return the generator of this process's lots in an epoch.

    Of several processes each has another, and other lots of torch, too. All follow from the state of the
    `common` generator, which is the same in all: what a checkpoint keeps of it serves any number of them.
    """
    if distributed.process_count() == 1:
        return common
    seeds = torch.randint(
        2**62, (distributed.process_count(), 2), generator=common, device=common.device
    ).tolist()
    own, torchs = seeds[distributed.process_rank()]
    torch.manual_seed(torchs)
    return torch.Generator(common.device).manual_seed(own)


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


def validate(model: nn.Module, images: Images, labels: Tensor, size: int | None = None) -> dict[str, float]:
    """Return loss, accuracy and AUC of a model.

    They are `validation_loss`, `validation_accuracy` and `validation_auc` (macro for many classes). The
    images are uint8 [N, C, H, W], resized to `size` px a side if that is given, the labels int64 [N]. Of
    several processes each looks at its part of the images.
    """
    if distributed.process_count() > 1:
        rows = distributed.own_part(torch.arange(len(labels))).tolist()
        logits = predict_logits(model, (images[row] for row in rows), size, len(rows))
        logits = torch.cat(gather_object([logits]))
    else:
        logits = predict_logits(model, images, size)
    if not logits.isfinite().all():
        raise _diverged()
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
