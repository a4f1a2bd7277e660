"""Screenshots and letterboxes are cropped to the radiograph."""

import io

import numpy as np
import pytest
from numpy.random import default_rng
from PIL import Image, ImageDraw

from hub.imaging import borders
from hub.imaging.synthetic import sample_radiographs


@pytest.fixture(scope="module")
def radiographs():
    """Return forty synthetic radiographs, uint8 [224, 224] each."""
    return [np.asarray(radiograph) for radiograph in sample_radiographs(40, seed=7)[0]]


@pytest.mark.parametrize("colour", ["black", "white", (40, 44, 52)])
@pytest.mark.parametrize("scale", [1, 4])
def test_a_screenshot_is_cropped_to_the_radiograph(radiographs, colour, scale):
    radiograph = Image.fromarray(radiographs[1]).resize((224 * scale, 200 * scale))
    page = Image.new("RGB", (400 * scale, 300 * scale), colour)
    pen = ImageDraw.Draw(page)
    for x in (5, 120, 260):
        pen.text((x * scale, 8 * scale), "File  View  Window", fill="gray", font_size=10 * scale)
    pen.text((5 * scale, 280 * scale), "W 2048  L 1024  100 %", fill="gray", font_size=10 * scale)
    page.paste(radiograph, (80 * scale, 50 * scale))
    cropped = borders.crop_borders(page)
    np.testing.assert_allclose(cropped.size, radiograph.size, atol=4 * scale)


def test_a_letterbox_that_was_compressed_is_cropped_as_well(radiographs):
    page = Image.new("L", (224, 400))
    page.paste(Image.fromarray(radiographs[1]), (0, 88))
    file = io.BytesIO()
    page.save(file, "JPEG", quality=60)
    np.testing.assert_allclose(borders.crop_borders(Image.open(file)).size, (224, 224), atol=8)


def test_a_image_without_borders_and_a_plain_one_stay_as_they_are():
    noise = Image.fromarray(default_rng(0).integers(0, 256, (90, 70), dtype=np.uint8))
    for image in (noise, Image.new("RGB", (64, 64), "red")):
        assert borders.crop_borders(image) is image
