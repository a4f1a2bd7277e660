"""The exception that users read, and the exit codes of commands."""

import errno
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from subprocess import CalledProcessError

from hub.text import one_line

# What is wrong with a disk, a path or its permissions; any other OSError may be a mistake of the code.
DISK_ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
    errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ETXTBSY,
}  # fmt: skip

# How a system refuses a process more than `ulimit` allows it.
FEW_FILES, FEW_PROCESSES = {errno.EMFILE, errno.ENFILE}, {errno.EAGAIN}
# How torch says that the memory of a CPU or a GPU ran out, and the loader of libraries.
NO_MEMORY = re.compile(
    "out of memory|not enough memory|can.t allocate memory|failed to map segment", re.IGNORECASE
)
# The group of pyproject.toml that brings a package; "train" brings all others.
EXTRAS = {"fsspec": "score", "pyarrow": "score", "ray": "ray"} | dict.fromkeys(
    ("cleanlab", "keras", "locust", "playwright", "psutil", "tensorflow"), "benchmarks"
)
# What brings a group in a clone; requirements.txt brings all others.
IN_CLONE = {"ray": "pip install '.[ray]'", "benchmarks": "pip install -r benchmarks/requirements.txt"}
OURS = ("hub", "benchmarks")  # whose missing module would be a mistake of the code


class InputError(ValueError):
    """An input that cannot be used.

    The message is one sentence for the user: what is wrong and what to do. The command line prints it and
    exits with 2; the apps show it in place of an answer.
    """

    def __init__(self, sentence: str):
        """Keep a sentence on one line, whatever the names in it hold."""
        super().__init__(one_line(sentence))


def run_command(
    name: str, main: Callable[[], int | None], interrupted: Callable[[], str] = lambda: "stopped."
) -> None:
    """Call `main`, and exit the process with its `exit_code` unless that is 0."""
    if code := exit_code(name, main, interrupted):
        sys.exit(code)


def exit_code(name: str, main: Callable[[], int | None], interrupted: Callable[[], str]) -> int:
    """Call `main` and return the exit code of the process.

    It is what `main` returns, with 0 for None; 2 after an InputError, whose sentence is printed, after one of
    DISK_ERRORS, such as a full disk, where memory, open files or processes run out, where a library is not
    installed, and where a program that was called fails; 130 after Ctrl-C, when the sentence that
    `interrupted` returns is printed, unless it is empty; 1 where nobody reads the output any more.
    """
    open_streams()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _check_working_folder()
        code = main() or 0
        sys.stdout.flush()  # at the end of the process, an error could not be caught
        return code
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if sentence := interrupted():
            print(f"{name}: {sentence}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output, `head` say, has closed it
        _flush_or_drop_output()
        return 1
    except (OSError, ImportError, MemoryError, RuntimeError, CalledProcessError) as error:
        if (sentence := machine_sentence(error)) is None:
            raise
        print(f"{name}: {sentence}", file=sys.stderr)
        _flush_or_drop_output()
        return 2


def _check_working_folder() -> None:
    """Raise InputError where the folder that the process was started in was deleted."""
    try:
        os.getcwd()  # noqa: PTH109, the name of it does not matter
    except FileNotFoundError:
        raise InputError(
            "The folder that you are in was deleted or replaced; go into one that is there."
        ) from None


def end_on_interrupt() -> None:
    """Let Ctrl-C end the process at once, without a traceback, until `exit_code`.

    A program does so while it imports modules, before there is anything to tidy.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else Ctrl-C is ignored, as by nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupt_on_end() -> None:
    """Let `kill` and a terminal that is closed end the process as Ctrl-C, once.

    Shells repeat it, while there is still something to tidy. What is ignored, as by nohup, stays so.
    """
    ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def interrupt(number: int, frame: object) -> None:
        for each in ends:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in ends:
        if signal.getsignal(each) is signal.SIG_DFL:
            signal.signal(each, interrupt)


def end_on_hangup() -> None:
    """Let a terminal that is closed end a server as `kill` does, which it expects."""
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup and signal.getsignal(hangup) is signal.SIG_DFL:  # else it is ignored, as by nohup
        signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))


def open_streams() -> None:
    """Let printing fail nowhere.

    What is printed to a stream that is closed, as after `>&-`, is dropped, and characters that the terminal's
    encoding lacks are escaped.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115, until the process ends
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def check_arguments(words: list[str]) -> None:
    """Raise InputError for an argument or an option's value that nobody means.

    Empty it is of a script whose variable has no value. And in --output=~/runs shells leave ~ as it is, so
    that a folder of this name would be made.
    """
    for before, word in pairwise(["", *words]):
        option, equals, value = word.partition("=") if word.startswith("--") else (before, "", word)
        if not value.strip() and (equals or not word.strip()):
            empty = f"The value of {option}" if option.startswith("-") else "An argument"
            raise InputError(f"{empty} is empty; give one, or leave it out.")
        if value == "~" or value.startswith("~/"):
            raise InputError(f"{value} is not your home folder unless the shell replaces it; write it out.")


def disk_sentence(error: OSError) -> str | None:
    """Return a sentence on a disk or path and what to do.

    It is None for any error but DISK_ERRORS.
    """
    if (reason := disk_error(error)) is None:
        return None
    place = error.filename or "The output"
    advice = "check the path, its permissions and the room on the disk"
    return one_line(f"{place} cannot be read or written ({reason}); {advice}.")


def memory_sentence(error: Exception) -> str | None:
    """Return a sentence where memory ran out, as Python, a system or torch says it.

    It is None for any other error.
    """
    is_said = isinstance(error, RuntimeError | ImportError) and NO_MEMORY.search(str(error))
    is_refused = isinstance(error, OSError) and error.errno == errno.ENOMEM
    if not is_said and not is_refused and not isinstance(error, MemoryError):
        return None
    return (
        "There is too little memory for this; end other programs, or give a smaller --batch-size or --size."
    )


def limit_sentence(error: Exception) -> str | None:
    """Return a sentence where a process may have no more files, processes or threads.

    It is None for any other error.
    """
    code = error.errno if isinstance(error, OSError) else None
    if code in FEW_FILES:
        return "This needs more open files than the system allows; allow more with `ulimit -n`."
    if code in FEW_PROCESSES or "can't start new thread" in str(error):
        return "This needs more processes or threads than the system allows; allow more with `ulimit -u`."
    return None


def package_sentence(error: ModuleNotFoundError) -> str | None:
    """Return a sentence on a library that is not installed; None for one of ours."""
    package = (error.name or "hub").split(".")[0]
    if package in OURS:
        return None
    extra = EXTRAS.get(package, "train")
    in_clone = IN_CLONE.get(extra, "pip install -r requirements.txt")
    return (
        f"This command needs {error.name}; `pip install 'chest-xray-hub[{extra}]'`, or in a clone "
        f"`{in_clone}`, brings it."
    )


def program_sentence(error: CalledProcessError) -> str:
    """Return a sentence on a program that failed.

    It ends with the last line of what it said where nobody was shown that.
    """
    command = error.cmd if isinstance(error.cmd, str) else shlex.join(map(str, error.cmd))
    said = error.stderr or error.output or ""
    lines = (said if isinstance(said, str) else said.decode(errors="replace")).strip().splitlines()
    reason = lines[-1].rstrip(".") if lines else "what it says above is why"
    return one_line(f"`{command}` ended with {error.returncode}; {reason}.")


def machine_sentence(error: Exception) -> str | None:
    """Return a sentence on what the machine lacks, or a program on it that failed.

    It is None for any other error.
    """
    if isinstance(error, ModuleNotFoundError):
        return package_sentence(error)
    if isinstance(error, CalledProcessError):
        return program_sentence(error)
    of_disk = disk_sentence(error) if isinstance(error, OSError) else None
    return of_disk or limit_sentence(error) or memory_sentence(error)


def disk_error(error: OSError) -> str | None:
    """Return the system's words for one of DISK_ERRORS, None for any other error."""
    code = error.errno
    if "No usable temporary directory" in str(error):  # tempfile tried all, and says that none is there
        code = errno.ENOSPC
    if code is None and (found := re.search(r"\[Errno (\d+)\]", str(error))):
        code = int(found[1])  # shutil.copytree puts the errors of all files into the text of one
    return os.strerror(code) if code in DISK_ERRORS else None


def _flush_or_drop_output() -> None:
    """Let the end of the process not fail on output that nothing takes."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
