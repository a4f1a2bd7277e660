"""A small Hub on loopback: as much of its HTTP API as the real clients need to publish and to load."""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from hub.models.folder import BUNDLED

LFS_FROM = 10_000  # bytes; the Hub decides by file type as well
BINARY = (".safetensors", ".onnx", ".parquet", ".png", ".jpg", ".jpeg")
PREFIX = {"datasets/": "dataset", "spaces/": "space"}


@dataclass
class Repo:
    private: bool = False
    # revision name -> list of commits, each {path: content}; the last one is its head
    branches: dict[str, list[dict[str, bytes]]] = field(default_factory=lambda: {"main": [{}]})
    tags: dict[str, dict[str, bytes]] = field(default_factory=dict)  # name -> files of the commit


@dataclass
class Hub:
    """What the server knows.

    `faults` are asked before every request: (method, path) -> a status to answer with, "cut" or None;
    after "unanswered" what was asked for is done, and nobody is told.
    """

    token: str = "hf_loopback"
    user: str = "someone"
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)  # the User-Agent of each request
    faults: list = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def files(self, kind: str, name: str, revision: str = "main") -> dict[str, bytes]:
        """Return path and content of all files of a repo."""
        return self.repos[kind, name].branches[revision][-1]

    def commits(self, kind: str, name: str) -> int:
        """Return how many commits there were since the repo was made."""
        return len(self.repos[kind, name].branches["main"]) - 1


def oid_of(files: dict[str, bytes]) -> str:
    parts = [f"{path} {hashlib.sha1(content).hexdigest()}" for path, content in sorted(files.items())]
    return hashlib.sha1("\n".join(parts).encode()).hexdigest()


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_lfs(path: str, content_size: int) -> bool:
    return path.endswith(BINARY) or content_size > LFS_FROM


def serve(hub: Hub) -> ThreadingHTTPServer:
    """Return a server on a free port of loopback that is already answering."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments) -> None:
            pass

        def handle_any(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                self.body = self.read_chunks()
            url = urlsplit(self.path)
            self.query = parse_qs(url.query)
            path = unquote(url.path)
            hub.requests.append(f"{self.command} {path}")
            hub.agents.append(self.headers.get("User-Agent", ""))
            for fault in hub.faults:
                answer = fault(self.command, path)
                if answer == "cut":
                    self.close_connection = True
                    self.connection.close()
                    return
                if answer == "unanswered":
                    self.reply = lambda *content: None
                    self.close_connection = True
                elif answer:
                    return self.reply({"error": "as the test wanted"}, answer, {"Retry-After": "0"})
            with hub.lock:
                self.route(path)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

        def read_chunks(self) -> bytes:
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def reply(self, content: object = None, status: int = 200, headers: dict | None = None) -> None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            given = {"Content-Type": "application/json", "Content-Length": str(len(data))} | (headers or {})
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def refuse(self, status: int, code: str, message: str) -> None:
            self.reply({"error": message}, status, {"X-Error-Code": code, "X-Error-Message": message})

        def is_owner(self) -> bool:
            return self.headers.get("Authorization") == f"Bearer {hub.token}"

        def route(self, path: str) -> None:
            if path == "/api/whoami-v2":
                if not self.is_owner():
                    return self.refuse(401, "", "Invalid credentials in Authorization header")
                return self.reply({"type": "user", "name": hub.user, "orgs": [], "auth": {}})
            if path == "/api/validate-yaml":
                return self.reply({"errors": [], "warnings": []})
            if path == "/api/repos/create":
                return self.create(json.loads(self.body))
            if found := re.fullmatch(r"/lfs/([0-9a-f]{64})", path):
                return self.store(found[1])
            if found := re.fullmatch(r"/api/(model|dataset|space)s/([^/]+/[^/]+)(?:/(.*))?", path):
                return self.api(found[1], found[2], found[3] or "")
            if path.endswith(".git/info/lfs/objects/batch"):
                return self.batch()
            pattern = r"/(datasets/|spaces/)?([^/]+/[^/]+)/resolve/(refs/pr/\d+|[^/]+)/(.*)"
            if found := re.fullmatch(pattern, path):
                return self.resolve(PREFIX.get(found[1] or "", "model"), found[2], found[3], found[4])
            self.refuse(404, "EntryNotFound", f"nothing at {path}")

        def create(self, wanted: dict) -> None:
            owner = wanted.get("organization") or hub.user
            if not self.is_owner():
                return self.refuse(401, "", "Invalid username or password.")
            if owner != hub.user:
                return self.refuse(403, "", f"You don't have the rights to create a repo under {owner}")
            key = wanted.get("type") or "model", f"{owner}/{wanted['name']}"
            prefix = "" if key[0] == "model" else f"{key[0]}s/"
            url = f"http://{self.headers['Host']}/{prefix}{key[1]}"
            if key in hub.repos:
                return self.reply({"error": "You already created this repo", "url": url}, 409)
            private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
            hub.repos[key] = Repo(private)
            self.reply({"url": url, "name": key[1]})

        def repo(self, kind: str, name: str) -> Repo | None:
            repo = hub.repos.get((kind, name))
            if repo is None or (repo.private and not self.is_owner()):
                self.refuse(404 if self.is_owner() else 401, "RepoNotFound", "Repository not found")
                return None
            return repo

        def commit_at(self, repo: Repo, revision: str) -> dict[str, bytes] | None:
            for commits in repo.branches.values():
                for commit in commits:
                    if oid_of(commit) == revision:
                        return commit
            if revision in repo.branches:
                return repo.branches[revision][-1]
            if revision in repo.tags:
                return repo.tags[revision]
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None

        def api(self, kind: str, name: str, rest: str) -> None:
            repo = self.repo(kind, name)
            if repo is None:
                return
            verb, _, argument = rest.partition("/")
            if verb in ("preupload", "commit", "branch", "tag") and not self.is_owner():
                return self.refuse(401, "", "Invalid username or password.")
            if verb == "commit":
                return self.commit(kind, name, repo, argument)
            if verb == "branch":
                if argument in repo.branches:
                    return self.refuse(409, "", "Reference already exists")
                repo.branches[argument] = repo.branches["main"][-1:]
                return self.reply({})
            revision, _, inner = argument.partition("/")
            if argument.startswith("refs/"):
                revision, inner = "/".join(argument.split("/")[:3]), "/".join(argument.split("/")[3:])
            files = self.commit_at(repo, revision or "main")
            if files is None:
                return
            if verb == "tag":
                repo.tags[json.loads(self.body)["tag"]] = files
                return self.reply({})
            if verb in ("", "revision"):
                row = {"id": name, "modelId": name, "sha": oid_of(files), "private": repo.private, "tags": []}
                return self.reply(row | {"siblings": [{"rfilename": path} for path in files]})
            if verb == "preupload":
                return self.preupload(json.loads(self.body)["files"], files)
            if verb == "tree":
                return self.tree(files, inner)
            if verb == "paths-info":
                form = parse_qs(self.body.decode()) if b"=" in self.body[:20] else json.loads(self.body)
                paths = [path.strip("/") for path in form["paths"]]
                rows = [row for row in self.entries(files, "", True) if row["path"] in paths]
                return self.reply(rows)
            if verb == "refs":
                branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": oid_of(files)}
                tags = [
                    {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid_of(commit)}
                    for tag, commit in repo.tags.items()
                ]
                return self.reply({"branches": [branch], "converts": [], "tags": tags})
            self.refuse(404, "EntryNotFound", f"no {verb} here")

        def preupload(self, wanted: list[dict], files: dict[str, bytes]) -> None:
            rows = []
            for file in wanted:
                lfs = is_lfs(file["path"], file["size"])
                row = {"path": file["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
                if file["path"] in files:
                    old = files[file["path"]]
                    row["oid"] = hashlib.sha256(old).hexdigest() if lfs else blob_id(old)
                rows.append(row)
            self.reply({"files": rows})

        def batch(self) -> None:
            host, objects = self.headers["Host"], []
            for wanted in json.loads(self.body)["objects"]:
                here = {"oid": wanted["oid"], "size": wanted["size"]}
                if wanted["oid"] not in hub.blobs:
                    here["actions"] = {"upload": {"href": f"http://{host}/lfs/{wanted['oid']}"}}
                objects.append(here)
            self.reply({"transfer": "basic", "objects": objects})

        def store(self, oid: str) -> None:
            if hashlib.sha256(self.body).hexdigest() != oid:
                return self.refuse(400, "", "the content is not what its name says")
            hub.blobs[oid] = self.body
            self.reply({})

        def commit(self, kind: str, name: str, repo: Repo, revision: str) -> None:
            if revision not in repo.branches:
                return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            files = dict(repo.branches[revision][-1])
            for line in map(json.loads, self.body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    if value["oid"] not in hub.blobs:
                        return self.refuse(400, "", f"{value['path']} was never uploaded")
                    files[value["path"]] = hub.blobs[value["oid"]]
                elif line["key"] == "deletedFile":
                    files.pop(value["path"])
            prefix = "" if kind == "model" else f"{kind}s/"
            url = f"http://{self.headers['Host']}/{prefix}{name}"
            answer = {"commitOid": oid_of(files), "commitUrl": f"{url}/commit/{oid_of(files)}"}
            if "create_pr" in self.query:
                number = len(repo.branches)
                repo.branches[f"refs/pr/{number}"] = [files]
                answer["pullRequestUrl"] = f"{url}/discussions/{number}"
            else:
                repo.branches[revision].append(files)
            self.reply(answer)

        def entries(self, files: dict[str, bytes], inner: str, recursive: bool) -> list[dict]:
            inner = f"{inner.strip('/')}/" if inner else ""
            rows = {}
            for path, content in files.items():
                if not path.startswith(inner):
                    continue
                parts = path[len(inner) :].split("/")
                for depth in range(1, len(parts)):
                    folder = inner + "/".join(parts[:depth])
                    if recursive or depth == 1:
                        oid = hashlib.sha1(folder.encode()).hexdigest()
                        rows[folder] = {"type": "directory", "path": folder, "oid": oid, "size": 0}
                if recursive or len(parts) == 1:
                    row = {"type": "file", "path": path, "oid": blob_id(content), "size": len(content)}
                    if is_lfs(path, len(content)):
                        sha = hashlib.sha256(content).hexdigest()
                        row["lfs"] = {"oid": sha, "size": len(content), "pointerSize": 130}
                    rows[path] = row
            return list(rows.values())

        def tree(self, files: dict[str, bytes], inner: str) -> None:
            recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
            rows = self.entries(files, inner, recursive)
            if inner and not rows:
                return self.refuse(404, "EntryNotFound", f"{inner} does not exist")
            self.reply(rows)

        def resolve(self, kind: str, name: str, revision: str, path: str) -> None:
            repo = self.repo(kind, name)
            files = self.commit_at(repo, revision) if repo else None
            if files is None:
                return
            headers = {"X-Repo-Commit": oid_of(files), "Accept-Ranges": "bytes"}
            if path not in files:
                headers |= {"X-Error-Code": "EntryNotFound"}
                return self.reply({"error": "Entry not found"}, 404, headers)
            content = files[path]
            etag = hashlib.sha256(content).hexdigest() if is_lfs(path, len(content)) else blob_id(content)
            headers |= {"ETag": f'"{etag}"', "Content-Type": "application/octet-stream"}
            if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
                start, end = int(wanted[1]), int(wanted[2] or len(content) - 1)
                headers["Content-Range"] = f"bytes {start}-{min(end, len(content) - 1)}/{len(content)}"
                return self.reply(content[start : end + 1], 206, headers)
            self.reply(content, 200, headers)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()  # seconds to stop in
    return server


def contents(folder):
    """Return the bytes of every file in a folder, by its path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def write(files, folder):
    """Write files, bytes by path, into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def put_model(hub):
    """Put the bundled model on the Hub as someone/model."""
    hub.repos["model", "someone/model"] = Repo(branches={"main": [{}, contents(BUNDLED)]})


def fetched(hub):
    """Return the names of the files of the model that were asked for whole."""
    pattern = r"GET /someone/model/resolve/[^/]+/(.*)"
    return sorted({found[1] for request in hub.requests if (found := re.fullmatch(pattern, request))})


def uploads(hub):
    """Return the requests that sent a file."""
    return [request for request in hub.requests if request.startswith("PUT /lfs/")]
