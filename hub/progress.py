"""Progress bars on a terminal; none in a redirected log, which they would fill."""

from functools import partial

from tqdm.auto import tqdm

progress = partial(tqdm, disable=None)  # None: where the output is no terminal
