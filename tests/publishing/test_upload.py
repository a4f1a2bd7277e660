"""An upload is one commit, whatever happens, to a Hub on loopback."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hub_server import contents, uploads

from hub.publishing import upload

ROOT = Path(__file__).parents[2]


@pytest.fixture
def impatient(monkeypatch):
    """Let nobody here wait between attempts."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def send(folder, **options):
    return upload.upload(folder, "someone/files", "dataset", **options)


def publish(folder, **options):
    def write(copy):
        shutil.copytree(folder, copy, dirs_exist_ok=True)

    return upload.publish(write, "someone/files", "dataset", **options)


@pytest.mark.parametrize(
    ("repo", "environment", "sentence"),
    [
        ("someone/films", {"HF_TOKEN": ""}, "There is no Hub token; log in with `hf auth login`"),
        ("someone/films", {"HF_TOKEN": "hf_wrong"}, "The Hub does not accept the token; log in again"),
        ("someone/films", {"HF_TOKEN": "hf_sécret"}, "The Hub token has spaces or other signs"),
        ("nobody/films", {}, "The Hub knows no nobody that someone, who is logged in, may write to"),
        ("films", {}, "A repo on the Hub is named USER/NAME"),
        ("someone/films", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "The connection to the Hub failed"),
        ("someone/films", {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
    ],
)
def test_who_cannot_publish_reads_why_before_anything_is_done(hub, run_here, repo, environment, sentence):
    code, out, err = run_here("publish", "dataset", "synthetic", repo, **environment)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert hub.repos == {}


@pytest.mark.parametrize(
    "token", ["hf_secret\r", "hf_secret\n", " hf_secret", "hf_sec\x01ret", "hf_s\u00e9cret"]
)
def test_a_token_that_cannot_be_sent_is_refused_without_a_word_of_it(hub, run_here, token):
    code, out, err = run_here("publish", "dataset", "synthetic", "someone/films", "--token", token)
    assert (code, out) == (2, "") and "The Hub token has spaces or other signs" in err
    assert "cret" not in err and hub.requests == []


def test_a_refusal_on_the_way_is_one_sentence(hub, call, folder):
    hub.faults.append(lambda method, path: 403 if path == "/api/repos/create" else None)
    code, _, err = call(send, folder)
    assert code == 2
    assert "The token may not write to someone/files" in err
    hub.faults[:] = [lambda method, path: 400 if path == "/api/validate-yaml" else None]
    code, _, err = call(send, folder)
    assert code == 2
    assert "refuses the upload to someone/files, which is as it was" in err
    assert "Traceback" not in err
    hub.faults[:] = [lambda method, path: 400 if "/commit/" in path else None]
    code, _, err = call(send, folder)
    assert code == 2
    assert "The Hub refuses the upload to someone/files, which is as it was" in err
    assert "Traceback" not in err
    assert hub.files("dataset", "someone/files") == {}


# One commit, whatever happens


# The client waits longer and longer between its attempts, 23 s in all.
IMPATIENT = "import time; time.sleep = lambda seconds: None\n"
UPLOAD = """
import sys
from pathlib import Path
from hub.errors import run_command
from hub.publishing.upload import upload
run_command("upload", lambda: print(upload(Path(sys.argv[1]), "someone/files", "dataset")))
"""


def test_an_upload_is_one_commit_and_the_next_one_sends_only_what_is_new(hub, call, folder):
    assert call(send, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder)
    (folder / "data" / "a.parquet").rename(folder / "data" / "c.parquet")
    (folder / "data" / "b.parquet").write_bytes(b"new" * 9_000)
    assert call(send, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder), "what is gone here is gone there"
    assert hub.commits("dataset", "someone/files") == 2
    assert len(uploads(hub)) == 3
    assert call(send, folder)[0] == 0
    assert hub.commits("dataset", "someone/files") == 2, "nothing new, no commit"


def test_a_rate_limit_is_waited_for_and_said(hub, call, folder, impatient):
    left = {"/api/repos/create": 1, "/api/datasets/someone/files/commit/main": 2}

    def limit(method, path):
        left[path] = left.get(path, 0) - 1
        return 429 if left[path] >= 0 else None

    hub.faults.append(limit)
    code, _, err = call(send, folder)
    assert code == 0, err
    assert err.count("The Hub takes no more requests; trying again in") == 3
    assert hub.commits("dataset", "someone/files") == 1
    assert len(uploads(hub)) == 2


def test_a_connection_cut_at_the_commit_changes_nothing_and_the_next_try_sends_no_file_again(
    hub, call, folder, impatient
):
    hub.faults.append(lambda method, path: "cut" if "/commit/" in path else None)
    code, _, err = call(send, folder)
    assert code == 2
    assert "someone/files is as it was" in err and "give the same command again" in err
    assert "Traceback" not in err
    assert hub.files("dataset", "someone/files") == {}
    hub.faults.clear()
    assert call(send, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder)
    assert len(uploads(hub)) == 2


def test_a_commit_whose_answer_is_lost_is_not_said_to_be_missing_and_not_made_twice(
    hub, call, folder, impatient
):
    hub.faults.append(lambda method, path: "unanswered" if "/commit/" in path else None)
    code, _, err = call(send, folder)
    assert code == 2 and "or has all of it" in err
    assert hub.files("dataset", "someone/files") == contents(folder)
    hub.faults.clear()
    assert call(send, folder)[0] == 0
    assert hub.commits("dataset", "someone/files") == 1


@pytest.mark.parametrize("fault", ["cut", "killed"])
def test_an_upload_that_ends_in_the_middle_changes_nothing_and_the_next_try_goes_on(
    hub, start, call, folder, fault
):
    seen, reached, go_on = [], threading.Event(), threading.Event()

    def second(method, path):
        """One file arrives; the connection of the other is cut again and again, or hangs."""
        if method != "PUT" or path in seen[:1]:
            return None
        seen.append(path)
        if len(seen) == 1:
            return None
        reached.set()
        return "cut" if fault == "cut" else go_on.wait(30) and "cut"

    hub.faults.append(second)
    process = start("-c", IMPATIENT + UPLOAD, folder)
    assert reached.wait(60)
    while not hub.blobs:
        time.sleep(0.05)
    if fault == "killed":
        process.kill()
    _, err = process.communicate(timeout=60)
    go_on.set()
    assert process.returncode == (2 if fault == "cut" else -signal.SIGKILL)
    assert ("check the network and give the same command again" in err) == (fault == "cut")
    assert hub.files("dataset", "someone/files") == {}
    hub.faults.clear(), hub.requests.clear()
    assert call(send, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder)
    assert len(uploads(hub)) == 1, "the file that had arrived is not sent again"


def test_what_a_killed_upload_had_prepared_is_deleted_by_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    prepared = []

    def write(folder):
        prepared.append(folder)
        (folder / "film.png").write_bytes(b"x")

    def send(folder, *_, **options):
        assert [path.name for path in folder.iterdir()] == ["film.png"]
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        return "sent"

    monkeypatch.setattr(upload, "check_access", lambda *_: None)
    monkeypatch.setattr(upload, "upload", send)
    (place,) = {path.parent for path in _prepare_and_die(tmp_path)}
    assert [path.name for path in place.rglob("*.png")] == ["film.png"]
    assert upload.publish(write, "someone/files", "dataset") == "sent"
    assert prepared[0].parent.parent == place
    assert [*place.iterdir()] == []


def _prepare_and_die(folder):
    """The folders of a publishing process that is killed while it writes its upload."""
    code = "import os, signal\nfrom hub.publishing import upload\n"
    code += "def write(folder):\n    (folder / 'film.png').write_bytes(b'x')\n"
    code += "    os.kill(os.getpid(), signal.SIGKILL)\n"
    code += "upload.check_access = lambda *_: None\nupload.publish(write, 'someone/files', 'dataset')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)})
    assert done.returncode == -signal.SIGKILL
    return [*folder.glob("*/run-*")]


def test_a_cut_connection_is_tried_again(hub, call, folder, impatient):
    cuts = iter(["cut"])
    hub.faults.append(lambda method, path: next(cuts, None) if method == "PUT" else None)
    code, _, err = call(send, folder)
    assert code == 0, err
    assert hub.files("dataset", "someone/files") == contents(folder)


def test_a_private_repo_a_branch_and_a_pull_request(hub, call, folder):
    assert call(send, folder, private=True, revision="next")[0] == 0
    repo = hub.repos["dataset", "someone/files"]
    assert repo.private
    assert hub.files("dataset", "someone/files", "next") == contents(folder)
    code, out, _ = call(send, folder, create_pr=True)
    assert out.strip() == f"{hub.url}/datasets/someone/files/discussions/2"
    assert hub.files("dataset", "someone/files", "refs/pr/2") == contents(folder)
    assert hub.files("dataset", "someone/files") == {}
    repo.private = False
    code, _, err = call(send, folder, private=True)
    assert code == 2
    assert "is there already and public" in err
    assert hub.files("dataset", "someone/files") == {}, "what is to be private never becomes public"


# Tags


def test_a_tag_names_the_commit_and_never_moves(hub, call, folder):
    code, _, err = call(publish, folder, tag="v1.0")
    assert code == 0, err
    first = contents(folder)
    (folder / "data" / "b.parquet").write_bytes(b"new" * 9_000)
    code, _, err = call(publish, folder, tag="v1.0")
    assert code == 2
    assert "someone/files has a tag v1.0 already" in err
    assert hub.commits("dataset", "someone/files") == 1, "nothing was uploaded"
    assert call(publish, folder, tag="v1.1")[0] == 0
    repo = hub.repos["dataset", "someone/files"]
    assert repo.tags == {"v1.0": first, "v1.1": contents(folder)}


def test_a_tag_that_could_not_be_made_is_made_by_the_same_command(hub, call, folder):
    hub.faults.append(lambda method, path: 403 if "/tag/" in path else None)
    code, _, err = call(publish, folder, tag="v1.0")
    assert code == 2
    assert "is there, without its tag v1.0" in err
    assert "Traceback" not in err
    hub.faults.clear()
    assert call(publish, folder, tag="v1.0")[0] == 0
    assert hub.repos["dataset", "someone/files"].tags == {"v1.0": contents(folder)}
    assert hub.commits("dataset", "someone/files") == 1


@pytest.mark.parametrize("tag", ["", "a b", "../main", "-v", "v1..2", "v1.lock", "é"])
def test_what_is_no_name_of_a_tag_is_refused_before_anything_is_done(hub, call, folder, tag):
    code, _, err = call(publish, folder, tag=tag)
    assert code == 2
    assert "A tag is named like v1.0" in err
    assert hub.requests == []


def test_a_pull_request_takes_no_tag(hub, call, folder):
    code, _, err = call(publish, folder, tag="v1.0", create_pr=True)
    assert code == 2
    assert "leave --tag out" in err
    assert hub.requests == []
