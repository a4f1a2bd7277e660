"""What tests of servers and of pages share."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
import pytest
from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).parents[1]
SCREENSHOTS = ROOT / "test-output"  # made by who wants them
SIZES = {"wide": (1440, 900), "desktop": (1280, 900), "tablet": (768, 1024), "phone": (390, 844)}


STILL = """() => document.getAnimations().every(
  ({ playState, effect }) => playState !== "running" || effect.getComputedTiming().iterations === Infinity
)"""


def windows(*names):
    """Return the names of windows, "phone-dark" for one, as parameters of browser tests.

    All but the first are slow.
    """
    marks = pytest.mark.browser, (pytest.mark.browser, pytest.mark.slow)
    return [pytest.param(name, marks=marks[number > 0]) for number, name in enumerate(names)]


def run_coroutine(coroutine, seconds=None):
    """Return what a coroutine does, in a thread of its own: in this one Playwright may have a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result(seconds)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url, process, seconds=120):
    """Return once `url` answers; fail when the server ends or takes too long."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                assert response.status == 200
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"{url} did not answer within {seconds} s")


@contextmanager
def serving(command, url, cwd=ROOT, **options):
    """Run `command` as long as the block lasts, which begins when `url` answers."""
    process = subprocess.Popen(command, cwd=cwd, **options)
    try:
        wait_for(url, process)
        yield
    finally:
        process.terminate()
        process.wait()


RECORDER = """
import runpy, sys

def record(event, arguments):
    if event == "socket.getaddrinfo":
        hosts = [arguments[0]]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        hosts = [arguments[1][0]]
    else:
        return
    for host in map(str, hosts):
        if host not in ("localhost", "::1", "0.0.0.0", "None") and not host.startswith("127."):
            with open(FILE, "a") as file:
                print(host, file=file)

sys.addaudithook(record)
_, kind, name, *arguments = sys.argv
sys.argv = [name, *arguments]
getattr(runpy, f"run_{kind}")(name, run_name="__main__")
"""


def recorded(file, kind, name, *arguments):
    """Return a command that runs Python, and writes to `file` every other machine that it looks for.

    `kind` is "path" for a script and "module" for `python -m`.
    """
    return [sys.executable, "-c", f"FILE = {str(file)!r}\n{RECORDER}", kind, name, *arguments]


@contextmanager
def open_page(browser, url, window, base=None, **options):
    """Yield `url` in a new window, "phone-dark" for one.

    It must not ask any other machine for anything; `base` is the address of its own where `url` has more, and
    `options` are those of the browser's context.
    """
    device, scheme = window.split("-")
    width, height = SIZES[device]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
    page = context.new_page()
    page.name = window
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    yield page
    base = base or url
    own = (base, base.replace("http", "ws", 1), "data:", "blob:")
    assert [address for address in asked if not address.startswith(own)] == []
    context.close()


def screenshot(page, name):
    """Keep a picture of the page where somebody wants pictures: they take a second each."""
    if not SCREENSHOTS.is_dir():
        return
    page.wait_for_timeout(400)  # images fade in
    page.screenshot(path=SCREENSHOTS / f"{page.name}-{name}.png", full_page=True)


def sideways_scroll(page):
    """Return by how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def violations(page, framework):
    """Return what axe finds of serious or critical, but for the rules that the `framework` itself breaks."""
    page.wait_for_function(STILL)  # a colour that fades has another contrast for a moment
    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical") and rule["id"] not in framework
        for node in rule["nodes"]
    ]


def write_dicom(image, path):
    """Write an image as an uncompressed 12-bit radiograph whose air is black."""
    dataset = pydicom.Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"  # digital X-ray, for presentation
    dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.Modality, dataset.PhotometricInterpretation = "DX", "MONOCHROME2"
    dataset.Rows, dataset.Columns = image.height, image.width
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = (np.asarray(image, dtype=np.uint16) * 16).tobytes()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
