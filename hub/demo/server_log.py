"""The log of both apps: a JSON object a line, nothing of what visitors send.

Messages of libraries and of exceptions may hold names of files and tags of DICOM, so of both only the place
in the code is logged.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from uvicorn.config import LOGGING_CONFIG

LOGGER = logging.getLogger("hub.demo")


class Once(logging.Filter):
    """Of libraries complaints alone, and of the same one a second.

    Where a process has no file left to open, asyncio logs that thousands of times at once.
    """

    last: tuple = ()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        if record.name == LOGGER.name:
            return True
        this = (record.pathname, record.lineno, str(record.msg), int(record.created))
        is_new, self.last = this != self.last, this
        return is_new and record.levelno >= logging.WARNING


class Line(logging.Formatter):
    """A record as one line of JSON; of other loggers only where it was made."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "event": record.name}
        if record.name == LOGGER.name and isinstance(record.msg, dict):
            return json.dumps(line | record.msg)
        line["place"] = f"{Path(record.pathname).name}:{record.lineno}"
        if record.exc_info and record.exc_info[1]:
            line |= described(record.exc_info[1])
        return json.dumps(line)


def install() -> None:
    """Let all logs and warnings of this process be such lines on standard error."""
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers, logger.propagate = [], True
    LOGGING_CONFIG["loggers"].clear()  # by which Uvicorn, where it begins later, would write beside them
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line())
    handler.addFilter(Once())
    logging.getLogger().handlers = [handler]
    logging.captureWarnings(True)
    LOGGER.setLevel(logging.INFO)


def write(event: str, **fields: object) -> None:
    """Log what happened; fields without a value are left out."""
    LOGGER.info({"event": event} | {name: value for name, value in fields.items() if value not in (None, "")})


def described(error: BaseException) -> dict[str, object]:
    """Return the kind of an exception and its places, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    return {"error": type(error).__name__, "places": places}
