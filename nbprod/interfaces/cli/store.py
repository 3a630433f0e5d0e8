"""`store gc|verify|stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nbprod import api
from nbprod.interfaces.cli import options
from nbprod.interfaces.cli.screen import Screen, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group("store", context_settings={"help_option_names": ["-h", "--help"]})
def store_verb() -> None:
    """Look after what runs leave in .nbprod."""


@store_verb.add_command
@options.verb("gc")
@click.option("--keep-last", type=click.IntRange(0), metavar="N", help="Keep what the last N runs of a notebook used.")
@click.option("--older-than", metavar="TIME", help="Remove only what was not used for so long, as 30d.")
@click.option("--max-size", metavar="SIZE", help="Then the least recently used, until no more is left, as 20GB.")
@click.option("--dry-run", is_flag=True, help="Only tell.")
@options.project
def gc_verb(folder: str, as_json: bool, quiet: bool, **asked: Any) -> int:
    """Remove snapshots that are not needed any more, and what nothing refers to; by default --keep-last 20."""
    found = api.store_gc(folder, **asked)
    if as_json:
        print_json(found)
        return 0
    screen = Screen(quiet=quiet)
    for item in found["snapshots"]:
        screen.line(f"{item['notebook']:<30} {item['stage']:<20} of run {item['run'][:4]}")
    what = f"{len(found['snapshots'])} snapshots and {found['buffers']} buffers, {_size(found['bytes'])}"
    screen.line(f"{'would remove' if found['dry_run'] else 'removed'}  {what}; {_size(found['left'])} left")
    return 0


@store_verb.add_command
@options.verb("verify")
@options.project
def check_verb(folder: str, as_json: bool, quiet: bool) -> int:
    """Hash everything; what is damaged is removed, and computed again when it is needed. Exit 1 if something was."""
    found = api.store_verify(folder)
    if as_json:
        print_json(found)
    else:
        screen = Screen(quiet=quiet)
        for state in ("damaged", "missing"):
            for item in found[state]:
                screen.line((state, "red"), f"  {item['kind']} {item['name'][:24]}  {', '.join(item['snapshots'])}")
        screen.line(f"{found['checked']} files hashed, {_size(found['bytes'])}: {_verdict(found)}")
    return 1 if found["damaged"] or found["missing"] else 0


def _verdict(found: Mapping[str, Any]) -> str:
    if not found["damaged"] and not found["missing"]:
        return "all as they were written"
    return f"{len(found['damaged'])} damaged, removed; {len(found['missing'])} missing; their stages run again"


@store_verb.add_command
@options.verb("stats")
@options.project
def stats_verb(folder: str, as_json: bool, quiet: bool) -> int:
    """Show what the store holds, and what of it nothing refers to."""
    found = api.store_stats(folder)
    if as_json:
        print_json(found)
        return 0
    screen = Screen(quiet=quiet)
    for kind in found["kinds"]:
        loose = kind["unreferenced"]
        rest = f"   {loose['count']} unreferenced, {_size(loose['bytes'])}" if loose["count"] else ""
        screen.line(f"{kind['kind']:<10} {kind['count']:>7} {_size(kind['bytes']):>10}{rest}")
    limit = f" of {_size(found['limit'])} for buffers and manifests" if found["limit"] else ""
    screen.line(f"{'all':<10} {'':>7} {_size(found['bytes']):>10}{limit}   {found['home']}")
    return 0


def _size(count: float) -> str:
    """Return bytes to three significant digits."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB" if count < 999.5 else f"{count:.0f} GB"
