"""The files a run leaves in MLflow: executed notebooks, their HTML, figures, the environment."""

from __future__ import annotations

import base64
import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.tracking.record import RunRecord, StageRecord

_log = logging.getLogger(__name__)


def of_run(record: RunRecord, out: Path) -> None:
    """Write the environment of a run below `out`."""
    folder = out / "environment"
    folder.mkdir()
    distributions = record.distributions
    content = {"python": record.python, "distributions": distributions}
    (folder / "environment.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    lines = [f"{name}=={version}\n" for name, version in distributions.items()]
    (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")


def of_stage(stage: StageRecord, context: Mapping[str, Any], out: Path) -> bool:
    """Write executed notebook, HTML and figures of a stage below `out`; False when there are none."""
    notebook = _place(stage.data.get("notebook"), context)
    if notebook is None:
        return False
    folder = out / "notebook"
    folder.mkdir()
    shutil.copyfile(notebook, folder / notebook.name)
    page = _place(stage.data.get("html"), context) or _page(notebook)
    if page is not None:
        shutil.copyfile(page, folder / page.name)
    _figures(notebook, stage.name, out / "figures")
    return True


def _place(path: str | None, context: Mapping[str, Any]) -> Path | None:
    """Return an existing file named absolutely, or relative to the home or the project."""
    if not path:
        return None
    places = (Path(path), Path(context["home"]) / path, Path(context["root"]) / path)
    return next((place for place in places if place.is_absolute() and place.is_file()), None)


def _page(notebook: Path) -> Path | None:
    """Render a notebook to HTML beside it, unless that was done before; None when it cannot be rendered."""
    page = notebook.with_suffix(".html")
    if page.is_file():
        return page
    try:
        from nbconvert import HTMLExporter

        exporter: Any = HTMLExporter
        text, _ = exporter(embed_images=True).from_filename(str(notebook))
        draft = page.with_name(f".{page.name}.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(page)
    except Exception:  # noqa: BLE001  # nbconvert's templates raise anything; a run is told of without a page, too
        _log.warning("%s could not be rendered", notebook, exc_info=True)
        return None
    return page


def _figures(notebook: Path, stage: str, out: Path) -> None:
    """Write the pictures among a notebook's outputs, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8")).get("cells", [])
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [data["image/png"] for output in outputs if "image/png" in (data := output.get("data", {}))]
    for number, picture in enumerate(pictures, 1):
        out.mkdir(exist_ok=True)
        content = base64.b64decode(picture if isinstance(picture, str) else "".join(picture))
        (out / f"{stage}-{number}.png").write_bytes(content)
