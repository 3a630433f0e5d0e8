"""The folder a container image is built from: Dockerfile, libraries, server, model; nothing of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbprod.serving
from nbprod.core.errors import PackagingError
from nbprod.packaging import site

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.core.model import Model
    from nbprod.serving.formats import ModelManifest

PORT = 8080
USER = 65532
MARK = "# written by nbprod build"
HEALTH = (
    f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {PORT}, timeout=2); "
    "c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"
)
DOCKERFILE = f"""{MARK}
FROM @BASE@
COPY site /app/site
COPY runtime /app/runtime
COPY model /app/model
ENV PYTHONPATH=/app/runtime:/app/site PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
LABEL dev.nbprod.model="@NAME@" dev.nbprod.version="@VERSION@" dev.nbprod.run="@RUN@"
USER {USER}:{USER}
EXPOSE {PORT}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-c", "{HEALTH}"]
ENTRYPOINT ["python3", "-m", "nbprod_serving", "/app/model", "--host", "0.0.0.0", "--port", "{PORT}"]
CMD []
"""


def write(
    folder: Path,
    model: Model,
    manifest: ModelManifest,
    *,
    base: str,
    architecture: str | None = None,
    progress: Callable[[str], None],
) -> None:
    """Write the build context into `folder`; what nbprod wrote there before is replaced.

    Raises
    ------
    PackagingError
        The folder holds something else, or the libraries cannot be installed.
    """
    _clear(folder)
    progress("installing the model's libraries")
    needed = site.requirements(manifest.get("requirements", []))
    pinned = site.install(folder / "site", needed, manifest.get("python", "3.11"), architecture)
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in pinned), encoding="utf-8")
    progress("copying server and model")
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(Path(nbprod.serving.__file__).parent, folder / "runtime" / "nbprod_serving", ignore=unwanted)
    shutil.copytree(model.path, folder / "model", ignore=unwanted)
    (folder / "Dockerfile").write_text(dockerfile(base, model, manifest), encoding="utf-8")
    _readable(folder)


def dockerfile(base: str, model: Model, manifest: ModelManifest) -> str:
    """Return the Dockerfile: libraries before model, so that a new model reuses their layer."""
    words = {
        "BASE": base,
        "NAME": _quoted(manifest["name"]),
        "VERSION": _quoted(model.version or ""),
        "RUN": _quoted(manifest.get("run", "")),
    }
    text = DOCKERFILE
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", " ")


def _clear(folder: Path) -> None:
    old = folder / "Dockerfile"
    if folder.exists() and not folder.is_dir():
        raise PackagingError("NB742", f"{folder} is a file", "name a folder")
    if folder.exists() and any(folder.iterdir()) and not (old.exists() and old.read_text().startswith(MARK)):
        raise PackagingError("NB742", f"{folder} holds something else", "name a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("site", "runtime", "model"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _readable(folder: Path) -> None:
    """Let the container's user read everything, whatever the umask here."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
