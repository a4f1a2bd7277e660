"""Two replicas of the demo behind a load balancer: what any of them answers, and what needs the same one."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from balancer import balanced
from gradio_client import Client, handle_file
from playwright.sync_api import expect
from servers import free_port, open_page, wait_for

from hub.demo.words import words_in
from hub.inference import decision

ROOT = Path(__file__).parents[2]
WAIT = 60_000  # ms: two servers and a browser share the cores
WORDS = words_in("en")
REQUESTS, CLIENTS = 60, 6


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    """The ports of two replicas, each with its own temporary folder, as on two machines."""
    ports, processes = [free_port(), free_port()], []
    try:
        for port in ports:
            environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
            environment["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("uploads"))
            processes.append(subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment))
        for port, process in zip(ports, processes, strict=True):
            wait_for(f"http://127.0.0.1:{port}", process, seconds=300)  # they start side by side
        yield ports
    finally:
        for process in processes:
            process.terminate()
            process.wait()


@pytest.mark.slow
def test_any_replica_answers_any_request_for_one_image(replicas, radiograph, classifier):
    buffer = io.BytesIO()
    radiograph.save(buffer, "PNG")
    expected = decision.report(classifier, classifier(buffer.getvalue()), "screening")

    def ask(number):
        answer = requests.post(f"{url}/classify?operating_point=screening", buffer.getvalue(), timeout=60)
        return answer.status_code, answer.json()

    with balanced(replicas, sticky=False) as (url, counts):
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(ask, range(REQUESTS)))
        assert requests.get(f"{url}/healthz", timeout=60).json()["status"] == "ok"
    assert {status for status, _ in answers} == {200}
    assert all(answer["label"] == expected["label"] for _, answer in answers)
    assert all(answer["probability"] == pytest.approx(expected["probability"]) for _, answer in answers)
    assert abs(counts[0] - counts[1]) <= 1, "each took every second request"


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_works_where_a_cookie_keeps_a_visitor_at_one_replica(
    replicas, browser, radiograph, tmp_path
):
    radiograph.save(tmp_path / "film.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    with balanced(replicas, sticky=True) as (url, counts):
        for _ in replicas:  # a visitor each
            with open_page(browser, url, "wide-light") as page:
                page.locator("body[data-opened]").wait_for(timeout=WAIT)
                page.locator("#film-input input[type=file]").set_input_files(tmp_path / "film.png")
                expect(page.locator("#card .name")).to_have_text("film.png", timeout=WAIT)
                expect(page.locator("#answer")).not_to_have_attribute("inert", "")
                page.get_by_role("tab", name=WORDS("tabs.batch")).click()
                files = [tmp_path / "film.png", tmp_path / "broken.png"]
                page.locator("#batch-input input[type=file]").first.set_input_files(files)
                expect(page.locator(".batch tbody tr")).to_have_count(2, timeout=WAIT)
    assert min(counts[0], counts[1]) > 5, "each had a visitor"


@pytest.mark.slow
def test_clients_of_gradio_work_where_they_keep_the_cookie(replicas, radiograph, classifier, tmp_path):
    radiograph.save(tmp_path / "film.png")
    with balanced(replicas, sticky=True) as (url, _):
        client = Client(url, verbose=False)
        answer = client.predict(handle_file(tmp_path / "film.png"), api_name="/classify")
    assert answer["label"] == classifier(tmp_path / "film.png").label
