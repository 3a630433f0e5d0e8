"""The command line: parses, calls `nbprod.api`, renders. Exit codes are in CONTRACT.md."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from nbprod.core.errors import ExecutionError, NbprodError, StoreError, UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

INTERRUPTED = 130


def run(argv: Sequence[str] | None = None) -> int:
    """Run `nbprod ARGV` and return the exit code; never raises for a user's mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    try:
        return _run_verb(arguments, as_json=as_json) if arguments[:1] == ["run"] else _verb(arguments, as_json=as_json)
    except NbprodError as error:
        return _report(error, as_json=as_json)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        return _report(_from_os(error), as_json=as_json)


def _run_verb(arguments: Sequence[str], *, as_json: bool) -> int:
    """Carry out `run`, without click where its words are plain."""
    from nbprod.interfaces.cli import running

    asked = running.plain(arguments)
    return _verb(arguments, as_json=as_json) if asked is None else running.carry_out(**asked)


def _verb(arguments: Sequence[str], *, as_json: bool) -> int:
    import click

    from nbprod.interfaces.cli.app import nbprod

    try:
        result = nbprod.main(args=list(arguments), prog_name="nbprod", standalone_mode=False)
    except click.ClickException as error:
        return _usage(error, as_json=as_json)
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) else 0


def _report(error: NbprodError, *, as_json: bool) -> int:
    from nbprod.interfaces.cli import render
    from nbprod.interfaces.cli.screen import Screen, print_json

    if as_json:
        finished = error.run.as_json() if isinstance(error, ExecutionError) and error.run else {}
        print_json({**finished, "error": error.as_json()})
    render.error(Screen(stream=sys.stderr), error)
    return error.exit_code


def _usage(error: click.ClickException, *, as_json: bool) -> int:
    if as_json:
        return _report(UsageError("NB911", error.format_message(), "nbprod --help lists the verbs"), as_json=True)
    error.show(file=sys.stderr)
    return 2


def _from_os(error: OSError) -> NbprodError:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            "NB601",
            f"no space left on the device of {error.filename or 'the store'}",
            "free some space; finished stages are kept",
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return UnavailableError(
            "NB927", f"no permission for {error.filename}", "set NBPROD_HOME to a folder that can be written"
        )
    return UnavailableError("NB928", str(error), "nbprod doctor checks this machine")
