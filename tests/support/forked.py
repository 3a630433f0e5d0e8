"""Stages of many small notebooks from one zygote: all modules they may import are imported ahead.

A zygote is found by the modules it has, so hundreds of notebooks that import this and that would start dozens. Use::

    with forked():
        run = nbprod.run("notebook.ipynb")

or the fixture `forked_stages`. Everything else is the real thing; what is compared with it, such as the notebook that
`verify` runs in a process of its own, is forked too.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from nbprod.execution import imports, kernels, session, zygotes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PRELOAD = ("numpy", "pandas")


@contextlib.contextmanager
def forked(*more: str) -> Iterator[None]:
    """Fork the workers inside the block from a zygote that has imported numpy, pandas and `more`."""
    modules = (*PRELOAD, *more)
    new = session._new

    def start(python: Path, environment: Mapping[str, str], folder: Path, descriptors: Any) -> Any:
        if python != Path(sys.executable):
            return new(python, environment, folder, descriptors)
        warm = zygotes.Warm(kernels.this(), environment, modules)
        return zygotes.fork(warm, folder, descriptors) or new(python, environment, folder, descriptors)

    with mock.patch.object(session, "_new", start), mock.patch.object(imports, "imported", return_value=modules):
        yield
