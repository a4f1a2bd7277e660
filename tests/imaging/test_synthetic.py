"""Synthetic radiographs: what is drawn, and the components that they are drawn from."""

from hub.imaging.synthetic import sample_radiographs


def test_the_same_seed_draws_the_same_synthetic_films_whatever_their_number():
    two, labels = sample_radiographs(2, seed=5)
    assert labels == [0, 1]
    assert two == sample_radiographs(4, seed=5)[0][:2]
    assert two != sample_radiographs(2, seed=6)[0]
