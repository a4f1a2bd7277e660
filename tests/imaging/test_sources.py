"""An image may be given as anything that holds one; anything else is a TypeError that lists what may."""

import gzip
import io
import tempfile
from pathlib import Path

import gradio
import numpy as np
import pytest
import torch
from encoded_images import encoded, gradient, png, tiff
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from hub.errors import InputError
from hub.imaging import sources
from hub.imaging.read import read_image, read_pixels, read_reduced

GREY = gradient()
COLOUR = np.stack([GREY, GREY[:, ::-1], GREY // 2], -1)
PNG = encoded(Image.fromarray(GREY), "PNG")


def upload(data, name="upload.png"):
    """What Streamlit's file uploader returns."""
    return UploadedFile(UploadedFileRec("1", name, "image/png", data), None)


def assert_reads(source, expected=GREY):
    np.testing.assert_array_equal(np.asarray(read_image(source)), expected)
    assert np.asarray(read_reduced(source, 28, radiograph=True)).shape == expected.shape
    assert read_pixels(source, 28, 1, radiograph=True).shape == (28, 28, 1)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO, upload])
def test_encoded_bytes_are_read(kind):
    assert_reads(kind(PNG))


def test_paths_and_open_files_are_read(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(PNG)
    for source in (path, str(path), path.open("rb"), path.open("rb", buffering=0), path.open("r+b")):
        assert_reads(source)
    with tempfile.NamedTemporaryFile() as file:
        file.write(PNG)
        assert_reads(file)
        assert_reads(Path(file.name))


@pytest.mark.parametrize("source", ["film.png", "/dev/zero"])
def test_a_file_larger_than_any_image_is_refused_and_not_read(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Path("film.png").open("wb") as file:
        file.truncate(10**12)  # of holes, which take no room
    monkeypatch.setattr(sources, "LARGEST", 10_000_000)
    with pytest.raises(InputError, match=r"film\.png has more than 10 MB|/dev/zero has more"):
        read_image(source)


@pytest.mark.parametrize("buffering", [-1, 0])
def test_an_open_file_without_an_end_is_refused(buffering, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST", 1_000_000)
    with (
        open("/dev/zero", "rb", buffering=buffering) as file,  # noqa: PTH123
        pytest.raises(InputError, match="zero has more than 1 MB"),
    ):
        read_image(file)


def test_a_stream_that_unpacks_what_is_damaged_is_refused():
    cut = gzip.compress(PNG)[:-20]
    for data in (cut, cut[:40] + b"\xff" * 40 + cut[80:]):
        with gzip.open(io.BytesIO(data)) as stream, pytest.raises(InputError, match="cannot be read"):
            read_image(stream)


def test_uploads_of_gradio_are_read(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(PNG)
    data = gradio.FileData(path=str(path))
    for source in (data, data.model_dump(), gradio.utils.NamedString(str(path))):
        assert_reads(source)


def test_an_open_file_is_read_from_its_beginning_and_stays_where_it_was():
    file = io.BytesIO(PNG)
    file.read(10)
    for _ in range(2):
        assert_reads(file)
        assert file.tell() == 10


def test_a_stream_that_cannot_go_back_is_read():
    class Stream(io.RawIOBase):
        def __init__(self):
            self.rest = io.BytesIO(PNG)

        def readable(self):
            return True

        def readinto(self, buffer):
            return self.rest.readinto(buffer)

    np.testing.assert_array_equal(np.asarray(read_image(Stream())), GREY)


@pytest.mark.parametrize("shape", [GREY.shape, (*GREY.shape, 1)])
def test_grey_arrays_are_read_with_and_without_a_channel(shape):
    assert_reads(GREY.reshape(shape))
    assert_reads((GREY.astype(np.uint16) * 16).reshape(shape))
    assert_reads((GREY / 255).reshape(shape))


def test_a_matrix_is_read_as_an_array_and_a_mask_has_to_be_filled():
    deep = GREY.astype(np.uint16) * 16
    assert_reads(deep.view(np.matrix))
    assert_reads(np.ma.array(deep))
    with pytest.raises(InputError, match="masked"):
        read_image(np.ma.masked_greater(deep, 900))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float16, np.float64])
def test_deep_colour_arrays_are_stretched_together(dtype):
    deep = (COLOUR / 255).astype(dtype) if dtype(0.5) else COLOUR.astype(dtype) * 100
    np.testing.assert_allclose(np.asarray(read_image(deep)).astype(int), COLOUR, atol=1)
    opaque = np.dstack([deep, np.full(GREY.shape, deep.max())])
    np.testing.assert_allclose(np.asarray(read_image(opaque)).astype(int), COLOUR, atol=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor,
        lambda tensor: tensor.float() / 255,
        lambda tensor: tensor.double() / 255,
        lambda tensor: (tensor.float() / 255).requires_grad_(),
        lambda tensor: (tensor.float() / 255).half(),
        lambda tensor: tensor.to(torch.int64) * 70,
        lambda tensor: tensor.flip(-1).flip(-1),
    ],
    ids=["uint8", "float", "double", "gradient", "half", "int64", "strided"],
)
def test_tensors_are_read_with_their_channels_first(change):
    grey, colour = torch.from_numpy(GREY), torch.from_numpy(COLOUR).permute(2, 0, 1)
    assert_reads(change(grey))
    assert_reads(change(grey[None]))
    np.testing.assert_allclose(np.asarray(read_image(change(colour))).astype(int), COLOUR, atol=1)


def test_a_tensor_that_is_stored_with_the_other_sign_is_read():
    assert_reads(torch._neg_view(-torch.from_numpy(GREY / 255)))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.empty(40, 48, device="meta"),
        torch.zeros(40, 48).to_sparse(),
        torch.quantize_per_tensor(torch.zeros(40, 48), 1.0, 0, torch.quint8),
    ],
    ids=["meta", "sparse", "quantized"],
)
def test_a_tensor_of_which_numpy_makes_no_array_is_refused_with_the_types_that_are_read(tensor):
    with pytest.raises(TypeError, match="not a tensor that NumPy cannot read"):
        read_image(tensor)


def test_the_bytes_of_a_row_of_datasets_are_read_whatever_file_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (48, 40)).save("film.png")
    assert_reads({"bytes": PNG, "path": "film.png"})
    assert_reads({"bytes": PNG, "path": None})


def test_a_tensor_in_bfloat16_is_read():
    read = read_image(torch.from_numpy(GREY)[None].bfloat16() / 255)
    np.testing.assert_allclose(np.asarray(read).astype(int), GREY, atol=1)


def test_an_image_that_pillow_has_opened_is_read_at_full_depth():
    deep = COLOUR.astype(np.uint16) * 16
    np.testing.assert_array_equal(np.asarray(read_image(Image.open(io.BytesIO(png(deep))))), COLOUR)


def test_grey_with_its_opacity_multiplied_in_is_read():
    image = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", GREY.shape[::-1], 255)]).convert("La")
    assert_reads(image)


def test_a_further_page_of_deep_colours_is_not_taken_for_the_first():
    deep = COLOUR.astype(np.uint16) * 16
    image = Image.open(io.BytesIO(tiff(np.stack([deep, deep[::-1]]), photometric="rgb")))
    np.testing.assert_array_equal(np.asarray(read_image(image)), COLOUR)
    image.seek(1)
    with pytest.raises(InputError, match="further page"):
        read_image(image)


@pytest.mark.parametrize(
    "data",
    [PNG, encoded(Image.fromarray(GREY), "JPEG"), png(COLOUR.astype(np.uint16))],
    ids=["PNG", "JPEG", "deep"],
)
def test_an_image_that_was_closed_before_it_was_read_is_refused(data, tmp_path):
    path, stream = tmp_path / "film", io.BytesIO(data)
    path.write_bytes(data)
    with Image.open(path) as left:
        pass
    loaded, of_closed = Image.open(path), Image.open(stream)
    loaded.load()
    loaded.close()
    stream.close()
    for image in (left, loaded, of_closed):
        with pytest.raises(InputError, match="closed"):
            read_image(image)


@pytest.mark.parametrize(
    "source",
    [None, 3, 3.5, [PNG], {"name": "image.png"}, object(), io.StringIO("PNG"), {1, 2}],
    ids=lambda source: type(source).__name__,
)
def test_anything_else_is_a_type_error_that_lists_what_is_read(source):
    with pytest.raises(TypeError, match=r"path, bytes, .*file .*PIL image, an array or a tensor, not "):
        read_image(source)


@pytest.mark.parametrize("content", [PNG, b"a letter"])
def test_a_file_opened_as_text_is_a_type_error(content, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with path.open() as file, pytest.raises(TypeError, match="opened as text"):
        read_image(file)
    with tempfile.NamedTemporaryFile("w+") as file, pytest.raises(TypeError, match="opened as text"):
        file.write("a letter")
        read_image(file)


def test_a_sentence_names_the_file_of_an_upload(tmp_path):
    path = tmp_path / "cut.png"
    path.write_bytes(PNG[:60])
    for source in (path, path.open("rb"), {"path": str(path)}, upload(PNG[:60], "folder/cut.png")):
        with pytest.raises(InputError, match=r"^cut\.png is damaged"):
            read_image(source)
    with pytest.raises(InputError, match=r"^The image is damaged"):
        read_image(io.BytesIO(PNG[:60]))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with (
        (tmp_path / "new.png").open("wb") as file,
        pytest.raises(InputError, match=r"new\.png cannot be read"),
    ):
        read_image(file)
    with pytest.raises(InputError, match=r"new\.png cannot be read"):
        read_image(file)  # closed


def test_a_classifier_takes_each_of_them(classifier, radiograph):
    data = encoded(radiograph, "PNG")
    pixels = np.asarray(radiograph)
    tensor = torch.from_numpy(pixels.copy())[None] / 255
    sources = [data, io.BytesIO(data), upload(data), radiograph, pixels[..., None], tensor]
    expected = classifier(radiograph).probabilities
    assert [classifier(source).probabilities for source in sources] == [expected] * len(sources)
    assert [answer.probabilities for answer in classifier(sources)] == [expected] * len(sources)
    with pytest.raises(TypeError):
        classifier(None)
