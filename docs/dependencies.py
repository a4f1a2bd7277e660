"""Write requirements.lock and docs/licences.md: pinned dependencies and licences.

  python docs/dependencies.py --lock    asks pip for today's versions of requirements.txt, and pins them
  python docs/dependencies.py           licences alone, of the pinned packages as they are installed here

The lock has one file per package, for CPython 3.11 on 64-bit Linux with x86 processors:
`pip install --require-hashes -r requirements.lock` installs just these or nothing.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK, LICENCES = ROOT / "requirements.lock", ROOT / "docs" / "licences.md"
LONGEST = 60  # characters of a licence's name: some packages give the whole text instead
HEAD = (
    "# requirements.txt, resolved by pip for CPython 3.11 on 64-bit Linux (x86) and written by\n"
    "# `python docs/dependencies.py --lock`. Install it with `pip install --require-hashes -r`.\n"
)
TITLE = (
    "# Licences of dependencies\n\n"
    "What `requirements.txt` brings, with the versions of [requirements.lock](../requirements.lock); written "
    "by\n`python docs/dependencies.py` from what each package says of itself.\n\n"
    "| package | version | licence |\n| --- | --- | --- |\n"
)


def main(arguments: list[str] | None = None) -> None:
    """Write the list of licences and, if asked, the lock before."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lock", action="store_true", help="resolve and pin anew; needs a package registry")
    if parser.parse_args(arguments).lock:
        lines = (f"{line}\n" for line in resolve(ROOT / "requirements.txt"))
        LOCK.write_text(HEAD + "".join(lines), encoding="utf-8")
    rows = [f"| {name} | {version} | {licence(name)} |\n" for name, version in pinned().items()]
    LICENCES.write_text(TITLE + "".join(rows), encoding="utf-8")


def resolve(requirements: Path) -> list[str]:
    """Return a line with version and SHA-256 for each package that pip would install.

    Ends the program where pip fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = ["install", "--dry-run", "--ignore-installed", "--quiet", "--report", report]
        if subprocess.run([sys.executable, "-m", "pip", *command, "-r", requirements]).returncode:
            print(f"pip cannot resolve {requirements}; what it says above is why.", file=sys.stderr)
            sys.exit(2)
        packages = json.loads(report.read_text(encoding="utf-8"))["install"]
    return sorted(
        f"{normal(package['metadata']['name'])}=={package['metadata']['version']} "
        f"--hash=sha256:{package['download_info']['archive_info']['hashes']['sha256']}"
        for package in packages
    )


def pinned() -> dict[str, str]:
    """Return the version of each package of the lock, by name."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", LOCK.read_text(encoding="utf-8"), re.MULTILINE))


def normal(name: str) -> str:
    """Return the name of a package as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str) -> str:
    """Return the licence that a package names, or "not installed here"."""
    try:
        data = metadata(name)
    except PackageNotFoundError:
        return "not installed here"
    classifiers = [text for text in data.get_all("Classifier") or () if text.startswith("License ::")]
    names = [text.split(" :: ")[-1] for text in classifiers if text != "License :: OSI Approved"]
    text = (data.get("License") or "").strip()
    short = text if text and "\n" not in text and len(text) <= LONGEST else ""
    return data.get("License-Expression") or short or ", ".join(names) or "see its files"


if __name__ == "__main__":
    main()
