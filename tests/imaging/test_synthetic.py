"""Synthetic radiographs: what is drawn, and the components that they are drawn from."""

import numpy as np
import pytest

from hub.errors import InputError
from hub.imaging import synthetic
from hub.imaging.synthetic import fit_components, sample_radiographs, save_components


def test_the_same_seed_draws_the_same_synthetic_radiographs_whatever_their_number():
    two, labels = sample_radiographs(2, seed=5)
    assert labels == [0, 1]
    assert two == sample_radiographs(4, seed=5)[0][:2]
    assert two != sample_radiographs(2, seed=6)[0]


@pytest.mark.parametrize(
    "images", [np.zeros((24, 8, 8), np.uint8), np.eye(8, dtype=np.uint8)[None].repeat(8, 0)]
)
def test_too_few_images_or_too_much_alike_are_refused(images):
    with pytest.raises(InputError, match="over 4 different images"):
        fit_components(images, np.arange(len(images)) % 2, components=4)


def test_images_are_drawn_from_the_components_that_were_fitted_to_their_class(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    labels = np.arange(24) % 2
    noise = random.normal(0, 10, (24, synthetic.SIZE, synthetic.SIZE))
    images = np.clip(np.where(labels == 1, 180, 60)[:, None, None] + noise, 0, 255).astype(np.uint8)
    save_components(fit_components(images, labels, components=4), tmp_path / "components.safetensors")
    assert (tmp_path / "components.safetensors").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["components.safetensors"]
    monkeypatch.setattr(synthetic, "COMPONENTS", tmp_path / "components.safetensors")
    drawn, labels = sample_radiographs(8)
    for image, label in zip(drawn, labels, strict=True):
        assert abs(np.asarray(image).mean() - (180 if label else 60)) < 10
