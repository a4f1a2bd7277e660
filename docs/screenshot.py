"""Take the picture of the README from the real page.

  python docs/screenshot.py     writes .github/demo.png; needs Debian's chromium and tests/requirements.txt

It starts app.py with the bundled model and opens it in a window 1280 px wide: an example is answered there.
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / ".github" / "demo.png"
VIEWPORT = {"width": 1280, "height": 960}
WAIT = 120  # s


def main(arguments: list[str] | None = None) -> None:
    """Take the picture and write it into .github."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    environment.pop("MODEL", None)
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment)
    try:
        wait_for(url, server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            screenshot = open_answer(browser.new_page(viewport=VIEWPORT, color_scheme="light"), url)
            browser.close()
    finally:
        server.terminate()
        server.wait()
    write_palette_png(screenshot, PICTURE)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB")


def wait_for(url: str, server: subprocess.Popen) -> None:
    """Return once `url` answers; raise RuntimeError where the server ends or is slow."""
    deadline = time.monotonic() + WAIT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"{url} did not answer within {WAIT} s.")


def open_answer(page: Page, url: str) -> bytes:
    """Open the demo, wait for the answer to its example and return the page as PNG."""
    page.goto(url)
    page.locator("#card h2").wait_for(timeout=1000 * WAIT)
    page.locator(".film .heat").first.wait_for(state="attached")
    page.wait_for_timeout(1000)  # images fade in
    return page.screenshot(full_page=True)


def write_palette_png(screenshot: bytes, path: Path) -> None:
    """Write a PNG of 256 colours, half as large, so that the front page loads fast."""
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    palette = image.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


if __name__ == "__main__":
    main()
