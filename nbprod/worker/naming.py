"""Which names of a namespace are the user's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

MET = "__nbprod_literals__"
"""Where a namespace keeps the literals that were loaded inside values."""
SHELL = frozenset(
    """In Out exit quit get_ipython open _ __ ___ _i _ii _iii _ih _oh _dh _exit_code _sh __name__ __doc__
    __package__ __loader__ __spec__ __builtins__ __builtin__ __annotations__ __file__ __cached__
    __session__ __warningregistry__ __vsc_ipynb_file__ __conditional_annotations__ PAPERMILL_INPUT_PATH
    PAPERMILL_OUTPUT_PATH""".split()  # noqa: SIM905 - legible as a paragraph
)
_HISTORY = re.compile(r"_i?\d+")


def visible(namespace: dict[str, Any], own: Collection[str] = ()) -> set[str]:
    """Return the names that are the user's, not the shell's, unless among `own`: the notebook binds those itself."""
    return {name for name in namespace if not hidden(name) or name in own}


def hidden(name: str) -> bool:
    """Say whether a name belongs to the shell or the module."""
    return name in SHELL or name == MET or _HISTORY.fullmatch(name) is not None
