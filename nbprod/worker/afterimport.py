"""Calls a function right after a module was imported, whenever that will be."""

from __future__ import annotations

import importlib.machinery
import sys
from importlib.abc import Loader, MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import importlib.util
    from collections.abc import Callable, Sequence
    from types import ModuleType

_waiting: dict[str, list[Callable[[Any], None]]] = {}


def call(name: str, function: Callable[[Any], None]) -> None:
    """Call `function(module)` now when the module is loaded, else as soon as its code has been executed."""
    module = sys.modules.get(name)
    if module is not None:
        function(module)
        return
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    _waiting.setdefault(name, []).append(function)


class _Finder(MetaPathFinder):
    """Finds nothing itself; wraps the loader of the modules that somebody waits for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the true spec with our loader around its own."""
        if fullname not in _waiting:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader(Loader):
    """Executes a module as its own loader does, then tells those who wait."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave it to the module's own loader."""
        created: ModuleType | None = self._own.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        """Execute, put the module's own loader back, tell."""
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        for function in _waiting.pop(module.__name__, []):
            function(module)

    def __getattr__(self, name: str) -> Any:
        """Answer for the module's own loader."""
        return getattr(self._own, name)
