"""/healthz and /metrics of the Gradio app."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from servers import run_coroutine

from hub.demo import server_health, server_metrics
from hub.demo.http_call import Call
from hub.errors import InputError
from hub.files import sha256


def get(path, health, exposition=None, clients=1):
    """Return the status and body of an answer, the last one where many `clients` ask at once."""
    sent = []

    async def send(message):
        sent.append(message)

    async def other(scope, receive, send):
        await send({"status": 404, "body": b""})

    blocks = SimpleNamespace(_queue=[1, 2])
    scope = {"type": "http", "path": path, "headers": [], "app": SimpleNamespace(get_blocks=lambda: blocks)}
    served = server_health.middleware(health, exposition)
    serve = served.cls(other, **served.kwargs)

    async def ask():
        await asyncio.gather(*[serve(scope, None, send) for _ in range(clients)])

    run_coroutine(ask())
    return sent[0]["status"], sent[-1]["body"].decode()


@pytest.fixture(scope="module")
def health(classifier):
    return server_health.begin(classifier)


def test_an_app_that_answers_its_film_as_at_the_start_is_well(health):
    status, body = get("/healthz", health)
    assert (status, json.loads(body)["status"]) == (200, "ok")
    assert json.loads(body)["model_sha256"] == sha256(health.classifier.file)


@pytest.mark.parametrize(
    ("shares", "reason"),
    [((0.5, 0.5), "another one"), ((float("nan"), 1), "another one"), (None, "no answer")],
)
def test_an_app_whose_answer_is_wrong_is_red(health, shares, reason):
    def answer(images):
        if shares is None:
            raise RuntimeError("somebody's film")
        return [
            replace(
                health.expected, probabilities=dict(zip(health.expected.probabilities, shares, strict=True))
            )
        ]

    status, body = get("/healthz", replace(health, classifier=answer, looked=float("-inf")))
    assert status == 503 and reason in body and "somebody" not in body


def test_an_app_whose_folder_is_gone_is_red(health, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    status, body = get("/healthz", replace(health, looked=float("-inf")))
    assert status == 503 and "temporary files" in json.loads(body)["status"]


def test_many_who_ask_at_once_make_the_model_answer_once(health):
    asked = []

    def answer(images):
        asked.append(images)
        return [health.expected]

    assert get("/healthz", replace(health, classifier=answer, looked=float("-inf")), clients=20)[0] == 200
    assert len(asked) == 1


def test_a_model_without_a_usable_answer_is_not_served(classifier, health):
    nan = dict.fromkeys(health.expected.probabilities, float("nan"))

    class Broken:
        digest = classifier.digest

        def __call__(self, images):
            return [replace(health.expected, probabilities=nan)]

    with pytest.raises(InputError, match="no usable answer"):
        server_health.begin(Broken())


def test_nobody_gets_metrics_that_were_not_asked_for(health, monkeypatch):
    monkeypatch.delenv("METRICS", raising=False)
    metrics = server_metrics.metrics("model", "digest")
    assert get("/metrics", health, metrics.exposition)[0] == 404


def test_metrics_count_requests_refusals_and_seconds(health, monkeypatch):
    monkeypatch.setenv("METRICS", "1")
    metrics = server_metrics.metrics("model", "abc")
    metrics.observe(Call("run", status=200), 0.02)
    metrics.observe(Call("upload", status=413, refused="too large"), 0.001)
    status, text = get("/metrics", health, metrics.exposition)
    assert status == 200
    for line in (
        'requests_total{route="run",status="200"} 1.0',
        'refusals_total{reason="too large"} 1.0',
        'request_seconds_bucket{le="0.025",route="run"} 1.0',
        'model_info{name="model",sha256="abc"} 1.0',
        "queue_length 2.0",
    ):
        assert line in text
