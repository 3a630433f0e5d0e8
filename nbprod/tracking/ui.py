"""`python -m nbprod.tracking.ui URI ARTIFACTS`: MLflow's pages and API on this machine, in one process.

MLflow's own `server` command does the same in two processes that hold MLflow in memory twice. With `--with-parent` it
ends when its standard input does, however whoever started it ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import warnings
from typing import Any

from nbprod.tracking.context import with_password

JOBS = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
"""MLflow's own background jobs, which would be further processes."""


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nbprod.tracking.ui")
    parser.add_argument("uri")
    parser.add_argument("artifacts")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--with-parent", action="store_true")
    asked = parser.parse_args(argv)
    os.environ.setdefault(JOBS, "false")
    warnings.simplefilter("ignore")  # of MLflow about what it is made of
    app = _app(with_password(asked.uri), asked.artifacts)
    if app is None:
        return _by_command(asked)
    if asked.with_parent:
        threading.Thread(target=_until_alone, daemon=True).start()
    import uvicorn

    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", timeout_graceful_shutdown=2)
    return 0


def _app(uri: str, artifacts: str) -> Any:
    """Return MLflow's application for a store that can be reached; None where MLflow is older than it."""
    import mlflow.server
    import mlflow.server.handlers
    import uvicorn  # noqa: F401  # by this MLflow sees that it serves

    server: Any = mlflow.server
    os.environ[server.BACKEND_STORE_URI_ENV_VAR] = uri
    os.environ[server.ARTIFACT_ROOT_ENV_VAR] = artifacts
    try:
        from mlflow.server.fastapi_app import app
    except ImportError:
        return None
    server.handlers.initialize_backend_stores(uri, uri, artifacts)
    return app


def _by_command(asked: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", with_password(asked.uri)]
    command += ["--default-artifact-root", asked.artifacts, "--workers", "1"]
    command += ["--host", asked.host, "--port", str(asked.port)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    if asked.with_parent:
        threading.Thread(target=_until_alone, args=(child,), daemon=True).start()
    return child.wait()


def _until_alone(child: subprocess.Popen[bytes] | None = None) -> None:
    """End this process when its standard input ends."""
    sys.stdin.buffer.read()
    if child is not None:
        child.terminate()
        child.wait()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
