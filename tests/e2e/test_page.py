"""The page that answers in the visitor's own browser, beside Python."""

import base64
import csv
import io
import os
import re
import shutil
import struct
import subprocess
import threading
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
import tifffile
from dicom_files import DEEP, dataset, lut, stored, transcoded, with_element, with_syntax
from encoded_images import encoded, exif, jpeg_segment, png, png_chunk, tiff
from PIL import Image
from playwright.sync_api import expect
from pydicom.encaps import encapsulate
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait
from selenium.webdriver.webkitgtk.service import Service as WebKitService
from servers import ROOT, free_port, open_page, screenshot, sideways_scroll, violations, windows

from hub.demo import answer_words
from hub.demo.words import words_in
from hub.errors import InputError
from hub.imaging.read import read_reduced
from hub.inference.batch import classify_files, to_csv
from hub.inference.decision import report
from hub.models.folder import BUNDLED
from hub.page.build import build, read_model
from hub.page.serve import Handler, server

WORDS = words_in("en")
WAIT = 180_000  # ms, on a machine that has much else to do
NOTHING = bytes(200_000_000)  # which shrink to 200 kB
TOLERANCE = 0.005  # between the probabilities of Python and of the browser
ASK = """async ([name, bytes, what]) => {
  const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  if (what === "answer") return { ...(await xray.classify(data, name)), heatmap: null };
  const classifier = await xray.classifier;
  try {
    const { data: pixels, ...image } = await classifier.read(data, { name });
    return { ...image, pixels: btoa(Array.from(pixels, (value) => String.fromCharCode(value)).join("")) };
  } catch (error) {
    return { error: error.message };
  }
}"""


@pytest.fixture(scope="module")
def model():
    """The bundled model in the precision that the page has."""
    return read_model(BUNDLED)[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the page."""
    try:
        return build(BUNDLED, tmp_path_factory.mktemp("page") / "built")
    except InputError as error:
        if "npm" not in str(error):
            raise
        pytest.skip(f"the packages of the page are not on this machine: {error}")


@contextmanager
def served(folder, handler=None):
    """Serve a page; its address."""
    with server([folder], 0, handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/"
        serving.shutdown()


@pytest.fixture(scope="module")
def url(built):
    """The page, built and served."""
    with served(built) as address:
        yield address


@pytest.fixture(scope="module")
def window(browser, url):
    """A window on the page, in which the model is loaded."""
    with open_page(browser, url, "desktop-light", service_workers="block") as page:
        page.set_default_timeout(WAIT)
        page.wait_for_function("window.xray?.ready.then(() => true)")
        yield page


@contextmanager
def open_firefox(url, log, **prefs):
    """Open a Firefox on the page, until the model is loaded; a function that runs a script in it."""
    program = shutil.which("firefox-esr")
    if not program:
        pytest.skip("there is no Firefox on this machine; install Debian's package firefox-esr")
    from marionette_driver.marionette import Marionette  # Playwright's own Firefox is not Debian's

    driver = Marionette(bin=program, headless=True, port=free_port(), gecko_log=str(log), prefs=prefs)
    driver.start_session()
    driver.timeout.script = WAIT / 1000
    driver.navigate(url)
    driver.execute_async_script("xray.ready.then(arguments[0])", sandbox=None)
    yield lambda script, *given: driver.execute_async_script(script, given, sandbox=None)
    driver.quit()


@pytest.fixture
def firefox(url, tmp_path):
    """A Firefox on the page, in which the model is loaded."""
    with open_firefox(url, tmp_path / "log") as run:
        # What the answers need is asked of the service worker then, which once held it back.
        run("setInterval(() => navigator.serviceWorker.controller && arguments[0](), 100)")
        yield run


@pytest.fixture
def webkit(url):
    """WebKit, of which Safari is made, on the page, in which the model is loaded."""
    program = next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"), None)
    if not (program and shutil.which("WebKitWebDriver") and shutil.which("Xvfb")):
        pytest.skip("there is no WebKit on this machine; install Debian's webkit2gtk-driver and xvfb")
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(program)
    options.add_argument("--automation")
    with subprocess.Popen(["Xvfb", "-displayfd", "1"], stdout=subprocess.PIPE, text=True) as screen:
        display = f":{screen.stdout.readline().strip()}"
        service = WebKitService(shutil.which("WebKitWebDriver"), env=os.environ | {"DISPLAY": display})
        driver = webdriver.WebKitGTK(options, service)
        driver.set_script_timeout(WAIT / 1000)
        driver.get(url)
        driver.execute_async_script("xray.ready.then(arguments[0])")
        yield driver
        driver.quit()
        screen.terminate()


def film(radiograph, border=0):
    """A radiograph as a PNG, with a black border."""
    image = Image.fromarray(np.pad(np.asarray(radiograph), border))
    return encoded(image, "PNG")


def upload(page, *files):
    """Give files, (name, bytes), to the page."""
    given = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    page.set_input_files("#film-input input[type=file]", given)


def ask(page, name, data, what):
    return page.evaluate(ASK, [name, base64.b64encode(data).decode(), what])


@pytest.mark.parametrize("name", windows("phone-dark", "desktop-light"))
def test_answers_as_the_gradio_page_does(browser, url, model, radiograph, name):
    data = film(radiograph, border=30)
    answer = report(model, model(data))
    with open_page(browser, url, name, service_workers="block") as page:
        page.set_default_timeout(WAIT)
        expect(page.locator("#card h2")).to_be_visible(timeout=WAIT)  # of the example that it opens with
        upload(page, ("film.png", data))
        expect(page.locator("#card .name")).to_have_text("film.png", timeout=WAIT)
        expect(page.locator("#card h2")).to_have_text(answer_words.verdict(answer, WORDS))
        expect(page.locator("#card .number")).to_have_text(answer_words.of_hundred(answer, WORDS))
        assert sideways_scroll(page) == 0
        assert violations(page, ()) == []
        screenshot(page, "browser-page")
        page.locator("#settings label", has_text=WORDS("prevalence.rare")).click()
        rare = report(model, model(data), prevalence=0.1)
        expect(page.locator("#card .number")).to_have_text(answer_words.of_hundred(rare, WORDS))
        page.locator("#decided summary").click()
        expect(page.locator("#decided")).to_contain_text(answer_words.threshold(rare, WORDS))
        upload(page, ("notes.txt", b"no image"))
        expect(page.locator("#card .notice")).to_contain_text("notes.txt is not an image")


# Elements of a DICOM header that are not looked into.
UNREAD = {
    "private": bytes.fromhex("090010105351 0000 08000000") + b"no items",
    "long": bytes.fromhex("280050104453") + (5000).to_bytes(2, "little") + b"1\\" * 2500,
}


def lossless_files(folder):
    """Files whose pixels are the same whoever reads them, by name."""
    grey = Image.fromarray(np.pad((DEEP // 16).astype(np.uint8), 20))
    colour = Image.merge("RGB", [grey, grey.rotate(180), grey])
    deep = np.pad(DEEP, 20)
    window = {"WindowCenter": "2000", "WindowWidth": "1500"}
    pixels = {
        "plain": dataset(deep),
        "monochrome1": dataset(deep, PhotometricInterpretation="MONOCHROME1"),
        "window": dataset(deep, **window),
        "sigmoid": dataset(deep, **window, VOILUTFunction="SIGMOID"),
        "rescaled": dataset(deep, **window, RescaleSlope="2", RescaleIntercept="-100"),
        "table": dataset(deep, VOILUTSequence=lut(np.arange(4096)[::-1], 0, 12)),
        "oblique": dataset(deep, ViewPosition="RAO"),
    }
    made = {f"{name}.dcm": stored(image) for name, image in pixels.items()}
    for name, element in UNREAD.items():
        place = made["plain.dcm"].rindex(b"\xe0\x7f\x10\x00")
        made[f"{name}.dcm"] = made["plain.dcm"][:place] + element + made["plain.dcm"][place:]
    made["deflated.dcm"] = stored(dataset(deep), uids.DeflatedExplicitVRLittleEndian)
    syntaxes = {"lossless": uids.JPEGLosslessSV1, "ls": uids.JPEGLSLossless, "rle": uids.RLELossless}
    for name, syntax in syntaxes.items():
        made[f"{name}.dcm"] = transcoded(dataset(deep), syntax, folder)
    return made | {
        "grey.png": encoded(grey, "PNG"),
        "colour.png": encoded(colour, "PNG"),
        "turned.png": encoded(grey, "PNG", exif=exif(6)),
        "deep.png": encoded(Image.fromarray(deep), "PNG"),
        "bloated.png": png(deep, surplus=NOTHING),
        "clear.png": encoded(Image.merge("RGBA", [*colour.split(), Image.new("L", grey.size)]), "PNG"),
        "lossless.webp": encoded(colour, "WEBP", lossless=True),
        "grey.bmp": encoded(grey, "BMP"),
        "deep.tif": tiff(deep),
        "deep.jp2": encoded(Image.fromarray(deep), "JPEG2000"),
        "grey.jp2": encoded(grey, "JPEG2000"),
        "signed.jp2": imagecodecs.jpeg2k_encode((deep // 16 - 128).astype(np.int8), level=0, reversible=True),
        "grey.pgm": encoded(grey, "PPM"),
        "packed.tif": tiff(deep, compression="zlib", predictor=True, rowsperstrip=30),
        "lzw.tif": tiff(deep, compression="lzw", predictor=True, rowsperstrip=30),
        **tiffs(np.asarray(grey), np.asarray(colour), deep),
        **transparent_or_turned(np.asarray(grey), deep),
        **unusual_dicoms(np.asarray(grey), deep),
        "written.pgm": written("P2", np.asarray(grey), 255),
        "written-deep.pgm": written("P2", deep, 4095),
        "written.ppm": written("P3", np.asarray(colour).reshape(len(deep), -1), 255, deep.shape[1]),
        "bits.pbm": written("P1", (deep > 2000).astype(int)),
        "bits-packed.pbm": encoded(grey.convert("1"), "PPM"),
    }


def tiffs(grey, colour, deep):
    """TIFFs of many kinds, by name."""
    rows, other = {"rowsperstrip": 40}, {"byteorder": ">"}
    floats, palette = (deep / 5000).astype(np.float32), np.arange(768, dtype=np.uint16).reshape(3, 256) * 80
    colours = {"photometric": "rgb"}
    alpha = {**colours, "extrasamples": ["unassalpha"]}
    seen = np.concatenate([colour, colour[..., :1] // 2], -1)
    kinds = {
        "lzw-colour": (colour, {"compression": "lzw", **colours}),
        "big-endian": (deep, {"compression": "lzw", "predictor": True, **rows, **other}),
        "planes": (np.stack([deep, deep // 2, deep]), {**colours, "planarconfig": "separate", **other}),
        "12-bit": (deep, {"photometric": "minisblack", "bitspersample": 12, **rows, **other}),
        "packbits": (grey, {"compression": "packbits", **rows}),
        "floats": (floats, {"compression": "zlib", "predictor": True, **rows, **other}),
        "halves": (floats.astype(np.float16), {"compression": "zlib", "predictor": True, **rows}),
        "tiles": (colour, {"tile": (64, 48), "compression": "zlib", "predictor": True, **colours}),
        "alpha": (seen, alpha),
        "deep-alpha": (seen.astype(np.uint16) * 99, {**alpha, "compression": "lzw", **other}),
        "palette": (grey, {"photometric": "palette", "colormap": palette}),
        "palette-8-bit": (grey, {"photometric": "palette", "colormap": palette >> 8}),
        "white-is-zero": (grey, {"photometric": "miniswhite"}),
        "white-alpha": (np.dstack([grey, colour[..., 0]]), {**alpha, "photometric": "miniswhite"}),
    }  # fmt: skip
    return {f"{name}.tif": tiff(pixels, **options) for name, (pixels, options) in kinds.items()}


def transparent_or_turned(grey, deep):
    """Images of which a part or all is transparent, or that EXIF turns, by name."""
    flat, hidden = Image.fromarray(grey & 63), png_chunk(b"tRNS", struct.pack(">H", deep[60, 60]))
    turned = png_chunk(b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0"))
    lossless = imagecodecs.jpeg8_encode(deep, bitspersample=12, lossless=True, predictor=7)
    small = bytearray(encoded(flat, "GIF"))
    small[6:10] = struct.pack("<HH", deep.shape[1] + 9, deep.shape[0] + 9)  # it does not cover the image
    return {
        "hidden.png": png(deep, hidden),
        "palette.png": encoded(
            Image.merge("RGB", [flat, flat.rotate(180), flat]).convert("P"), "PNG", transparency=bytes(256)
        ),
        "turned-late.png": png(deep)[:-12] + turned + png(deep)[-12:],
        "turned-once.jpg": lossless[:2] + app1(exif(6)) + app1(exif(3)) + lossless[2:],
        "clear.webp": encoded(
            Image.merge("RGBA", [flat, flat.rotate(180), flat, Image.new("L", flat.size)]), "WEBP", exact=True
        ),
        "small.gif": bytes(small),
    }


def app1(tags):
    """A segment of a JPEG with EXIF."""
    return jpeg_segment(0xE1, tags.tobytes())


def unusual_dicoms(grey, deep):
    """DICOM files that few devices write, by name."""
    words, floats = dataset(grey), dataset(deep, 16, PixelData=None, BitsAllocated=32)
    words.PixelData = grey.reshape(-1, 2)[:, ::-1].tobytes()
    words["PixelData"].VR = "OW"
    floats.FloatPixelData = deep.astype(np.float32).tobytes()
    frame = imagecodecs.jpeg8_encode(deep, bitspersample=12, lossless=True, predictor=4)
    pixels = {
        "left": dataset(deep << 4),
        "left-dark": dataset(deep // 4 * 4, 14, HighBit=15, WindowCenter=512, WindowWidth=1024),
        "negative": dataset((deep.astype(np.int16) - 2048) // 16 * 16),
        "floats": floats,
        "predicted": dataset(deep, PixelData=encapsulate([frame])),
    }
    syntaxes = {"predicted": uids.JPEGLossless}
    made = {
        name: stored(image, syntaxes.get(name, uids.ExplicitVRLittleEndian)) for name, image in pixels.items()
    }
    made["words"] = stored(words, uids.ExplicitVRBigEndian)
    return {f"{name}.dcm": data for name, data in made.items()}


def bloated_tiff(pixels):
    """A TIFF with one strip, in which much follows the pixels."""
    file, strip = io.BytesIO(), zlib.compress(pixels.tobytes() + NOTHING)
    options = {"shape": pixels.shape, "dtype": pixels.dtype, "rowsperstrip": len(pixels)}
    tifffile.imwrite(file, iter([strip]), compression="zlib", **options)
    return file.getvalue()


def written(kind, values, white=None, width=None):
    """A PNM whose numbers are written out, with a comment after each row."""
    head = f"{kind} # made here\n{width or values.shape[1]} {len(values)}\n" + (f"{white}\n" if white else "")
    return (head + "\n# a row\n".join(" ".join(map(str, row)) for row in values)).encode()


@pytest.mark.browser
def test_reads_the_same_pixels(window, tmp_path):
    for name, data in lossless_files(tmp_path).items():
        expected = read_reduced(data, 672, radiograph=True, crop=True)
        pixels = np.asarray(expected)
        found = ask(window, name, data, "pixels")
        assert "error" not in found, (name, found)
        read = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8)
        read = read.reshape(found["height"], found["width"], found["channels"])
        shown = pixels if pixels.ndim == 3 else pixels[..., None]
        assert read.shape == shown.shape, name
        assert np.abs(read - shown.astype(int)).max() == 0, name
        assert found.get("view", "") == expected.info.get("view", ""), name


def unreadable_files():
    """Files that have no answer, by name."""
    whole = encoded(Image.new("L", (400, 400), 90), "PNG")
    return {
        "empty.png": b"",
        "letter.pdf": b"%PDF-1.4",
        "text.png": b"no image",
        "half.png": whole[: len(whole) // 2],
        "half.jpg": encoded(Image.effect_noise((400, 400), 50), "JPEG")[:4000],
        "small.png": encoded(Image.new("L", (20, 40)), "PNG"),
        "long.png": encoded(Image.new("L", (2000, 40)), "PNG"),
        "huge.png": encoded(Image.new("1", (9000, 9000)), "PNG"),
        "ct.dcm": stored(dataset(Modality="CT")),
        "lateral.dcm": stored(dataset(ViewPosition="LL")),
        "frames.dcm": stored(dataset(NumberOfFrames=3)),
        "raw.dcm": stored(dataset(PresentationIntentType="FOR PROCESSING")),
        "report.dcm": stored(dataset(PixelData=None)),
        "rows.dcm": stored(dataset(Rows=None)),
        "bloated.tif": bloated_tiff(DEEP),
        "above.pgm": b"P2 40 40 200 " + b"201 " * 1600,
        "letters.pgm": b"P2 40 40 200 " + b"20l " * 1600,
        "few.pgm": b"P2 40 40 200 " + b"20 " * 1500,
        "twos.pbm": b"P1 40 40 " + b"012" * 1600,
        "cut.dcm": stored(dataset(DEEP))[:-500],
        "double.dcm": stored(dataset(DEEP, Rows=20)),
        "preamble.dcm": stored(dataset())[:132],
        "syntax.dcm": with_syntax(
            stored(dataset(PixelData=encapsulate([b"film"])), uids.RLELossless), "1.2.840.10008.1.2.4.92"
        ),
        "view.dcm": with_element(stored(dataset()), "ViewCodeSequence", UNKNOWN, "UN"),
        "drawing.tga": b"\0\0\2" + bytes(40),
        "ycbcr.tif": tiff(np.full((40, 40, 3), 90, np.uint8), photometric="ycbcr"),
        **of_many_parts(),
    }


# A sequence whose type is lost, of the code of a lateral view; and an item of nothing.
UNKNOWN = bytes.fromhex("feff00e01400000008000001") + (12).to_bytes(4, "little") + b"399352003\0\0\0"
ITEM = bytes.fromhex("feff00e000000000")


def of_many_parts(count=201_000):
    """Files of so many parts that say nothing, by name."""
    grey = Image.new("L", (40, 40))
    png, jpeg, webp = (encoded(grey, kind) for kind in ("PNG", "JPEG", "WEBP"))
    chunks, dicom = webp[12:] + count * b"none\0\0\0\0", stored(dataset(DEEP))
    pixels = dicom.rindex(b"\xe0\x7f\x10\x00")
    return {
        "parts.png": png[:33] + count * png_chunk(b"tEXt", b"") + png[33:],
        "parts.jpg": jpeg[:2] + count * b"\xff\xfe\0\2" + jpeg[2:],
        "parts.webp": b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks,
        "meta.dcm": dicom[:132] + count * bytes.fromhex("0200020153480000") + dicom[132:],
        "fragments.dcm": stored(dataset(PixelData=count * ITEM), uids.RLELossless),
        "parts.dcm": dicom[:pixels] + count * bytes.fromhex("0900101053480000") + dicom[pixels:],
    }


def refusal(path, data):
    """What Python says of a file with this name and data, which it cannot read."""
    path.write_bytes(data)
    with pytest.raises(InputError) as refused:
        read_reduced(path, 672, radiograph=True, crop=True)
    return str(refused.value)


@pytest.mark.browser
def test_says_the_same_of_what_cannot_be_read(window, tmp_path):
    for name, data in unreadable_files().items():
        assert ask(window, name, data, "answer")["error"] == refusal(tmp_path / name, data), name


@pytest.mark.browser
def test_all_of_its_head_begins_in_line(window):
    left = window.locator("main > header h1").bounding_box()["x"]
    assert window.locator("main > header summary").bounding_box()["x"] == left


@pytest.mark.browser
def test_asks_nobody_for_anything_while_it_answers(window, model, radiograph):
    asked = []
    window.on("request", lambda request: asked.append(request.url))
    for data in (film(radiograph), encoded(radiograph, "JPEG"), encoded(radiograph.rotate(180), "WEBP")):
        found, expected = ask(window, "film", data, "answer"), report(model, model(data))
        assert found["verdict"]["reason"] == expected["verdict"]["reason"]
        assert abs(found["probability"] - expected["probability"]) < TOLERANCE
    assert [url for url in asked if not url.startswith("blob:")] == []  # those lie in the browser's memory


@pytest.mark.browser
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_firefox_answers_and_refuses_as_python_does(firefox, model, radiograph, tmp_path, every):
    compare_with_python(firefox, model, radiograph, tmp_path, every)


@pytest.mark.browser
@pytest.mark.parametrize("pref", ["privacy.resistFingerprinting", "privacy.fingerprintingProtection"])
def test_firefox_answers_no_noise_that_it_gives_for_pixels(url, model, radiograph, tmp_path, pref):
    """As the Tor Browser does; the other protection changes the lowest bits alone."""
    data = film(radiograph)
    with open_firefox(url, tmp_path / "log", **{pref: True}) as run:
        found = ask_by(run, "film.png", data)
    if pref == "privacy.resistFingerprinting":
        assert found["error"].startswith("film.png cannot be read, as this browser gives pages noise")
    else:
        assert abs(found["probability"] - report(model, model(data))["probability"]) < TOLERANCE


@pytest.mark.browser
@pytest.mark.slow
def test_webkit_answers_and_refuses_as_python_does(webkit, model, radiograph, tmp_path):
    # Of what is transparent it keeps no colours; a PNG is read without it.
    compare_with_python(webkit.execute_async_script, model, radiograph, tmp_path, without={"clear.webp"})
    with zipfile.ZipFile(tmp_path / "films.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.png", film(radiograph))
        archive.writestr("two.dcm", stored(dataset()))
    webkit.find_element("id", "view-batch-button").click()
    webkit.find_element("css selector", "#view-batch input[type=file]").send_keys(str(tmp_path / "films.zip"))
    names = {"films.zip/one.png", "films.zip/two.dcm"}
    WebDriverWait(webkit, WAIT / 1000).until(
        lambda window: {each.text for each in window.find_elements("css selector", ".batch .open")} == names
    )


def ask_by(run, name, data):
    """A browser's answer to a file; `run` is how it runs a script."""
    given = [name, base64.b64encode(data).decode(), "answer"]
    return run(f"({ASK})([...arguments]).then(arguments[3])", *given)


def compare_with_python(run, model, radiograph, tmp_path, every=1, without=frozenset()):
    """Compare a browser's answers and refusals with Python's, of every so many files but some.

    `run` is how it runs a script.
    """

    def ask(name, data):
        return ask_by(run, name, data)

    files = {"film.png": film(radiograph, border=30), "film.jpg": encoded(radiograph, "JPEG")}
    files |= {name: data for name, data in lossless_files(tmp_path).items() if name not in without}
    for name, data in [*files.items()][::every]:
        found, expected = ask(name, data), report(model, model(data))
        assert found["verdict"]["reason"] == expected["verdict"]["reason"], name
        if expected["probability"] is not None:
            assert abs(found["probability"] - expected["probability"]) < TOLERANCE, name
    for name, data in [*unreadable_files().items()][::every]:
        assert ask(name, data)["error"] == refusal(tmp_path / name, data), name


@pytest.mark.browser
def test_a_worker_cannot_reach_another_address(window):
    refused = window.evaluate(
        """() => new Promise((resolve) => {
          const script = "fetch('http://127.0.0.1:9/').then(() => postMessage('sent'), () => {});" +
            "addEventListener('securitypolicyviolation', ({ blockedURI }) => postMessage(blockedURI));";
          const worker = new Worker(URL.createObjectURL(new Blob([script])));
          worker.onmessage = ({ data }) => resolve(data);
        })"""
    )
    assert refused.startswith("http://127.0.0.1:9")


@pytest.mark.browser
def test_answers_without_a_network(browser, url, radiograph):
    with open_page(browser, url, "phone-light") as page:
        page.set_default_timeout(WAIT)
        page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("#card h2")).to_be_visible(timeout=WAIT)
        upload(page, ("film.png", film(radiograph)))
        expect(page.locator("#card .name")).to_have_text("film.png", timeout=WAIT)


class Redirecting(Handler):
    """Names the page's file to who asks for its folder, as some hosts do."""

    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        self.send(302, {"location": "/index.html"}, b"", with_body=False)


@pytest.mark.browser
def test_opens_again_where_its_host_leads_to_its_file(browser, built):
    with served(built, Redirecting) as url, open_page(browser, url, "phone-light") as page:
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.goto(url)
        expect(page.locator("#card h2")).to_be_visible(timeout=WAIT)


class Unpacking(Handler):
    """Lets the browser unpack what is stored gzipped, as hosts do that take .gz for an encoding."""

    def send(self, status, headers, body, with_body):
        if headers.get("content-type") == "application/gzip":
            headers = headers | {"content-encoding": "gzip"}
        super().send(status, headers, body, with_body)


@pytest.mark.browser
def test_answers_where_its_host_has_model_and_runtime_unpacked(browser, built):
    with served(built, Unpacking) as url, open_page(browser, url, "phone-light") as page:
        expect(page.locator("#card h2")).to_be_visible(timeout=WAIT)


@pytest.mark.browser
def test_a_model_that_did_not_come_is_fetched_again(browser, url, radiograph):
    page = browser.new_page(service_workers="block")
    page.set_default_timeout(WAIT)
    page.route("**/*.onnx.gz", lambda route: route.abort())
    page.goto(url)
    expect(page.locator("#loading [role=alert]")).to_be_visible()
    upload(page, *((f"{number}.png", film(radiograph)) for number in range(2)))
    expect(page.locator("[data-batch=results]")).to_contain_text(WORDS("local.not_loaded"))
    page.unroute("**/*.onnx.gz")
    page.locator("#view-image-button").click()
    page.locator(".reading button").click()
    expect(page.locator("#card h2")).to_be_visible()
    expect(page.locator("#loading")).to_be_empty()
    page.close()


@pytest.mark.browser
def test_the_package_is_used_as_the_documentation_says(window, model, radiograph):
    (snippet,) = [
        block
        for block in re.findall(r"```javascript\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
        if "classifier.js" in block
    ]
    module = re.sub(
        r'import \{ Classifier \} from "[^"]*"',
        'const { Classifier } = await import("./classifier.js")',
        snippet,
    )
    run = f"""async (bytes) => {{
      const file = new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], "film.png");
      {module}
      return [label, probability, verdict.status];
    }}"""
    label, probability, status = window.evaluate(run, base64.b64encode(film(radiograph)).decode())
    expected = report(model, model(film(radiograph)))
    assert (label, status) == (expected["label"], expected["verdict"]["status"])
    assert abs(probability - expected["probability"]) < TOLERANCE


@pytest.mark.browser
@pytest.mark.parametrize(
    ("point", "prevalence"),
    [(None, 0), (None, 1), (None, 30), (None, "0.1"), (None, 1e-320), ("often", 0.5), ("screening", 0.5)],
)
def test_the_package_refuses_the_same_options_as_python(window, model, radiograph, point, prevalence):
    data = film(radiograph)
    try:
        expected = report(model, model(data), point, prevalence)["label"]
    except InputError as error:
        expected = str(error)
    found = window.evaluate(
        """async ([bytes, operatingPoint, prevalence]) => {
          const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
          const asked = (await xray.classifier).classify(data, { operatingPoint, prevalence });
          return asked.then(({ label }) => label, ({ message }) => message);
        }""",
        [base64.b64encode(data).decode(), point, prevalence],
    )
    assert found == expected


def zipped(film, monkeypatch):
    """Archives as many programs write them, by name."""
    members = {
        "large.png": film, "x.png": film, "bad.pgm": b"P5 40 40 255 " + bytes(1600), "empty.png": b"",
        "empty.txt": b"", "notes.txt": b"...", "LICENSE": b"...", "@eaDir/a.png/SYNO.png": film,
        "inner.zip": b"PK\5\6" + bytes(18), "inner.tar": bytes(257) + b"ustar" + bytes(250), "a/": b"",
    }  # fmt: skip
    few = archive({"notes.txt": b"...", "empty.csv": b""})
    whole = archive(members).replace(b"x.png", b"\x81.png")  # in the letters of DOS
    place = whole.index(b"P5 40 40") + 500
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 100)
    return {
        "films.zip": whole[:place] + b"\1" + whole[place + 1 :],
        "large.zip": archive({"large.png": film}),
        "few.zip": few,
        "split.zip": few[:-18] + b"\1\0" + few[-16:],
        "part.zip": few[:-30],
        "films.tgz": b"\x1f\x8b" + bytes(100),
        "program.exe": b"MZ" + bytes(500) + few,
    }


def archive(members):
    """The bytes of a ZIP."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


@pytest.mark.browser
def test_a_batch_has_the_table_of_python(window, model, radiograph, tmp_path, monkeypatch):
    files = {"a.png": film(radiograph), "b.jpg": encoded(radiograph, "JPEG"), "=c.txt": b"no image"}
    files |= zipped(film(radiograph), monkeypatch)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    results = [(result, result.prediction and report(model, result.prediction))
               for result in classify_files(model, [tmp_path / name for name in files])]  # fmt: skip
    expected = list(csv.reader(io.StringIO(to_csv(results))))
    upload(window, *files.items())
    expect(window.locator("[data-batch=status] [role=status]")).to_be_visible(timeout=WAIT)
    assert violations(window, ()) == []
    screenshot(window, "browser-batch")
    with window.expect_download() as download:
        window.locator(".batch .save").click()
    found = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    window.locator(".batch .open").first.click()
    expect(window.locator(".batch-film h2")).to_have_text("a.png")
    written = [[row[0].rsplit("/")[-1].lstrip("'") for row in table] for table in (expected, found)]
    assert written[0] == written[1]
    for theirs, ours in zip(expected, found, strict=True):
        for cell, other in zip(theirs[1:], ours[1:], strict=True):
            number = re.fullmatch(r"\d+\.\d+(e[-+]\d+)?", cell)
            assert np.isclose(float(cell), float(other), rtol=0.02) if number else cell == other


FOLDER = """() => {
  const { slice, arrayBuffer } = Blob.prototype;
  const isFolder = (file) => file.name === "films" || file.isOfFolder;
  Blob.prototype.slice = function (...ends) {
    return Object.assign(slice.apply(this, ends), { isOfFolder: isFolder(this) });
  };
  Blob.prototype.arrayBuffer = function () {
    return isFolder(this) ? Promise.reject(new DOMException("", "NotFoundError")) : arrayBuffer.call(this);
  };
}"""


@pytest.mark.browser
def test_a_folder_among_the_files_of_a_batch_is_one_row(window, radiograph):
    """A browser gives it as a file, which cannot be read."""
    window.reload()
    window.evaluate(FOLDER)
    upload(window, ("films", b""), ("film.png", film(radiograph)))
    expect(window.locator("[data-batch=status] [role=status]")).to_be_visible(timeout=WAIT)
    expect(window.locator(".batch tr[data-index]")).to_have_count(2)
    expect(window.locator(".batch .open")).to_have_text("film.png")


HELD = """() => {
  const { arrayBuffer } = Blob.prototype, free = new Promise((resolve) => { window.free = resolve; });
  Blob.prototype.arrayBuffer = async function () {
    if (this.name === "slow.png") await free;
    if (this.name === "c.png") await new Promise((resolve) => setTimeout(resolve, 1000)); // until a redraw
    return arrayBuffer.call(this);
  };
}"""


def load(window, url):
    """Open the page anew, until the model is loaded."""
    window.goto(url)
    window.wait_for_function("window.xray?.ready.then(() => true)")


@pytest.mark.browser
def test_a_row_opens_its_own_film_while_others_come(window, url, radiograph):
    load(window, url)
    window.evaluate(HELD)
    upload(window, *((name, film(radiograph)) for name in ("slow.png", "b.png", "c.png")))
    window.locator(".batch .open", has_text="c.png").click()
    expect(window.locator(".batch-film h2")).to_have_text("c.png")
    window.evaluate("free()")
    expect(window.locator("[data-batch=status] [role=status]")).to_be_visible()
    window.locator(".batch-film .previous").click()
    expect(window.locator(".batch-film h2")).to_have_text("b.png")


@pytest.mark.browser
def test_keys_lead_from_film_to_film_of_a_batch(window, url, radiograph):
    load(window, url)
    upload(window, *((f"{number}.png", film(radiograph)) for number in range(4)))
    expect(window.locator("[data-batch=status] [role=status]")).to_be_visible()
    window.locator(".batch .open").first.click()
    for number in (1, 2, 3):
        expect(window.locator(".batch-film h2")).to_have_text(f"{number - 1}.png")
        window.keyboard.press("ArrowRight")
    expect(window.locator(".batch-film h2")).to_have_text("3.png")


@pytest.mark.browser
def test_a_batch_without_a_network_is_read_by_the_workers_that_there_are(window, url, radiograph):
    load(window, url)
    window.context.set_offline(True)  # without a service worker, which private windows lack
    try:
        upload(window, *((f"{number}.png", film(radiograph)) for number in range(4)))
        expect(window.locator("[data-batch=status] [role=status]")).to_be_visible()
        expect(window.locator(".batch .open")).to_have_count(4)
    finally:
        window.context.set_offline(False)


@pytest.mark.browser
def test_a_film_whose_codec_does_not_come_is_not_called_damaged(window, url):
    load(window, url)
    films = {
        "film.dcm": stored(dataset(DEEP)),
        "film.tif": tiff(DEEP),
        "film.jp2": encoded(Image.fromarray(DEEP), "JPEG2000"),
    }
    window.context.set_offline(True)
    try:
        for name, data in films.items():
            said = ask(window, name, data, "answer")["error"]
            assert said.startswith(f"{name} needs a part of this page that could not be loaded")
        # The worker is still there, and has what needs no codec.
        assert "error" not in ask(window, "film.pgm", written("P2", DEEP, 4095), "answer")
    finally:
        window.context.set_offline(False)
    for name, data in films.items():
        assert "error" not in ask(window, name, data, "answer")


@pytest.mark.browser
def test_an_example_that_comes_late_does_not_take_the_place_of_a_film(window, url, radiograph):
    load(window, url)
    held = []
    window.route("**/samples/*.png", lambda route: held.append(route))
    with window.expect_request("**/samples/*.png"):
        window.locator("[data-sample]").first.click()
    upload(window, ("film.png", film(radiograph)))
    expect(window.locator("#card .name")).to_have_text("film.png")
    with window.expect_response("**/samples/*.png") as response:
        held[0].continue_()
    response.value.finished()
    ask(window, "other.png", film(radiograph), "answer")  # for as long as the example would need
    expect(window.locator("#card .name")).to_have_text("film.png")
    window.unroute("**/samples/*.png")


@pytest.mark.browser
def test_an_example_that_does_not_come_can_be_asked_for_again(window, url):
    load(window, url)
    expect(window.locator("#card h2")).to_be_visible()
    example = window.locator("[data-sample]").first
    window.route("**/samples/*.png", lambda route: route.abort())
    example.click()
    expect(window.locator(".reading")).to_contain_text("There is no answer for")
    window.unroute("**/samples/*.png")
    window.locator(".reading button").click()
    expect(window.locator("#card h2")).to_be_visible()


WORKER = """async ([script, kept]) => {
  const heard = {}, deleted = [], full = async () => { throw new DOMException("", "QuotaExceededError"); };
  const caches = { open: full, keys: async () => kept, delete: async (name) => deleted.push(name) };
  const registration = { scope: "https://host/a/" }, clients = { claim() {} };
  const self = { registration, clients, addEventListener: (kind, hear) => (heard[kind] = hear) };
  const happen = (kind, event) =>
    new Promise((done) => heard[kind]({ ...event, waitUntil: done, respondWith: done }));
  const fetch = async ({ url }) => ({ ok: true, url, clone() {} });
  new Function("self", "caches", "fetch", script)(self, caches, fetch);
  await happen("activate", {});
  const request = { method: "GET", url: "https://host/a/vendor/codecs/codec.js" };
  return { deleted, fetched: (await happen("fetch", { request })).url === request.url };
}"""


@pytest.mark.browser
def test_its_worker_leaves_other_pages_of_the_host_alone_and_needs_no_room(browser):
    page = browser.new_page()
    kept = ["page https://host/a/ old", "page https://host/a/b/ x", "page https://host/b/ x"]
    script = (ROOT / "hub" / "page" / "web" / "service_worker.js").read_text()
    assert page.evaluate(WORKER, [script, kept]) == {"deleted": kept[:1], "fetched": True}
    page.close()


ASKED = """(script) => new Promise((answered) => {
  const hear = new Function("postMessage", "onmessage", `${script}; return onmessage;`)(answered);
  const ask = { get bytes() { throw Object.assign(new TypeError("gone"), { stack: "" }); } };
  hear({ data: { id: 1, ask } });
})"""


@pytest.mark.browser
def test_an_error_without_a_stack_is_still_one(browser):
    """In Firefox a module that cannot be loaded has none."""
    page = browser.new_page()
    script = (ROOT / "hub" / "page" / "web" / "inference" / "worker.js").read_text()
    assert page.evaluate(ASKED, script)["error"].startswith("TypeError: gone")
    page.close()
