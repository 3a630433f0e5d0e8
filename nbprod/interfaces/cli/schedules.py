"""`schedule add|list|remove|now|serve`."""

from __future__ import annotations

import click

from nbprod import api
from nbprod.interfaces.cli import options
from nbprod.interfaces.cli.screen import Screen, print_json


@click.group("schedule", context_settings={"help_option_names": ["-h", "--help"]})
def schedule_verb() -> None:
    """Run notebooks at set times; `nbprod schedule serve` is the process that does it."""


@schedule_verb.add_command
@options.verb("add")
@options.notebook
@click.option("--cron", required=True, metavar="TEXT", help="As '0 6 * * 1-5': minute, hour, day, month, weekday.")
@click.option("--tz", default="UTC", show_default=True, metavar="ZONE", help="As Asia/Kolkata.")
@click.option("--name", metavar="NAME", help="Default: the notebook's.")
@options.parameters
def add_verb(notebook: str, as_json: bool, quiet: bool, **asked: object) -> int:
    """Add a schedule, or replace the one of that name."""
    chosen = options.split_parameters(asked["parameters"])  # type: ignore[arg-type]  # click gives a tuple of str
    added = api.schedule_add(notebook, str(asked["cron"]), str(asked["tz"]), chosen, name=asked["name"])  # type: ignore[arg-type]  # str or None
    if as_json:
        print_json({"schedule": added.as_json()})
    else:
        screen = Screen(quiet=quiet)
        screen.line(f"{added.name}: {added.words}, next {added.next()[0].isoformat(sep=' ', timespec='minutes')}")
        screen.line("nbprod schedule serve runs it")
    return 0


@schedule_verb.add_command
@options.verb("list")
@options.project
def list_verb(folder: str, as_json: bool, quiet: bool) -> int:
    """List schedules with their next time."""
    found = api.schedules(folder).list()
    if as_json:
        print_json({"schedules": [item.as_json() for item in found]})
        return 0
    screen = Screen(quiet=quiet)
    for item in found:
        following = "next " + item.next()[0].isoformat(sep=" ", timespec="minutes")
        screen.line(f"{item.name:<20} {item.words:<32} {'paused' if item.paused else following}   {item.notebook}")
    if not found:
        screen.line("no schedules: nbprod schedule add NB --cron '0 6 * * 1-5'")
    return 0


@schedule_verb.add_command
@options.verb("remove")
@click.argument("name")
@options.project
def remove_verb(name: str, folder: str, as_json: bool, quiet: bool) -> int:
    """Remove a schedule."""
    api.schedules(folder).remove(name)
    if as_json:
        print_json({"removed": name})
    else:
        Screen(quiet=quiet).line(f"removed {name}")
    return 0


@schedule_verb.add_command
@options.verb("pause")
@click.argument("name")
@click.option("--resume", is_flag=True, help="Let it be due again; times that have passed are not made up for.")
@options.project
def pause_verb(name: str, resume: bool, folder: str, as_json: bool, quiet: bool) -> int:
    """Let a schedule rest, until --resume."""
    found = api.schedules(folder).pause(name, not resume)
    if as_json:
        print_json({"schedule": found.as_json()})
    elif found.paused:
        Screen(quiet=quiet).line(f"{name} paused: nbprod schedule pause {name} --resume")
    else:
        Screen(quiet=quiet).line(f"{name}: next {found.next()[0].isoformat(sep=' ', timespec='minutes')}")
    return 0


@schedule_verb.add_command
@options.verb("now")
@click.argument("name")
@options.project
def now_verb(name: str, folder: str, as_json: bool, quiet: bool) -> int:
    """Run a schedule's notebook now."""
    finished = api.schedule_now(name, folder)
    if as_json:
        print_json(finished.as_json())
    else:
        Screen(quiet=quiet).line(f"{finished.id[:4]} {finished.status}")
    return 0


@schedule_verb.add_command
@options.verb("serve")
@click.option("--detach", is_flag=True, help="In the background, until nothing is scheduled any more.")
@click.option("--until-idle", is_flag=True, hidden=True)
@options.project
def serve_schedules(folder: str, detach: bool, until_idle: bool, as_json: bool, quiet: bool) -> int:
    """Run what is due, until Ctrl-C; one process a project."""
    screen = Screen(quiet=quiet)
    if detach:
        found = api.schedule_start(folder)
        if as_json:
            print_json(found)
        else:
            screen.line(f"scheduler running as process {found['pid']} since {found['since']}: nbprod ps shows it")
        return 0
    screen.line("scheduler running, Ctrl-C stops")
    api.schedule_serve(folder, screen.line, until_idle=until_idle)
    return 0
