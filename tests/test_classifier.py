"""`Classifier`: fast, and with the answers of the plain way."""

import io

import numpy as np
import pytest
from PIL import Image

from hub.images import read_pixels
from hub.synthetic import sample_radiographs


@pytest.fixture(params=["synthetic", "real"])
def films(request):
    """24 radiographs, 224 px a side."""
    if request.param == "synthetic":
        return sample_radiographs(24)[0]
    paths = sorted((request.getfixturevalue("shared") / "data" / "chest_xray" / "test").glob("*/*.jpeg"))
    return [Image.open(path).convert("L") for path in paths[:: len(paths) // 23]][:24]


def enlarged(film):
    """A film as JPEG of 2,000 px, as a detector's picture is."""
    file = io.BytesIO()
    film.resize((2000, 2000), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def test_a_large_jpeg_has_the_answer_that_all_its_pixels_give(classifier, films):
    files = list(map(enlarged, films))
    shape = classifier.size, classifier.channels, classifier.radiograph
    plain = [read_pixels(file, *shape, crop=True) for file in files]
    fast = [classifier.read(file) for file in files]
    expected, found = (
        np.array([list(answer.probabilities.values()) for answer in classifier.predict(inputs, always=True)])
        for inputs in (plain, fast)
    )
    assert (np.abs(found - expected).max(1) <= 0.01).mean() >= 0.95
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert any((a != b).any() for a, b in zip(plain, fast, strict=True)), "read at reduced scale"
