"""The packages of npm that the page brings along: ONNX Runtime and decoders.

`web/package-lock.json` pins their versions and hashes; npm refuses whatever has another hash.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from huggingface_hub import cached_assets_path

from hub.errors import InputError
from hub.files import replace_folder

WEB = Path(__file__).parent / "web"
NEEDED = ("package.json", "package-lock.json", ".npmrc")
# `ci` installs what the lock file says and nothing else; packages may not run scripts of their own.
INSTALL = ("npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
LONGEST = 200  # characters of what npm says


def node_modules() -> Path:
    """Return the folder of the packages; the first time, npm fetches them.

    They are kept in the cache of huggingface_hub (HF_HOME). Raises InputError where npm is not installed or
    cannot fetch them.
    """
    digest = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cached_assets_path("chest-xray-hub", "npm", digest) / "packages"
    if not (folder / "node_modules").is_dir():
        with replace_folder(folder) as partial:
            for name in NEEDED:
                shutil.copy(WEB / name, partial)
            _install(partial)
    return folder / "node_modules"


def vendored() -> dict[str, str]:
    """Return which file of `node_modules` becomes which file of the page."""
    return json.loads((WEB / "package.json").read_text(encoding="utf-8"))["vendor"]


def _install(folder: Path) -> None:
    try:
        process = subprocess.run(INSTALL, cwd=folder, capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise InputError(
            "The page needs npm to fetch ONNX Runtime for the browser, and it is not installed; "
            "install Node.js 20 or later."
        ) from None
    if process.returncode:
        lines = [line.removeprefix("npm error").strip() for line in process.stderr.splitlines()]
        reason = next((line for line in lines if line and not line.startswith("code")), "it did not say why")
        raise InputError(
            f"npm could not fetch the packages of the page ({reason[:LONGEST].rstrip('.')}); check the "
            "network and give the same command again."
        )
