"""`training.loop`: what an epoch learns, keeps and saves."""

import pytest
import timm
import torch
from image_sets import tiny_set

from hub.errors import InputError
from hub.models import architectures, factory, forward
from hub.training import checkpoint, loop
from hub.training.recipes import RECIPES

RECIPE = RECIPES["xray"]._replace(size=48, small_size=32, epochs=2, small_epochs=1, batch_size=8)


def tiny_model(architecture="test_efficientnet"):  # timm's smallest with dropout and groups to freeze
    torch.manual_seed(0)
    return factory.create_model(architecture, 2, "none", radiograph=True, size=48)


def test_equal_seeds_give_equal_weights_and_others_do_not():
    def train(seed):
        model = tiny_model()
        history = loop.train(model, tiny_set(32, 1), tiny_set(16, 2), RECIPE, seed=seed)
        return model.state_dict(), [row["loss"] for row in history]

    (first, losses), (second, again), (other, _) = train(0), train(0), train(1)
    assert losses == again
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_a_loss_that_is_no_number_stops_the_run_before_it_is_saved():
    saved, recipe = [], RECIPE._replace(learning_rate=float("inf"))
    with pytest.raises(InputError, match="no longer a finite number; give a lower --learning-rate"):
        loop.train(tiny_model(), tiny_set(32, 1), tiny_set(16, 2), recipe, save=saved.append)
    assert not saved


def test_the_average_after_the_last_epoch_is_kept():
    model, validation = tiny_model(), tiny_set(16, 2)
    history = loop.train(model, tiny_set(32, 1), validation, RECIPE._replace(epochs=3))
    scores = loop.validate(model, *validation)
    assert scores == {name: history[-1][name] for name in scores}


def test_an_epoch_is_validated_at_the_size_it_has_learned_at():
    model, sizes = tiny_model(), []
    model.register_forward_pre_hook(lambda model, pixels: sizes.append((model.training, pixels[0].shape[-1])))
    loop.train(model, tiny_set(32, 1), tiny_set(16, 2), RECIPE)
    assert list(dict.fromkeys(sizes)) == [(True, 32), (False, 32), (True, 48), (False, 48)]


def test_frozen_groups_keep_their_weights_and_the_rest_learns():
    model = tiny_model("mobilenetv2_050")
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    loop.train(model, tiny_set(32, 1), tiny_set(16, 2), RECIPE._replace(frozen=2))
    same = {name for name, tensor in model.named_parameters() if torch.equal(tensor, before[name])}
    assert {"conv_stem.weight", "bn1.weight", "blocks.0.0.conv_dw.weight"} <= same
    assert not any(name.startswith(("blocks.1", "classifier")) for name in same)


def test_more_groups_than_there_are_cannot_be_frozen():
    with pytest.raises(InputError, match="has 9 groups of layers; freeze fewer"):
        loop.freeze(tiny_model("mobilenetv2_050"), 9)
    with pytest.raises(InputError, match="no groups of layers to freeze"):
        loop.freeze(timm.create_model("simple_cnn"), 1)


def test_muon_moves_kernels_in_every_direction_alike_and_biases_as_adam_does():
    torch.manual_seed(0)
    model = timm.create_model("simple_cnn")
    kernel, bias = model.stages[1][0].weight, model.stages[1][0].bias
    before = kernel.detach().clone(), bias.detach().clone()
    torch.nn.functional.cross_entropy(model(torch.randn(16, 1, 28, 28)), torch.arange(16) % 10).backward()
    loop.make_optimizer(model, "muon", learning_rate=0.01, weight_decay=0).step()

    def spread(kernel):
        values = torch.linalg.svdvals(kernel.flatten(1))
        return (values[0] / values.median()).item()

    assert spread(kernel.grad) > 8
    assert spread(kernel.detach() - before[0]) < 2
    moved = (bias.detach() - before[1])[bias.grad.abs() > 1e-6]
    assert torch.allclose(moved.abs(), moved.abs().mean(), rtol=0.05)
    assert torch.equal(moved.sign(), -bias.grad[bias.grad.abs() > 1e-6].sign())


def test_frozen_filters_stay_with_muon_too():
    model = timm.create_model("airbench_small", num_classes=2)
    images, labels = tiny_set(32, 1)
    images = images.expand(-1, 3, -1, -1)
    architectures.whiten(model, forward.normalize(images.float() / 255, model))
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    loop.train(model, (images, labels), (images, labels), RECIPE._replace(optimizer="muon"))
    same = {name for name, tensor in model.named_parameters() if torch.equal(tensor, before[name])}
    assert same == {"stages.0.0.weight", "stages.0.0.bias"}


@pytest.mark.parametrize(
    ("optimizer", "frozen", "finished"),
    [("adamw", 0, 1), ("adamw", 2, 2), ("muon", 0, 1), pytest.param("muon", 0, 3, marks=pytest.mark.slow)],
)
def test_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, optimizer, frozen, finished):
    """After `finished` of three epochs, also where their size changes there, or none is left."""
    path = tmp_path / "run.pt"

    def train(**more):
        model = tiny_model()
        model.drop_rate = 0.3  # torch's own generator draws, too
        recipe = RECIPE._replace(epochs=3, optimizer=optimizer, frozen=frozen)
        return model, loop.train(model, tiny_set(32, 1), tiny_set(16, 2), recipe, **more)

    def stop(state):
        checkpoint.save(path, {}, state)
        if len(state["history"]) == finished:
            raise KeyboardInterrupt

    whole, history = train()
    with pytest.raises(KeyboardInterrupt):
        train(save=stop)
    resumed, history_again = train(state=checkpoint.load(path, {}))
    figures = ("epoch", "size", "loss", "validation_loss", "validation_accuracy", "validation_auc")
    assert [[row[name] for name in figures] for row in history_again] == [
        [row[name] for name in figures] for row in history
    ]
    expected = whole.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in resumed.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({"epochs": 3, "small_epochs": 2}, [32, 32, 48]),
        ({"epochs": 2, "small_epochs": 7}, [32, 48]),
        ({"epochs": 1, "small_epochs": 1}, [48]),
        ({"epochs": 2, "small_size": 64}, [48, 48]),
    ],
)
def test_the_last_epoch_is_at_full_size_and_none_at_more(changes, sizes):
    recipe = RECIPE._replace(**changes)
    assert [loop.image_size(recipe, epoch + 1) for epoch in range(recipe.epochs)] == sizes


def test_an_epoch_is_kept_before_anything_is_shown_of_it():
    saved = []

    def log(figures, step):
        if "validation_loss" in figures:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        loop.train(tiny_model(), tiny_set(32, 1), tiny_set(16, 2), RECIPE, save=saved.append, log=log)
    assert len(saved[0]["history"]) == 1
