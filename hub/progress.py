"""Progress bars on a terminal; none in a redirected log, which they would fill."""

import os

from tqdm.auto import tqdm


def progress(*arguments: object, **options: object) -> tqdm:
    """Return tqdm's bar, hidden off a terminal and where TQDM_DISABLE is set."""
    return tqdm(*arguments, disable=bool(os.environ.get("TQDM_DISABLE")) or None, **options)
