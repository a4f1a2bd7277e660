"""What tests of several benchmarks need."""

import importlib.util
import io

import pytest

from hub.imaging.synthetic import sample_radiographs


@pytest.fixture
def tensorflow():
    """Skip where TensorFlow is not installed: half a gigabyte that nothing else here needs."""
    if not importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed; benchmarks/requirements.txt brings it")


@pytest.fixture
def encode_radiographs():
    """A function that returns synthetic radiographs as the bytes of PNG files."""

    def encode(count):
        files = []
        for image in sample_radiographs(count)[0]:
            file = io.BytesIO()
            image.save(file, "PNG")
            files.append(file.getvalue())
        return files

    return encode


@pytest.fixture
def radiograph_folder(tmp_path, encode_radiographs):
    """A folder of 32 synthetic radiographs."""
    folder = tmp_path / "radiographs"
    folder.mkdir()
    for number, content in enumerate(encode_radiographs(32)):
        (folder / f"{number:02}.png").write_bytes(content)
    return folder
