"""What many tests need: radiographs, and folders of them."""

import os
import shutil
import sys
import tempfile
from copy import copy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright
from servers import free_port, recorded, serving

from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier


def pytest_configure(config):
    """Nothing is read from or left in the user's own cache, here or by commands that tests start.

    Variables are set before anything imports `datasets` or torch, which read them once.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:  # one core each: threads that wait for a busy core cost most
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.option.loadscopereorder = False  # of xdist: the order below, not most tests first
    config.cache_of_datasets = tempfile.mkdtemp()
    os.environ["HF_DATASETS_CACHE"] = config.cache_of_datasets


def pytest_unconfigure(config):
    shutil.rmtree(config.cache_of_datasets, ignore_errors=True)


def pytest_collection_modifyitems(items):
    """Begin with the folders whose files take longest, so that all processes end together."""
    items.sort(key=lambda item: item.path.parent.name not in ("e2e", "publishing", "training", "export"))


def pytest_collection_finish():
    """Let each process draw the synthetic data set once: to encode its images takes seconds."""
    if splits := sys.modules.get("hub.data.splits"):
        drawn = cache(splits._synthetic_splits)
        splits._synthetic_splits = lambda seed: copy(drawn(seed))


@pytest.fixture(scope="session", autouse=True)
def folder_of_tests(tmp_path_factory):
    """The folder of `tmp_path` is made before a demo names another place for temporary files."""
    tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session")
def shared():
    """The folder of real data and weights that stands beside the repository on some machines."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "data" / "chest_xray").is_dir():
        pytest.skip("real films are not on this machine: ../shared/data/chest_xray")
    return folder


@pytest.fixture(scope="session")
def classifier():
    """The bundled model."""
    return Classifier.from_pretrained()


@pytest.fixture(scope="session")
def exact_classifier():
    """The bundled model in 32 bits, as every other reader has it."""
    return Classifier.from_pretrained(precision="fp32")


@pytest.fixture
def radiograph():
    """A synthetic radiograph of a child with pneumonia."""
    return sample_radiographs(2)[0][1]


@pytest.fixture
def write_radiographs():
    """A function that writes so many synthetic radiographs to a folder and returns their paths."""

    def write(folder, count):
        paths = [folder / f"film-{number}.png" for number in range(count)]
        for path, image in zip(paths, sample_radiographs(count)[0], strict=True):
            image.save(path)
        return paths

    return write


@pytest.fixture
def write_noise():
    """A function that writes a small grey image to a path, a different one each time."""
    random = np.random.default_rng(0)

    def write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (40, 48), dtype=np.uint8)).save(path)

    return write


@pytest.fixture
def kaggle_folder(tmp_path, write_noise):
    """The layout of Kaggle: 48 + 72 train and 12 + 18 test images, names as Kermany et al. gave them.

    A child has several radiographs; a bare number (3 in person3_virus and person3_bacteria, in IM-0003 and
    NORMAL2-IM-0003) may stand for one child or two.
    """
    folder = tmp_path / "chest_xray"
    for split, numbers in (("train", range(1, 25)), ("test", range(101, 107))):
        for number in numbers:
            for name in (f"IM-{number:04}-0001", f"IM-{number:04}-0002"):
                prefix = "NORMAL2-" if number % 3 == 0 and name.endswith("2") else ""
                write_noise(folder / split / "NORMAL" / f"{prefix}{name}.jpeg")
            for name in (f"bacteria_{number}", f"bacteria_{number + 1}", f"virus_{number + 5}"):
                write_noise(folder / split / "PNEUMONIA" / f"person{number}_{name}.jpeg")
    return folder


@pytest.fixture(scope="session")
def gradio(tmp_path_factory):
    """`python app.py` as on a Space with a token; its address and the file of its log.

    Beside the log, `others` names each other machine that it looked for, and `uploads` is empty at the end.
    """
    folder, port = tmp_path_factory.mktemp("gradio"), free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_TOKEN": "hf_secret"}
    environment |= {"GRADIO_TEMP_DIR": str(folder / "uploads"), "GRADIO_SSR_MODE": "True"}
    url, command = f"http://127.0.0.1:{port}", recorded(folder / "others", "path", "app.py")
    with (
        (folder / "log").open("w") as log,
        serving(command, url, env=environment, stdout=log, stderr=log),
    ):
        yield url, folder / "log"
    assert [path for path in (folder / "uploads").rglob("*") if path.is_file()] == []
    assert "hf_secret" not in (folder / "log").read_text()


@pytest.fixture(scope="session")
def gradio_url(gradio):
    """The address of `python app.py`."""
    return gradio[0]


@pytest.fixture
def new_server():
    """Streamlit's page has loaded nothing yet, and keeps nothing of the test."""
    import streamlit

    streamlit.cache_resource.clear()
    yield
    streamlit.cache_resource.clear()


@pytest.fixture(scope="session")
def streamlit_others(tmp_path_factory):
    """The file that names each other machine that the Streamlit demo looked for."""
    return tmp_path_factory.mktemp("streamlit") / "others"


@pytest.fixture(scope="session")
def streamlit_url(streamlit_others):
    """`streamlit run streamlit_app.py`; its address."""
    port = free_port()
    command = ["run", "streamlit_app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    command = recorded(streamlit_others, "module", "streamlit", *command)
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/_stcore/health"):
        yield url


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        pytest.skip("there is no Chromium on this machine; install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-sync",
                "--use-fake-device-for-media-stream",  # a camera that films a clock
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield browser
        browser.close()
