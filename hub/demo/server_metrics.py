"""Metrics of the Gradio app for Prometheus, where METRICS=1 asks for them."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from hub.demo.http_call import Call
from hub.errors import InputError

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # seconds


@dataclass(frozen=True)
class Metrics:
    """What notes down each request, and returns all of it as text for Prometheus.

    `exposition` takes the number of events that wait; it is None where nobody asked for metrics.
    """

    observe: Callable[[Call, float], None] = lambda call, seconds: None
    exposition: Callable[[int], bytes] | None = None


def metrics(model: str, digest: str) -> Metrics:
    """Return the metrics of an app with this model, where METRICS=1.

    Raises InputError without prometheus_client.
    """
    if os.environ.get("METRICS") != "1":
        return Metrics()
    try:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
    except ImportError:
        raise InputError("METRICS=1 needs prometheus_client; install it, or leave METRICS out.") from None
    registry = CollectorRegistry()
    requests = Counter("requests", "Requests by route and status", ["route", "status"], registry=registry)
    refusals = Counter("refusals", "Requests refused, by reason", ["reason"], registry=registry)
    latency = Histogram(
        "request_seconds", "Time to answer a request", ["route"], buckets=BUCKETS, registry=registry
    )
    Info("model", "The model that answers", registry=registry).info({"name": model, "sha256": digest})
    queue = Gauge("queue_length", "Events that wait", registry=registry)

    def observe(call: Call, seconds: float) -> None:
        requests.labels(call.route, call.status).inc()
        if call.refused:
            refusals.labels(call.refused).inc()
        if call.route not in ("heartbeat", "queue"):  # they last as long as a page is open
            latency.labels(call.route).observe(seconds)

    def exposition(waiting: int) -> bytes:
        queue.set(waiting)
        return generate_latest(registry)

    return Metrics(observe, exposition)
