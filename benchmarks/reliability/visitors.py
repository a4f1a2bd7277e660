"""Visitors of the demo for Locust: `load` runs `locust -f` with this file."""

import io
import os
import random
import uuid

from locust import HttpUser, between, constant, task
from PIL import Image

from benchmarks.serving import sample_event
from hub.imaging.synthetic import sample_radiographs

ONCE = os.environ.get("VISITORS") == "once"  # they come once, for one answer


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


FILMS = [_jpeg(image) for image in sample_radiographs(8)[0]]
LARGE = _jpeg(sample_radiographs(1)[0][0].resize((3000, 3000)))
BAD = b"no picture at all" * 100


class Visitor(HttpUser):
    """One who opens the page, clicks, and uploads films and what is none."""

    wait_time = constant(3600) if ONCE else between(1, 3)

    def on_start(self) -> None:
        """Open the page; a visitor who comes once clicks on one example."""
        self.session = uuid.uuid4().hex[:11]
        # An address of their own, as behind the proxy of a Space: what one client may send is limited.
        self.client.headers["X-Forwarded-For"] = f"8.8.{random.randrange(256)}.{random.randrange(256)}"
        self.ask("/", "get")
        self.event, self.samples = sample_event(self.host)
        self.click()

    def ask(self, path: str, method: str = "post", expected: tuple = (200,), **options):
        """Send a request that is to be answered by one of these statuses."""
        with getattr(self.client, method)(path, catch_response=True, name=path, **options) as answer:
            if answer.status_code in expected or (ONCE and answer.status_code in (429, 503)):
                answer.success()  # or told to wait
            else:
                answer.failure(f"{answer.status_code}: {answer.text[:80]}")
            return answer

    def upload(self, content: bytes) -> dict:
        """Upload a file; return it as the API takes it."""
        path = self.ask("/gradio_api/upload", files={"files": ("film.jpeg", content)}).json()[0]
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    @task(6)
    def click(self) -> None:
        """Click on an example."""
        place = {"session_hash": self.session, "event_data": {"index": random.randrange(self.samples)}}
        self.ask("/gradio_api/run/predict", json=self.event | place)

    @task(3)
    def classify(self) -> None:
        """Upload a film."""
        self.ask("/gradio_api/run/classify", json={"data": [self.upload(random.choice(FILMS))]})

    @task(1)
    def classify_large(self) -> None:
        """Upload a film of nine megapixels."""
        self.ask("/gradio_api/run/classify", json={"data": [self.upload(LARGE)]})

    @task(1)
    def classify_bad(self) -> None:
        """Upload what is no picture, and ask for what was not uploaded."""
        self.ask("/gradio_api/run/classify", expected=(400,), json={"data": [self.upload(BAD)]})
        self.ask("/gradio_api/run/classify", expected=(400,), json={"data": [{"path": "/etc/passwd"}]})
