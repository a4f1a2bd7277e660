"""Files of a model on the Hub, in huggingface_hub's cache."""

import re
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hub.errors import InputError, disk_error
from hub.version import LIBRARY

COMMIT = re.compile("[0-9a-f]{40}")


def download(
    model_id: str,
    patterns: Sequence[str],
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Path:
    """Return the folder in the cache with the files that match `patterns`.

    Files that are missing are fetched; the folder is named after the commit. Where `revision` is one, nobody
    is asked for files that are there, which would take half a minute without a network. HF_HOME, HF_TOKEN and
    HF_HUB_OFFLINE are heeded. Raises InputError, caused by the error of huggingface_hub, where the files
    cannot be had.
    """
    try:
        if folder := _find_cached(model_id, patterns, revision, cache_dir):
            return folder
        return Path(
            snapshot_download(
                model_id,
                allow_patterns=list(patterns),
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                **LIBRARY,
            )
        )
    except (HFValidationError, HTTPError, LocalEntryNotFoundError) as error:
        raise InputError(_explanation(error, model_id, revision)) from error
    except (OSError, RuntimeError, UnicodeEncodeError) as error:
        if isinstance(error, OSError) and disk_error(error):
            raise
        raise InputError(_explanation(error, model_id, revision)) from error


def _find_cached(
    model_id: str, names: Sequence[str], revision: str | None, cache_dir: str | Path | None
) -> Path | None:
    """Return the folder of a commit in the cache, None without all of these files."""
    if not COMMIT.fullmatch(revision or ""):
        return None
    found = [try_to_load_from_cache(model_id, name, cache_dir=cache_dir, revision=revision) for name in names]
    if not all(isinstance(path, str) for path in found):
        return None
    return Path(found[0]).parents[names[0].count("/")]


def _explanation(error: Exception, model_id: str, revision: str | None) -> str:
    """Return one sentence on what is wrong and what to do."""
    if isinstance(error, LocalEntryNotFoundError):
        commit = f" at the revision {revision}" if revision else ""
        return (
            f"{model_id}{commit} is neither a folder nor in the cache, and the Hub cannot be reached; "
            "give a local model folder, or check the network."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"The model {model_id} has no revision {revision}; give a branch, a tag or a commit of it."
    if isinstance(error, GatedRepoError):
        return f"Access to {model_id} is granted on its page on the Hub; ask for it there, and log in."
    if isinstance(error, HFValidationError | RepositoryNotFoundError):
        return (
            f"There is no model {model_id}, neither as a folder nor on the Hub; "
            "check the name, or log in if it is private."
        )
    if isinstance(error, HfHubHTTPError):
        return f"The Hub did not give {model_id} ({error.response.status_code}); try again later."
    # Their text may quote the token.
    reason = type(error).__name__
    return f"{model_id} cannot be fetched ({reason}); check the network, its proxy, and the token."
