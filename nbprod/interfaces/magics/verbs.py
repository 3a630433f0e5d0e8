"""`%mlops VERB`: the verbs for the open notebook."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nbprod import api
from nbprod.core.errors import UsageError
from nbprod.core.run import RunOptions
from nbprod.interfaces.magics.find import open_notebook, require_saved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Event, Run
    from nbprod.core.sweep import Sweep

VERBS = {
    "check": "diagnostics and readiness",
    "suggest": "propose stages for what is untagged  [--apply]",
    "graph": "the pipeline",
    "run": "run the pipeline  [-p NAME=VALUE] [--from S] [--to S] [--force] [--engine E]",
    "show": "the last run, or show RUN",
    "pull": "pull NAMES: bring values of the last run into this kernel",
    "why": "why STAGE: why it would run or be reused",
    "sweep": "run with many values, ranked  -p NAME=1,2,3 --metric M [--maximize] [--search grid|random|optuna]",
    "verify": "show that the pipeline equals the notebook  [-p NAME=VALUE] [--reuse] [--allow-effects]",
    "up": "run, and serve the model as a local endpoint",
    "deploy": "the same as up, --target T chooses where",
    "endpoints": "what is deployed",
    "rollback": "rollback ENDPOINT: put back the model deployed before  [--to VERSION]",
    "stop": "stop ENDPOINT",
    "help": "this list",
}
OPTIONS = (
    "-p",
    "--with",
    "--metric",
    "--maximize",
    "--search",
    "--trials",
    "--seed",
    "--promote-best",
    "--from",
    "--to",
    "--force",
    "--engine",
    "--model",
    "--target",
    "--notebook",
    "--stale",
    "--reuse",
    "--allow-effects",
    "--apply",
)
FLAGS = ("--force", "--stale", "--reuse", "--allow-effects", "--apply", "--maximize", "--promote-best")
SAVED = ("run", "sweep", "verify", "up", "deploy", "suggest")
"""Verbs that read the notebook as it is, and so as it is saved."""


class View(Protocol):
    """Shows work in a cell's output while it goes on, and afterwards."""

    def expect(self) -> None:
        """Display it with the first news."""

    def close(self, *, failed: bool = False) -> None:
        """Draw the end."""


class RunView(View, Protocol):
    """Shows a run."""

    def listen(self, event: Event, /) -> None:
        """Take one event of the run."""


class SweepView(View, Protocol):
    """Shows a sweep."""

    def watch(self, sweep: Sweep, /) -> None:
        """Take the sweep as it is now."""


class DeployView(RunView, Protocol):
    """Shows the steps of a deployment, and the endpoint."""

    name: str

    def step(self, text: str, /) -> None:
        """Take the name of what is done now."""


@dataclass(frozen=True)
class Views:
    """What shows what; `page` renders a finished run."""

    run: Callable[[Pipeline], RunView]
    sweep: Callable[[Path], SweepView]
    deploy: Callable[[Path], DeployView]
    page: Callable[[Run], str]


@dataclass
class Session:
    """The shell the extension is loaded in, what it executed and when, and how work is shown there."""

    shell: InteractiveShell
    views: Views
    executed: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Call:
    """One `%mlops` line, taken apart."""

    verb: str
    names: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    options: dict[str, str | bool] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return an option's value, None when it was not given."""
        value = self.options.get(name)
        return value if isinstance(value, str) else None


def mlops(session: Session, line: str) -> Any:
    """Run a verb for the open notebook: %mlops check | graph | run | show | pull NAMES | sweep | up | help."""
    if line.startswith("%%mlops"):
        from nbprod import notebooks

        notebooks.parse_magic(line.removeprefix("%%mlops").strip())
    call = parse(line)
    if call.verb == "help":
        print("\n".join(f"%mlops {verb:<10} {text}" for verb, text in VERBS.items()))  # noqa: T201 (a cell's output)
        return None
    notebook = Path(call.text("--notebook") or open_notebook(session.shell.user_ns))
    if call.verb in SAVED and not call.options.get("--stale"):
        require_saved(notebook, session.executed)
    return HANDLERS[call.verb](session, notebook, call)


def parse(line: str) -> Call:
    """Take a line apart; raises `UsageError` naming the verbs or options there are."""
    words = shlex.split(line) or ["help"]
    verb, *rest = words
    if verb not in VERBS:
        raise UsageError("NB913", f"%mlops knows no verb {verb}", f"verbs: {' '.join(VERBS)}")
    call = Call(verb)
    while rest:
        word = rest.pop(0)
        if word in FLAGS:
            call.options[word] = True
        elif word in ("-p", "--with"):
            name, _, value = _value(word, rest).partition("=")
            (call.parameters if word == "-p" else call.fixed)[name] = value
        elif word in OPTIONS:
            call.options[word] = _value(word, rest)
        elif word.startswith("-"):
            raise UsageError("NB913", f"%mlops {verb} knows no option {word}", f"options: {' '.join(OPTIONS)}")
        else:
            call.names.append(word)
    return call


def _value(word: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError("NB913", f"{word} needs a value", "%mlops help")
    return rest.pop(0)


def _check(_session: Session, notebook: Path, _call: Call) -> None:
    found = api.check(notebook)
    for item in found.pipeline.diagnostics:
        place = f"cell {item.cell} line {item.line}" if item.cell else ""
        print(f"{item.severity:<8} {item.code}  {place:<16} {item.message}\n{'':<33} {item.fix or ''}".rstrip())  # noqa: T201 (a cell's output)
    print(f"readiness {found.readiness.percent} %")  # noqa: T201 (a cell's output)


def _suggest(_session: Session, notebook: Path, call: Call) -> Any:
    found = api.suggest(notebook, apply=bool(call.options.get("--apply")))
    for item in found.cells:
        role = (item.tag.stage or item.tag.role) if item.tag else "-"
        print(f"cell {item.cell:<4} {role:<16} {item.reason}")  # noqa: T201 (a cell's output)
    written = f"{len(found.tags)} cells tagged in the file: reload the notebook from disk"
    print(written if call.options.get("--apply") else "nothing is written yet: %mlops suggest --apply")  # noqa: T201 (a cell's output)


def _graph(_session: Session, notebook: Path, _call: Call) -> Any:
    from IPython.display import SVG, display

    display(SVG(api.graph(notebook, "svg")))


def _run(session: Session, notebook: Path, call: Call) -> Any:
    view = session.views.run(api.sound(api.analyze(notebook)))
    asked = RunOptions(
        force=bool(call.options.get("--force")),
        start=call.text("--from"),
        stop=call.text("--to"),
        engine=call.text("--engine") or "nbprod",
        model=call.text("--model"),
    )
    with _shown(view):
        finished = api.run(notebook, call.parameters, options=asked, listeners=[view.listen])
    print(f"run {finished.id[:4]} {finished.status} · %mlops pull NAMES brings values here")  # noqa: T201 (a cell's output)


@contextmanager
def _shown(view: View) -> Iterator[None]:
    """Show work from its first news to its end, however it ends."""
    view.expect()
    try:
        yield
    except BaseException:
        view.close(failed=True)
        raise
    view.close()


def _sweep(session: Session, notebook: Path, call: Call) -> None:
    if not call.parameters or not call.text("--metric"):
        missing = "--metric" if call.parameters else "values to try"
        raise UsageError("NB913", f"sweep needs {missing}", "%mlops sweep -p NAME=1,2,3 --metric accuracy --maximize")
    view = session.views.sweep(notebook)
    with _shown(view):
        found = api.sweep(
            notebook,
            call.parameters,
            metric=call.text("--metric") or "",
            maximize=bool(call.options.get("--maximize")),
            search=call.text("--search"),
            trials=_whole(call, "--trials"),
            seed=_whole(call, "--seed"),
            promote=bool(call.options.get("--promote-best")),
            options=RunOptions(parameters=call.fixed, engine=call.text("--engine") or "nbprod"),
            watch=view.watch,
        )
    best = found.best
    if best is None:
        print("no trial succeeded")  # noqa: T201 (a cell's output)
        return
    again = " ".join(shlex.join(["-p", f"{name}={value}"]) for name, value in best.parameters.items())
    model = f" · model {found.model.name} (candidate)" if found.model else ""
    print(f"best trial {best.number} · run {(best.run or '')[:4]}{model} · again: %mlops run {again}")  # noqa: T201 (a cell's output)


def _whole(call: Call, name: str) -> int | None:
    text = call.text(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise UsageError("NB913", f"{name} takes a whole number, not {text}", f"%mlops sweep … {name} 20") from None


def _last(notebook: Path) -> str:
    past = api.history(notebook, 1)
    if not past:
        raise UsageError("NB914", f"{notebook.name} has no run yet", "%mlops run")
    return past[0].id


def _show(session: Session, notebook: Path, call: Call) -> Any:
    from IPython.display import HTML, display

    found = api.show(call.names[0] if call.names else _last(notebook), notebook)
    display(HTML(session.views.page(found)))


def _pull(session: Session, notebook: Path, call: Call) -> None:
    if not call.names:
        raise UsageError("NB913", "pull needs names", "%mlops pull df model")
    run = api.show(_last(notebook), notebook)
    values = {name: run[name] for name in call.names}
    session.shell.push(values)
    print(f"from run {run.id[:4]}: {', '.join(values)}")  # noqa: T201 (a cell's output)


def _why(_session: Session, notebook: Path, call: Call) -> None:
    if not call.names:
        raise UsageError("NB913", "why needs a stage", "%mlops why train")
    found = api.why(notebook, call.names[0], call.parameters)
    print(f"{found.stage} would {found.action}: {found.reason}")  # noqa: T201 (a cell's output)


def _verify(_session: Session, notebook: Path, call: Call) -> None:
    reuse, allow_effects = bool(call.options.get("--reuse")), bool(call.options.get("--allow-effects"))
    found = api.verify(notebook, call.parameters, reuse=reuse, allow_effects=allow_effects)
    lines = []
    for item in found.differences:
        sides = f"{item.notebook} in the notebook, {item.pipeline} in the pipeline"
        lines += [f"differs  {item.name}  cell {item.cell}  {sides}", f"         {item.cause}.  fix: {item.fix}"]
    lines += [f"left out cell {item.cell}  {item.name}  {item.why}" for item in found.left_out]
    values, displays = found.compared - found.displays, found.displays
    lines.append(f"{values} values, {displays} displays compared: {'equal' if found.equal else 'not equal'}")
    print("\n".join(lines))  # noqa: T201 (a cell's output)


def _deploy(session: Session, notebook: Path, call: Call) -> None:
    _run(session, notebook, call)
    view, options = session.views.deploy(notebook), RunOptions(parameters=call.parameters, model=call.text("--model"))
    with _shown(view):
        found = api.deploy(notebook, call.text("--target") or "local", options=options, watcher=view)
    print(f"endpoint {found.endpoint}  {found.url}   try it: {found.url}/docs   stop: %mlops stop {found.endpoint}")  # noqa: T201 (a cell's output)


def _endpoints(_session: Session, notebook: Path, _call: Call) -> None:
    for item in api.endpoints(notebook):
        print(f"{item.state:<10} {item.endpoint:<16} {item.target:<8} {item.url}")  # noqa: T201 (a cell's output)


def _rollback(session: Session, notebook: Path, call: Call) -> None:
    if not call.names:
        raise UsageError("NB913", "rollback needs an endpoint", "%mlops endpoints lists them")
    view = session.views.deploy(notebook)
    view.name = call.names[0]
    with _shown(view):
        found = api.rollback(call.names[0], notebook, version=call.text("--to"), watcher=view)
    version = f"v{found.version}" if found.version else Path(str(found.detail.get("model_path", ""))).name[:8]
    print(f"endpoint {found.endpoint}  {found.url}   serves {version} again")  # noqa: T201 (a cell's output)


def _stop(_session: Session, notebook: Path, call: Call) -> None:
    for name in call.names:
        api.stop_endpoint(name, notebook)
        print(f"stopped {name}")  # noqa: T201 (a cell's output)


HANDLERS: dict[str, Callable[[Session, Path, Call], Any]] = {
    "check": _check,
    "suggest": _suggest,
    "graph": _graph,
    "run": _run,
    "sweep": _sweep,
    "show": _show,
    "pull": _pull,
    "why": _why,
    "verify": _verify,
    "up": _deploy,
    "deploy": _deploy,
    "endpoints": _endpoints,
    "rollback": _rollback,
    "stop": _stop,
}
