"""The user's own modules are compiled from their source.

Python takes bytecode for current when size and second of the source agree; a file saved twice within a second would be
run as it was before, and cached as what it is now.
"""

from __future__ import annotations

import os
import sys
from importlib import machinery
from pathlib import Path
from typing import TYPE_CHECKING

from . import modulestate, origins

if TYPE_CHECKING:
    from types import CodeType, ModuleType


class FromSource(machinery.SourceFileLoader):
    """Loads a module without looking at bytecode, and remembers what its data was."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute a module's code."""
        super().exec_module(module)
        modulestate.imported(module)

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file as it is now."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def install() -> None:
    """Import what is the user's own from source from now on; twice is once."""
    if _finder not in sys.path_hooks:
        sys.path_hooks.insert(0, _finder)
        sys.path_importer_cache.clear()


def _finder(path: str) -> machinery.FileFinder:
    if not Path(path).is_dir() or origins.kind(f"{path}{os.sep}module.py") != "user":
        raise ImportError(path)
    return machinery.FileFinder(
        path,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (FromSource, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )
