"""The command line of the server: arguments, and refusals as one line of JSON on standard error."""

from __future__ import annotations

import argparse
import errno
import json
import logging
import signal
import sys

from .problems import ModelUnusable

NEEDED = ("uvicorn", "msgspec", "cloudpickle")


def main(arguments: list[str] | None = None) -> int:
    """Serve a model until it is told to stop, or check it; returns the exit code."""
    options = vars(_parser().parse_args(arguments))
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    checks = options.pop("check")
    try:
        return _check(options["model"]) if checks else _serve(options)
    except ModelUnusable as error:
        return _refuse(error.code, error.message, error.hint)
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        hint = f"{sys.executable} -m pip install {' '.join(NEEDED)}"
        return _refuse("NB721", f"this Python lacks {error.name}", hint, 3)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        place = f"{options['host']} port {options['port']}"
        return _refuse("NB722", f"cannot listen on {place}: {error.strerror}", "choose another with --port")


def _serve(options: dict[str, object]) -> int:
    from .server import Options, run

    # while the model loads, and as process 1 of a container, where the default action is to ignore it
    signal.signal(signal.SIGTERM, _terminate)
    try:
        run(Options(**options))  # type: ignore[arg-type]  # argparse made each of the type its option names
    except KeyboardInterrupt:
        return 130
    return 0


def _terminate(number: int, _: object) -> None:
    sys.exit(128 + number)


def _check(path: str) -> int:
    from .evidence import check
    from .model import load

    evidence = check(load(path))
    sys.stdout.write(json.dumps(evidence) + "\n")
    return 0 if evidence["equal"] else 1


def _refuse(code: str, message: str, hint: str, status: int = 1) -> int:
    sys.stderr.write(json.dumps({"event": "fatal", "code": code, "message": message, "hint": hint}) + "\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("nbprod.serving", description="Serve an nbprod model over HTTP.")
    parser.add_argument("model", help="the model directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8642, help="0 takes a free port")
    parser.add_argument("--log", metavar="DIR", help="write the prediction log there")
    parser.add_argument("--name", help="the name to answer with")
    parser.add_argument("--version", help="the version to answer with")
    parser.add_argument("--check", action="store_true", help="replay the recorded rows, print the evidence, and end")
    parser.add_argument(
        "--require-equal", action="store_true", help="refuse a model that differs from its recorded rows"
    )
    for hidden in ("--fd", "--ready-fd", "--lifeline-fd"):
        parser.add_argument(hidden, type=int, help=argparse.SUPPRESS)
    return parser
