"""Upload a folder to the Hub, as a data set, a model or a Space: one commit each."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from huggingface_hub import (
    CommitInfo,
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    SpaceCard,
    get_token,
    hf_hub_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import parse_ratelimit_headers
from tqdm.auto import tqdm

from hub.errors import InputError, disk_error
from hub.files import new_folder
from hub.models.folder import read_named_config
from hub.repo_id import check_repo_id, check_tag, check_token
from hub.temporary import temporary_folder
from hub.version import LIBRARY

PARENT = "chest-xray-publish"  # in the system's temporary folder, for each user of the machine
RATE_LIMIT_TRIES, RATE_LIMIT_WAIT = 10, 60  # seconds, where the Hub names none


def publish(
    write: Callable[[Path], object],
    repo_id: str,
    kind: str,
    *,
    dry_run: Path | None = None,
    private: bool = False,
    revision: str | None = None,
    tag: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
) -> str:
    """Let `write` fill a folder and upload it as one commit; return the commit's URL.

    `kind` is "dataset", "model" or "space". With `dry_run` nothing is uploaded: the folder is written there,
    its path returned, and no network is needed. The commit gets the `tag`, if there is one. Raises InputError
    like `check_access`, `upload` and `write`.
    """
    check_repo_id(repo_id)
    if tag is not None:
        check_tag(tag)
        if create_pr:
            raise InputError("A pull request has no tag until it is merged; leave --tag out.")
    if dry_run:
        with new_folder(dry_run, option="--dry-run") as folder, _disk_errors(folder.parent):
            write(folder)
        return str(dry_run)
    if create_pr and revision not in (None, "main"):
        raise InputError("The Hub opens pull requests against main alone; leave --revision out.")
    check_access(repo_id, token, create_pr)
    if tag:
        _check_free(tag, repo_id, kind, token)
    with temporary_folder(PARENT) as place:
        folder = place / "upload"
        with _disk_errors(place):
            folder.mkdir()
            write(folder)
        return upload(
            folder,
            repo_id,
            kind,
            private=private,
            revision=revision,
            tag=tag,
            create_pr=create_pr,
            token=token,
        )


@contextmanager
def _disk_errors(place: Path) -> Iterator[None]:
    """Turn what a full disk raises while the upload is prepared into one sentence."""
    try:
        yield
    except OSError as error:
        reason = disk_error(error)
        if reason is None:
            raise
        raise InputError(
            f"The upload cannot be prepared in {place} ({reason}); let TMPDIR, or --dry-run, "
            "name a disk with room."
        ) from None


def check_access(repo_id: str, token: str | None = None, create_pr: bool = False) -> None:
    """Raise InputError for an upload that would be refused; create nothing.

    Reasons: no token or a wrong one, a token that may only read, a namespace of somebody else, no network.
    """
    check_repo_id(repo_id)
    with _hub_errors(repo_id):
        check_token(token or get_token())
        user = _wait_for_rate_limit(HfApi(token=token, **LIBRARY).whoami)
    if user.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise InputError(
            f"The Hub token of {user['name']} may only read; make one that may write, and log in."
        )
    namespaces = [user["name"], *(organization["name"] for organization in user.get("orgs", ()))]
    owner, name = repo_id.split("/")
    if owner.lower() not in map(str.lower, namespaces) and not create_pr:
        raise InputError(
            f"The Hub knows no {owner} that {user['name']}, who is logged in, may write to; "
            f"give one of {', '.join(f'{namespace}/{name}' for namespace in namespaces)}."
        )


def read_model_config(model_id: str, token: str | None = None) -> dict:
    """Return config.json of a model on the Hub.

    Raises InputError where there is none, or one that the demo cannot show.
    """
    check_repo_id(model_id)
    with _hub_errors(model_id):
        try:
            file = _wait_for_rate_limit(
                lambda: hf_hub_download(model_id, "config.json", token=token, **LIBRARY)
            )
            served = _wait_for_rate_limit(
                lambda: HfApi(token=token, **LIBRARY).file_exists(model_id, "onnx/model.onnx")
            )
        except (RepositoryNotFoundError, RemoteEntryNotFoundError):
            raise InputError(
                f"There is no model {model_id} on the Hub; `python -m hub publish model` puts it there."
            ) from None
    if not served:
        raise InputError(
            f"{model_id} has no onnx/model.onnx; put a model of this repo there with "
            "`python -m hub publish model`."
        )
    try:
        return read_named_config(Path(file).parent)
    except InputError as error:
        raise InputError(str(error).replace(str(Path(file).parent), model_id)) from None


def _check_free(tag: str, repo_id: str, kind: str, token: str | None) -> None:
    """Raise InputError where the repo has the tag already; tags do not move."""
    with _hub_errors(repo_id), suppress(RepositoryNotFoundError):
        refs = _wait_for_rate_limit(
            lambda: HfApi(token=token, **LIBRARY).list_repo_refs(repo_id, repo_type=kind)
        )
        if tag in (there.name for there in refs.tags):
            raise InputError(f"{repo_id} has a tag {tag} already, which stays where it is; give another.")


def upload(
    folder: Path,
    repo_id: str,
    kind: str,
    *,
    private: bool = False,
    revision: str | None = None,
    tag: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
) -> str:
    """Upload the files of `folder` as one commit; return its URL.

    Creates the repo where there is none. Files that the repo has already are not sent again; files that it
    has in one of the uploaded folders (data/, onnx/ …) and `folder` has not are deleted in the same commit.
    Waits where the Hub limits requests. `tag` names the commit. Raises InputError: no permission, no network,
    a private upload to a public repo.
    """
    api = HfApi(token=token, **LIBRARY)
    files = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    # In a hidden one, such as .eval_results, others have files too.
    folders = {name.split("/")[0] for name in files if "/" in name and name[0] != "."}

    def commit() -> CommitInfo:
        sdk = {"space_sdk": SpaceCard.load(folder / "README.md").data.sdk} if kind == "space" else {}
        api.create_repo(repo_id, repo_type=kind, private=private or None, exist_ok=True, **sdk)
        if private and not api.repo_info(repo_id, repo_type=kind).private:
            raise InputError(
                f"{repo_id} is there already and public; make it private first, or leave --private."
            )
        if revision and not create_pr:
            api.create_branch(repo_id, branch=revision, repo_type=kind, exist_ok=True)
        there = api.list_repo_files(repo_id, repo_type=kind, revision=revision)
        stale = [name for name in there if name.split("/")[0] in folders and name not in files]
        # upload_folder would commit several times where hf_xet is installed, and readers see half of it.
        return api.create_commit(
            repo_id,
            [CommitOperationAdd(name, path) for name, path in files.items()]
            + [CommitOperationDelete(name) for name in stale],
            commit_message=f"Publish {kind}",
            repo_type=kind,
            revision=revision,
            create_pr=create_pr,
        )

    with _hub_errors(repo_id):
        done = _wait_for_rate_limit(commit)
    if tag:
        _tag(done, tag, repo_id, kind, api)
    return done.pr_url or done.commit_url


def _tag(done: CommitInfo, tag: str, repo_id: str, kind: str, api: HfApi) -> None:
    """Name a commit; raise InputError where it cannot be named."""
    try:
        _wait_for_rate_limit(
            lambda: api.create_tag(repo_id, tag=tag, revision=done.oid, repo_type=kind, exist_ok=True)
        )
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        reason = _reason(_root_cause(error))
        raise InputError(
            f"{done.commit_url} is there, without its tag {tag} ({reason}); the same command makes it."
        ) from None


def _wait_for_rate_limit(call: Callable[[], object]) -> object:
    """Return what `call` returns, waiting as long as the Hub's rate limit asks for."""
    for tries_left in reversed(range(RATE_LIMIT_TRIES)):
        try:
            return call()
        except (HfHubHTTPError, RuntimeError) as error:
            cause = _root_cause(error)
            limited = isinstance(cause, HfHubHTTPError) and cause.response.status_code == 429
            if not limited or not tries_left:
                raise
            headers = cause.response.headers
            limit = parse_ratelimit_headers(headers)
            named = headers.get("Retry-After", "")
            seconds = limit.reset_in_seconds if limit else int(named) if named.isdigit() else RATE_LIMIT_WAIT
        tqdm.write(f"The Hub takes no more requests; trying again in {seconds + 1} s", file=sys.stderr)
        time.sleep(seconds + 1)


@contextmanager
def _hub_errors(repo_id: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into an InputError of one sentence."""
    try:
        yield
    except InputError:
        raise
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        # A ValueError is a card, or an answer, that the Hub or its client cannot make sense of.
        raise InputError(_explanation(_root_cause(error), repo_id)) from None


def _root_cause(error: Exception) -> BaseException:
    """Return the cause of a RuntimeError, or else the error itself.

    huggingface_hub wraps what fails while a file is sent.
    """
    return error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error


def _reason(error: BaseException) -> str:
    """Return the first line of an error, or its name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _explanation(error: BaseException, repo_id: str) -> str:
    if isinstance(error, LocalTokenNotFoundError):
        return "There is no Hub token; log in with `hf auth login`, or set HF_TOKEN."
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so nothing can be uploaded; unset it."
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status == 401:
        return (
            "The Hub does not accept the token; log in again with `hf auth login`, or set another HF_TOKEN."
        )
    if status in (403, 404):
        return (
            f"The token may not write to {repo_id}; give a repo of your own, or a token that may write to it."
        )
    if status == 429:
        return "The Hub still takes no more requests; wait an hour and give the same command again."
    reason = _reason(error)
    if status and status < 500:
        reason = (error.server_message or reason).splitlines()[0].rstrip(".")
        return f"The Hub refuses the upload to {repo_id}, which is as it was ({status}: {reason})."
    if isinstance(error, ValueError):
        return f"The Hub or its client refuses the upload to {repo_id}, which is as it was ({reason})."
    return (
        f"The connection to the Hub failed, and {repo_id} is as it was, or has all of it if only the answer "
        f"was lost; check the network and give the same command again, which sends only what is not there "
        f"yet ({reason})."
    )
