"""`models.folder_writer`: a trained network as a model folder."""

import numpy as np
import pytest
import torch

from hub.errors import InputError
from hub.export.onnx import export
from hub.inference.classifier import Classifier
from hub.models import factory, folder_writer, forward

METRICS = {"training": {"command": "", "dataset": "", "weights": "", "seconds": 0, "temperature": 1.0,
           "history": [], "splits": {"images": {"train": 1, "validation": 1}, "patients_known": True,
           "shared_patients": {}, "shared_numbers": {}, "shared_images": {}}}}  # fmt: skip


def test_a_one_channel_network_and_its_package_are_the_same_function(tmp_path, radiograph):
    torch.manual_seed(0)  # some random weights make numbers so large that 32 bits differ in the fourth digit
    model = factory.create_model("test_efficientnet", 2, "none", radiograph=True, size=48).eval()
    torch.nn.init.normal_(model.get_classifier().weight)
    pixels = torch.from_numpy(np.asarray(radiograph.resize((48, 48))).copy())[None, None]
    expected = forward.predict_logits(model, pixels).softmax(1)[0].tolist()
    folder_writer.save_folder(tmp_path, model, ["NORMAL", "PNEUMONIA"], True, METRICS)
    images = torch.randint(0, 256, (8, 1, 48, 48), dtype=torch.uint8)
    export(tmp_path, images[:4], (images, torch.arange(8) % 2))
    classifier = Classifier.from_pretrained(tmp_path)
    assert classifier.channels == 3
    prediction = classifier(radiograph.resize((48, 48)))
    assert list(prediction.probabilities.values()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("radiograph", [True, False])
def test_a_transformer_that_takes_several_sizes_is_loaded_at_the_one_it_was_trained_at(tmp_path, radiograph):
    model = factory.create_model("test_vit", 2, "none", radiograph, size=64)
    folder_writer.save_folder(tmp_path, model, ["NORMAL", "PNEUMONIA"], radiograph, METRICS)
    assert factory.load_network(tmp_path).pos_embed.shape == model.pos_embed.shape


@pytest.mark.parametrize("architecture", ["mobileone_s4", "repvgg_a0"])
def test_a_network_whose_image_is_read_by_several_convolutions_is_saved_as_it_is(tmp_path, architecture):
    torch.manual_seed(0)
    model = factory.create_model(architecture, 2, "none", radiograph=True, size=32).eval()
    torch.nn.init.normal_(model.get_classifier().weight)
    state = torch.get_rng_state()
    folder_writer.check_package(model, True, 32)
    assert torch.equal(torch.get_rng_state(), state)
    folder_writer.save_folder(tmp_path, model, ["NORMAL", "PNEUMONIA"], True, METRICS)
    grey = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        expected = model.eval()(grey)
        answer = factory.load_network(tmp_path)(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(answer, expected, rtol=1e-4, atol=0)


def test_a_network_that_could_not_be_saved_as_it_is_is_refused_before_it_is_trained():
    standardised = factory.create_model("nf_resnet26", 2, "none", radiograph=True, size=32)
    with pytest.raises(InputError, match="nf_resnet26 cannot be made to read grey"):
        folder_writer.check_package(standardised, True, 32)
    folder_writer.check_package(factory.create_model("nf_resnet26", 2, "none", False, size=32), False, 32)
    shared = factory.create_model("coat_lite_tiny", 2, "none", radiograph=False, size=224)
    with pytest.raises(InputError, match="coat_lite_tiny has layers with the same weights"):
        folder_writer.check_package(shared, False, 224)
