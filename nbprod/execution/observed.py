"""The world outside the notebook: files, variables, modules and distributions a stage was seen to depend on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.worker.digests import kind_digest, listing_digest, names_digest, text_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.execution.kernels import Interpreter
    from nbprod.store import Ledger


class World:
    """What the stages' surroundings are now, asked once a run.

    `files` remembers what stages of this run that were reused would have written; see `overlay`.
    """

    def __init__(self, folder: Path, ledger: Ledger, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.ledger = ledger
        self.environment = environment
        self.overlay: dict[Path, str | None] = {}
        self._distributions: dict[str, dict[str, str]] = {}

    def path(self, name: str) -> Path:
        """Return the absolute path of a file as a stage named it, relative to the notebook's folder."""
        return Path(os.path.normpath(self.folder / name))

    def file(self, name: str) -> str | None:
        """Return a file's digest now, or as a reused stage would have left it; a folder's listing for `name/`."""
        path = self.path(name.removesuffix("?"))
        if name.endswith("/"):
            return listing_digest(str(path))
        if name.endswith("?"):
            there = "file" if self.overlay.get(path) else None
            return there if path in self.overlay else kind_digest(str(path))
        return self.overlay[path] if path in self.overlay else self.ledger.file_digest(path)

    def variable(self, name: str) -> str | None:
        """Return the digest of an environment variable's value, never the value; None when it is not set."""
        if name == "*":
            return names_digest(self.environment)
        value = self.environment.get(name)
        return None if value is None else text_digest(value)

    def distribution(self, python: Interpreter, name: str) -> str | None:
        """Return the version of a distribution installed for `python`."""
        from nbprod.execution.kernels import normalised

        key = str(python.python)
        if key not in self._distributions:
            self._distributions[key] = python.distributions()
        return self._distributions[key].get(normalised(name))

    def changed(
        self, observed: Mapping[str, Any], python: Interpreter, carried: frozenset[str] = frozenset()
    ) -> list[str]:
        """Return what is no longer as it was observed, each in words.

        Variables that earlier stages set are `carried`: they are part of the state the stage starts from.
        """
        found = [
            f"{'the list of files in' if name.endswith('/') else 'file'} {self.shown(name)} "
            f"{_verb(digest, self.file(name))}"
            for name, digest in observed["files_read"].items()
            if self.file(name) != digest
        ]
        found += [
            f"environment variable {name} changed" if name != "*" else "other environment variables are set"
            for name, digest in observed["environment"].items()
            if name not in carried and self.variable(name) != digest
        ]
        found += [
            f"module {self.shown(name)} changed"
            for name, digest in observed["modules"].items()
            if self.file(name) != digest
        ]
        for name, version in observed["distributions"].items():
            now = self.distribution(python, name)
            if now != version:
                found.append(f"{name} {version} → {now or 'not installed'}")
        return found

    def located(self, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was observed with absolute paths."""
        paths = ("files_read", "files_written", "modules")
        found = {
            key: {self._located(name): item for name, item in observed[key].items() if name[-1:] != "?"}
            for key in paths
        }
        return {**observed, **found}

    def _located(self, name: str) -> str:
        return f"{self.path(name)}{'/' * name.endswith('/')}"

    def shown(self, name: str) -> str:
        """Return a path as the user would write it, relative to the notebook's folder when below it."""
        path = self.path(name.removesuffix("?"))
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)


def _verb(before: str | None, now: str | None) -> str:
    if before is None:
        return "is new"
    return "is gone" if now is None else "changed"
