"""A model applied to a file: read in pieces, predicted, written with a column `prediction`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .model import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECE = 50_000  # rows held in memory at once


def score_file(model: str, given: Path, out: Path) -> int:
    """Write `given` with the model's predictions to `out`, CSV or Parquet by file ending; return the row count."""
    import pandas as pd

    loaded = load(model)
    scored = [piece.assign(prediction=loaded.predict(piece)) for piece in _pieces(pd, given)]
    table = pd.concat(scored, ignore_index=True)
    if out.suffix == ".parquet":
        table.to_parquet(out, index=False)
    else:
        table.to_csv(out, index=False)
    return len(table)


def _pieces(pd: Any, given: Path) -> Iterator[Any]:
    if given.suffix == ".parquet":
        yield pd.read_parquet(given)
        return
    yield from pd.read_csv(given, chunksize=PIECE)
