"""`python -m nbprod` and the `nbprod` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from nbprod.interfaces.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
