"""Names of repositories on the Hub, of their tags, and of licences there."""

import re

from hub.errors import InputError

HUB_DATASET = "hf-vision/chest-xray-pneumonia"  # what train.py reads by default


def is_hub_id(source: str) -> bool:
    """Return whether `source` has the form of a Hub id, USER/NAME.

    The path of a folder may have this form too.
    """
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source) is not None


def check_repo_id(repo_id: str) -> None:
    """Raise InputError where `repo_id` is not USER/NAME."""
    from huggingface_hub.errors import HFValidationError  # for is_hub_id the command line does without
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        repo_id = ""
    if "/" not in repo_id:
        raise InputError("A repo on the Hub is named USER/NAME, letters, digits, - and _; give such a name.")


def check_token(token: str | None) -> None:
    """Raise InputError, which quotes no letter of it, for what cannot be a token.

    What is sent with a space or a line end in it, libraries refuse with all of it in their message.
    """
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise InputError(
            "The Hub token has spaces or other signs than a token has; give it again, or log in with "
            "`hf auth login`."
        )


def check_tag(tag: str) -> None:
    """Raise InputError for what cannot be the name of a tag."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", tag) or ".." in tag or tag.endswith((".", ".lock")):
        raise InputError(f"A tag is named like v1.0, letters, digits, ., - and _, and {tag!r} is none.")


def check_license(license: str) -> None:
    """Raise InputError for what cannot be one of the Hub's identifiers of licences."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", license):
        raise InputError(
            f"The Hub names licences like apache-2.0, mit or cc-by-4.0, and {license!r} is none; "
            "give such a name, or other."
        )
