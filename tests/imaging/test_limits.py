"""Whatever is sent, reading it takes bounded time and memory, and other readers go on."""

import io
import re
import struct
import subprocess
import sys
import threading
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from dicom_files import dataset, transcoded
from encoded_images import encoded, gradient, jpeg_segment, png, png_chunk, tiff
from PIL import Image
from pydicom.uid import JPEGLSLossless

from hub.errors import InputError
from hub.imaging import memory, pillow, read, unreadable, worker
from hub.imaging.dicom_codestream import ITEM, join, read_codestream
from hub.imaging.memory import Room, room_for
from hub.imaging.metadata import jpeg_scans, without_metadata
from hub.imaging.read import count_pixels, read_image, read_reduced
from hub.imaging.unreadable import DamagedError, UnreadableError, check_size

ROOT = Path(__file__).parents[2]
GREY = Image.fromarray(gradient())
PEAK = """
import resource, sys
from hub.imaging.read import read_reduced
import hub.imaging.dicom, imagecodecs, tifffile
idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_reduced(sys.argv[1], 672, radiograph=True, crop=True)
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle))
"""


def refusal(source, **options):
    """The one sentence with which an image is refused."""
    with pytest.raises(InputError) as caught:
        read_reduced(source, 100, options.get("radiograph", True))
    sentence = str(caught.value)
    assert sentence.endswith(".") and ". " not in sentence
    return sentence


def blank_png(width, height, bits=8, colour=0):
    """A PNG of zeros, which is a thousandth of its pixels."""
    row = bytes(1 + width * bits // 8 * {0: 1, 2: 3, 4: 2, 6: 4}[colour])
    packer = zlib.compressobj(1)
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([bits, colour, 0, 0, 0])
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, content) for name, content in chunks)


def many_scans(size, count):
    """A progressive JPEG whose last scan, of a few bytes, is there again and again."""
    whole = encoded(Image.new("L", size), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def test_scans_of_a_jpeg_are_counted_where_libjpeg_finds_them():
    plain = encoded(GREY, "JPEG")
    assert jpeg_scans(plain) == 1
    usual = jpeg_scans(encoded(GREY, "JPEG", progressive=True))
    assert 1 < usual < 12
    assert jpeg_scans(many_scans((48, 40), 30)) == usual + 29
    comment = b"\xff\xfe\x00\x06\xff\xda\xff\xda"  # holds no scan
    assert jpeg_scans(plain[:-2] + comment + plain[-2:]) == 1
    assert jpeg_scans(plain + plain) == 1  # what follows the end is another image
    assert jpeg_scans(b"\xff\xd8\xff") == 0


@pytest.mark.parametrize("side", [50, 2000])
def test_a_jpeg_of_far_too_many_scans_is_refused_before_it_is_decoded(side):
    data = many_scans((2000, 2000), 600)
    assert len(data) < 1_000_000
    with pytest.raises(InputError, match="far too many scans"):
        read_reduced(data, side, radiograph=True)
    with pytest.raises(InputError, match="far too many scans"):
        read_image(Image.open(io.BytesIO(data)))


def test_a_progressive_jpeg_of_usual_scans_is_read_at_any_size():
    assert read_image(many_scans((300, 300), 40)).size == (300, 300)
    assert read_reduced(encoded(Image.new("L", (6000, 5000)), "JPEG", progressive=True), 600, True).size


@pytest.mark.parametrize("size", [(1, 64_000_000), (64_000_000, 1), (20, 65_000)])
def test_sides_are_checked_before_anything_is_decoded(size):
    header = b"".join(side.to_bytes(4) for side in size) + bytes([8, 0, 0, 0, 0])
    data = (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    )
    assert f"{size[0]} x {size[1]} pixels" in refusal(data)
    assert str(size[0]) in refusal(data, radiograph=False) or max(size) < 65_536


def parts_of(count):
    """Return files of so many parts that say nothing, by their kind."""
    png, jpeg, webp = (encoded(GREY, kind) for kind in ("PNG", "JPEG", "WEBP"))
    chunks = webp[12:] + count * b"none\0\0\0\0"
    sizes = count * (b"\0\0\0\x14ispe\0\0\0\0" + (8).to_bytes(4) * 2)
    return {
        "PNG": png[:33] + count * png_chunk(b"tEXt", b"") + png[33:],
        "JPEG": jpeg[:2] + count * b"\xff\xfe\0\2" + jpeg[2:],
        "scans": jpeg[:-2] + count * b"\xff\xfe\0\2" + jpeg[-2:],
        "WebP": b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks,
        "HEIC": (Path(__file__).parent / "gradient.heic").read_bytes() + sizes,
    }


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "scans", "WebP", "HEIC"])
def test_a_file_of_far_too_many_parts_is_refused(kind, monkeypatch):
    monkeypatch.setattr(unreadable, "MAX_PARTS", 2000)
    assert read_image(parts_of(1000)[kind]).size
    assert "damaged" in refusal(parts_of(3000)[kind], radiograph=False)


def tags_that_share_bytes(count, size):
    """A TIFF of as many tags, each with the same bytes for its value; EXIF is one, too."""
    first = 8 + 2 + 12 * count + 4
    tags = (struct.pack(">HHLL", 40_000 + number, 7, size, first) for number in range(count))
    return b"MM\0*" + struct.pack(">LH", 8, count) + b"".join(tags) + bytes(4 + size)


def with_tag(data, tag, entry):
    """A TIFF of little endian whose tag, or another one in its place, is this entry of 12 bytes."""
    (start,) = struct.unpack_from("<L", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    place = next(place for place in places if struct.unpack_from("<H", data, place) == (tag,))
    return data[:place] + entry + data[place + 12 :]


def tiff_with_exif():
    """A TIFF whose EXIF has a hundred tags, each with the same million bytes for its value."""
    plain = encoded(GREY, "TIFF", software="a scanner")
    start = len(plain)
    tags = (struct.pack("<HHLL", 40_000 + number, 7, 1_000_000, 8) for number in range(100))
    exif = struct.pack("<H", 100) + b"".join(tags) + bytes(4)
    return with_tag(plain, 305, struct.pack("<HHLL", 34_665, 4, 1, start)) + exif + bytes(1_000_000)


@pytest.mark.parametrize("tag", [278, 322])
@pytest.mark.parametrize(("kind", "value"), [(2, b"ten\0"), (5, bytes(8)), (11, struct.pack("<f", np.nan))])
def test_memory_for_sizes_that_are_no_numbers_is_not_waited_for(kind, value, tag):
    lzw = encoded(GREY, "TIFF", compression="tiff_lzw")
    entry = struct.pack("<HHL", tag, kind, 4 if kind == 2 else 1)
    entry += struct.pack("<L", len(lzw)) if len(value) > 4 else value
    with suppress(InputError):
        assert read_image(with_tag(lzw, 278, entry) + value).size == (48, 40)
    for sizes in ((np.nan, 40), (40, np.nan), (40, 40, np.nan)):
        with pytest.raises(UnreadableError):
            check_size(*sizes)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP", "TIFF", "EXIF of a TIFF"])
def test_tags_that_share_their_bytes_are_not_copied_for_each(kind):
    png, jpeg = (encoded(GREY, kind) for kind in ("PNG", "JPEG"))
    shared = tags_that_share_bytes(*{"JPEG": (2000, 40_000)}.get(kind, (100, 1_000_000)))
    data = {
        "PNG": png[:33] + png_chunk(b"eXIf", shared) + png[33:],
        "JPEG": jpeg[:2] + jpeg_segment(0xE1, b"Exif\0\0" + shared[:65_000]) + jpeg[2:],
        "WebP": encoded(GREY, "WEBP", exif=shared),
        "TIFF": shared,
        "EXIF of a TIFF": tiff_with_exif(),
    }[kind]
    tracemalloc.start()
    with suppress(InputError):
        read_image(data)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_comment_of_a_gif_is_left_out_and_what_is_transparent_is_kept():
    gif = encoded(GREY, "GIF")
    start = 13 + (6 << (gif[10] & 7))  # after the palette
    comment, control = b"!\xfe" + 1000 * (b"\xff" + 255 * b"x") + b"\0", b"!\xf9\4\1\0\0\3\0"
    cleaned = without_metadata(gif[:start] + comment + control + comment + gif[start:], "GIF")
    assert cleaned == gif[:start] + control + gif[start:]


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000"])
def test_what_pillow_may_take_long_to_open_is_not_opened_here(kind, monkeypatch):
    apart = Image.new("L", (40, 48))
    monkeypatch.setattr(read, "read_apart", lambda *_: apart)
    monkeypatch.setattr(pillow, "open_image", lambda *_: pytest.fail("it was opened here"))
    assert read_image(encoded(GREY, kind) + bytes(1_000_000)) is apart


def test_a_comment_of_a_pnm_without_an_end_is_damage():
    assert read_image(b"P4 # bits\n8 2\n" + b"\xaa\x55").size == (8, 2)
    assert "damaged" in refusal(b"P4 #" + 1_000_000 * b"x", radiograph=False)


def test_a_size_behind_far_too_much_space_is_not_looked_for():
    assert read_image(b"P5 2" + 60_000 * b" " + b"1 255\n" + b"\xaa\x55").size == (2, 1)
    tracemalloc.start()
    assert "damaged" in refusal(b"P5 2" + 3_000_000 * b" " + b"1 255\n" + b"\xaa\x55", radiograph=False)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def test_a_frame_of_far_too_many_parts_is_refused(monkeypatch):
    monkeypatch.setattr(unreadable, "MAX_PARTS", 2000)
    jpeg, empty = encoded(GREY, "JPEG"), b"\xff\xfe\0\2"
    for segments in (1000 * empty, 1_000_000 * b"\xff"):
        frame = jpeg[:2] + segments + jpeg[2:]
        assert read_codestream(frame, None, "The image").rows == 40
    with pytest.raises(DamagedError):
        read_codestream(jpeg[:2] + 3000 * empty + jpeg[2:], None, "The image")
    with pytest.raises(DamagedError):
        join(3000 * (ITEM + bytes(4)), "The image")


def test_what_is_far_longer_than_a_radiograph_is_refused_as_one_only():
    image = Image.new("L", (50, 1100))
    assert "no radiograph is so long" in refusal(image)
    assert read_image(image).size == (50, 1100)


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.new("RGB", (8000, 8000)), "WEBP", method=0),
        png(np.zeros((1, 1, 4), np.uint16)).replace(
            png_chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 16, 6, 0, 0, 0])),
            png_chunk(b"IHDR", (7000).to_bytes(4) * 2 + bytes([16, 6, 0, 0, 0])),
        ),
        tiff(np.zeros((64, 64), np.float32), tile=(16, 16), compression="zlib"),
        np.broadcast_to(np.zeros((1, 1, 3)), (7000, 7000, 3)),
    ],
    ids=["WebP", "16-bit RGBA", "tile of a TIFF", "array"],
)
def test_what_would_take_far_more_memory_than_a_radiograph_is_refused(data):
    if isinstance(data, bytes) and data[:2] == b"II":  # tiles that are larger than the image
        for tag in (322, 323):
            entry = re.search(tag.to_bytes(2, "little") + b"[\3\4]\0\1\0\0\0", data).end()
            data = data[:entry] + (60_000).to_bytes(4, "little") + data[entry + 4 :]
    assert "takes too much memory" in refusal(data)


@pytest.mark.parametrize("kind", [pytest.param("float TIFF", marks=pytest.mark.slow), "16-bit PNG"])
def test_64_megapixels_take_less_than_500_megabytes(kind, tmp_path):
    path = tmp_path / "wall"
    if kind == "16-bit PNG":
        path.write_bytes(blank_png(8000, 8000, bits=16))
    else:
        path.write_bytes(tiff(np.zeros((8000, 8000), np.float32), compression="zlib", rowsperstrip=500))
    assert path.stat().st_size < 600_000
    done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, cwd=ROOT)
    assert int(done.stdout) < 500_000_000, done.stderr


def test_a_large_image_is_reduced_for_predictions_and_read_whole_else():
    side = np.linspace(0, 255, 4100).astype(np.uint8)
    image = Image.fromarray(np.tile(side, (4100, 1)))
    reduced = read_reduced(image, 672, radiograph=True)
    assert reduced.size == (684, 684)
    whole = image.resize((684, 684), Image.Resampling.BOX)
    np.testing.assert_allclose(np.asarray(reduced).astype(int), np.asarray(whole), atol=1)
    assert read_image(image).size == (4100, 4100)


def test_one_large_image_is_decoded_at_a_time_and_small_ones_do_not_wait_for_it():
    done, order = threading.Event(), []

    def read(name, size):
        with room_for(size):
            order.append(name)
            done.wait(5)

    threads = [threading.Thread(target=read, args=(n, memory.SMALL + 1)) for n in ("first", "second")]
    for thread in threads:
        thread.start()
    while not order:
        pass
    with room_for(1_000_000):
        assert len(order) == 1
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(order) == ["first", "second"]


def test_small_images_wait_until_there_is_room():
    room, entered = Room(100), threading.Event()

    def enter():
        with room.part(60):
            entered.set()

    thread = threading.Thread(target=enter)
    with room.part(60):
        thread.start()
        assert not entered.wait(0.05)
    thread.join(5)
    assert entered.is_set() and room.free == 100


def test_room_is_free_again_after_a_refusal():
    before = memory._shared.free
    for data in (encoded(GREY, "PNG")[:-40], encoded(GREY, "JPEG2000")[:-40], b"P3 40 40 255 1 2"):
        with pytest.raises(InputError):
            read_image(data)
    assert memory._shared.free == before and not memory._one_large.locked()


@pytest.mark.parametrize(("limit", "value"), [("TIMEOUT", 0.01), ("CPU_SECONDS", 0.02)])
def test_a_decoder_that_takes_too_long_is_ended(limit, value, monkeypatch):
    monkeypatch.setattr(worker, limit, value)
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200), dtype=np.uint8)
    with pytest.raises(InputError, match="takes too long"):
        read_image(encoded(Image.fromarray(noise), "JPEG2000"))


def test_a_decoder_has_its_time_once_its_libraries_are_imported(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "CPU_SECONDS", 0.4)
    film = transcoded(dataset(gradient()), JPEGLSLossless, tmp_path)
    assert read_image(film).size == GREY.size


def test_text_that_is_decoded_in_python_is_read_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(worker, "CPU_SECONDS", 0.02)
    with pytest.raises(InputError, match="takes too long"):
        read_image(b"P3\n1000 1000\n255\n" + b"7 " * 600_000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "PPM"])
def test_pixels_are_counted_without_decoding_them(kind):
    assert count_pixels(encoded(GREY, kind)) == 40 * 48
    assert count_pixels(encoded(GREY, kind)[:8]) == 0


def test_pixels_of_other_files_are_counted_too():
    assert count_pixels((Path(__file__).parent / "gradient.heic").read_bytes()) == 128 * 64
    assert count_pixels(tiff(np.zeros((30, 20), np.float32))) == 600
    assert count_pixels(io.BytesIO(b"no image").getvalue()) == 0
