"""`training.distillation`: what a student learns from its teachers."""

import json

import pytest
import torch
from image_sets import tiny_set

from hub.errors import InputError
from hub.models import factory, folder_writer, forward
from hub.models.folder import BUNDLED
from hub.training import distillation, loop
from hub.training.recipes import RECIPES

RECIPE = RECIPES["mnist"]._replace(size=48, epochs=3, batch_size=8)


def tiny_model(size=48):
    torch.manual_seed(0)
    return factory.create_model("mobilenetv2_050", 2, "none", radiograph=False, size=size, channels=1)


def write_teacher(folder, calibration):
    """Write a model folder, calibrated; return the logits of four images before that."""
    model = factory.create_model("mobilenetv2_050", 2, "none", radiograph=True, size=48).eval()
    torch.nn.init.normal_(model.get_classifier().weight)
    logits = forward.predict_logits(model, tiny_set(4, 3)[0])
    metrics = json.loads((BUNDLED / "metrics.json").read_text())
    metrics = {"training": metrics["training"]}
    metrics["calibration"] = dict(zip(("scale", "offset"), calibration, strict=True))
    folder.mkdir()
    folder_writer.save_folder(folder, model, ["NORMAL", "PNEUMONIA"], True, metrics, calibration)
    return logits


def test_targets_are_the_mean_of_what_the_teachers_answer_each_at_its_own_size():
    sizes, teachers = [], [tiny_model(48).eval(), tiny_model(64).eval()]
    for teacher in teachers:
        torch.nn.init.normal_(teacher.get_classifier().weight)
        teacher.register_forward_pre_hook(lambda model, pixels: sizes.append(pixels[0].shape[-1]))
    views = tiny_set(4, 3)[0].float() / 255
    targets = distillation.soft_targets(teachers, views)
    assert sizes == [48, 64]
    assert targets.dtype == torch.float32
    answers = [distillation.soft_targets([teacher], views) for teacher in teachers]
    assert torch.allclose(targets, sum(answers) / 2)
    exact = forward.predict_logits(teachers[0], tiny_set(4, 3)[0]).softmax(1)
    assert torch.allclose(answers[0], exact, atol=0.05)  # some machines answer in bf16


def test_a_student_learns_what_its_teacher_answers_and_not_the_labels():
    teacher, student = (factory.create_model("simple_cnn", 2, "none", False, 48, 1) for _ in range(2))
    (images, labels), validation = tiny_set(64, 1), tiny_set(16, 2)
    loop.train(teacher, (images, labels), validation, RECIPE)
    loop.train(student, (images, 1 - labels), validation, RECIPE, teachers=[teacher])
    assert loop.validate(teacher, *validation)["validation_auc"] > 0.9
    assert loop.validate(student, *validation)["validation_auc"] > 0.9


def test_a_teacher_answers_as_before_its_calibration(tmp_path):
    before = write_teacher(tmp_path / "teacher", (1.5, 2.0))
    (teacher,) = distillation.load_teachers([tmp_path / "teacher"], ["NORMAL", "PNEUMONIA"], channels=1)
    images = tiny_set(4, 3)[0].expand(-1, 3, -1, -1)
    assert torch.allclose(forward.predict_logits(teacher, images), before, atol=1e-4)


def test_teachers_of_other_classes_or_fewer_channels_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"has the classes NORMAL, PNEUMONIA .* the images have cat, dog"):
        distillation.load_teachers([BUNDLED], ["cat", "dog"], channels=3)
    with pytest.raises(InputError, match="has the classes NORMAL, PNEUMONIA"):
        distillation.load_teachers([BUNDLED], ["PNEUMONIA", "NORMAL"], channels=1)
    with pytest.raises(InputError, match="is not a model folder"):
        distillation.load_teachers([tmp_path], ["NORMAL", "PNEUMONIA"], channels=1)
