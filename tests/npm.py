"""Programs in the place of npm."""

import sys

# It installs packages of nothing, and a bundler that is this JavaScript.
NPM = """#!{python}
import json, pathlib, sys
assert sys.argv[1:3] == ["ci", "--ignore-scripts"], sys.argv
sources = json.loads(pathlib.Path("package.json").read_text())["vendor"].values()
contents = {{source: f"contents of {{source}}" for source in sources}}
for name, content in (contents | {{"esbuild/bin/esbuild": {bundler!r}}}).items():
    path = pathlib.Path("node_modules", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
"""


# What it is told to bundle first imports one file then.
BUNDLER = """require("fs").writeFileSync(process.argv[2], 'import "../classifier.js";\\n')"""


def npm(bundler: str = BUNDLER) -> str:
    """Return an npm that installs packages of nothing, and this JavaScript as the bundler."""
    return NPM.format(python=sys.executable, bundler=bundler)


def write_npm(folder, program: str = "") -> str:
    """Write a program into a folder as npm, and return a PATH on which it comes first."""
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(program or npm())
    (folder / "npm").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"
