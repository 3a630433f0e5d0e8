"""The panel's budgets: its weight, how soon the picture follows an edit, what editing feels of it, a demo's memory.

A real JupyterLab in Chromium, with a notebook of 200 cells, takes turns with one that has no nbprod. Memory is that of
everything a visitor of the example starts, the Jupyter server and the kernel included.
"""

from __future__ import annotations

import json
import statistics
import sys
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import analysis
from harness import ROOT, project

sys.path.insert(0, str(ROOT / "tests" / "support"))
import lab
import memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

CELLS = 200
EDITED = CELLS // 2
EDITS = 15
ROUNDS = 6
KEYS = "total = sum(rows) + 1 "
PACE = 90  # milliseconds from key to key: a quick typist
SETTLED = 400  # milliseconds in which an edit is answered
SOURCES = ROOT / "labextension" / "src"
SERVED = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "nbprod" / "static"
BARS = {"bundle": 150_000, "lines": 2500, "longest": 300, "picture": 150.0, "typing": 50.0, "memory": 1000.0}


@dataclass(frozen=True)
class Budget:
    """One measured number and the most it may be."""

    name: str
    us: float
    bar: float
    unit: str
    note: str = ""

    def __str__(self) -> str:
        """Return the line of a table."""
        verdict = "held" if self.us <= self.bar else "over"
        ours, bar = f"{self.us:>11,.0f} {self.unit:<5}", f"{self.bar:>9,.0f} {self.unit:<5}"
        return f"{self.name:<52} {ours} {bar} {verdict:<5} {self.note}".rstrip()


HEADER = f"{'the panel':<52} {'us':>11}       {'at most':>9}"


def results() -> Iterator[Budget]:
    yield from weights()
    if lab.CHROMIUM is None:
        print("skipped: what is measured in a browser, no Chromium on PATH")
    else:
        yield from in_the_browser()
    yield demo()


def weights() -> Iterator[Budget]:
    """Return what the front end weighs: as it is served, and as it is read."""
    scripts = list(SERVED.glob("*.js"))
    if any(script.read_text(encoding="utf-8").count("\n") > 100 for script in SERVED.glob("remoteEntry.*.js")):
        sys.exit(f"{SERVED} holds a bundle for development: make it with `npm run build:prod`, then `pip install -e .`")
    size = sum(script.stat().st_size for script in scripts)
    yield Budget("bundle, minified", size, BARS["bundle"], "bytes", f"{len(scripts)} files")
    lines = {
        path.relative_to(SOURCES).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in SOURCES.rglob("*.ts*")
    }
    longest = max(lines, key=lambda name: lines[name])
    yield Budget("lines of TypeScript", sum(lines.values()), BARS["lines"], "lines", f"{len(lines)} files")
    yield Budget("longest file", lines[longest], BARS["longest"], "lines", longest)


def in_the_browser() -> Iterator[Budget]:
    """Return how soon the picture follows an edit, what blocks the page, and what typing feels."""
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(headless=True, args=lab.FLAGS, executable_path=lab.CHROMIUM)
        stack.callback(browser.close)
        ours = stack.enter_context(opened(browser, nbprod=True))
        bare = stack.enter_context(opened(browser, nbprod=False))
        yield from pictures(ours, bare)
        yield from typing(ours, bare)


def pictures(ours: Page, bare: Page) -> Iterator[Budget]:
    """Change a cell so that its stage has another name, and wait for that box; without nbprod, change it and wait."""
    times: list[float] = []
    blocked: dict[Page, list[float]] = {ours: [], bare: []}
    for number in range(EDITS + 1):
        for page in (ours, bare):
            page.bring_to_front()
            box = f'[data-nbprod="panel"] [data-nbprod-stage="edit{number}"]' if page is ours else "body"
            arguments = json.dumps([EDITED, source(number), box])
            passed = page.evaluate(f"bench.edit(...{arguments})")
            page.wait_for_timeout(SETTLED)
            tasks = page.evaluate("bench.takeTasks()")
            if number:  # the first one is not measured: code is compiled in it
                blocked[page] += tasks
                times += [passed] if page is ours else []
    most = f"median of {len(times)}; slowest {max(times):.0f} ms"
    yield Budget(f"edit to updated picture, {CELLS} cells", statistics.median(times), BARS["picture"], "ms", most)
    yield blocking("after an edit", blocked[ours], blocked[bare])


def typing(ours: Page, bare: Page) -> Iterator[Budget]:
    """Type with the panel open, with it closed, and without nbprod, in turns."""
    latencies: dict[str, list[float]] = {"open": [], "closed": [], "bare": []}
    tasks: dict[str, list[float]] = {"open": [], "closed": [], "bare": []}
    for number in range(ROUNDS + 1):
        for state, page in (("open", ours), ("closed", ours), ("bare", bare)):
            page.bring_to_front()
            show(page, state)
            page.evaluate(f"bench.enter({EDITED})")
            page.wait_for_timeout(SETTLED)
            page.evaluate("bench.takeTasks(), bench.takeLatencies()")
            page.keyboard.type(f"\n{KEYS}", delay=PACE)
            page.wait_for_timeout(SETTLED)
            found = page.evaluate("[bench.takeLatencies(), bench.takeTasks()]")
            if number:
                latencies[state] += found[0]
                tasks[state] += found[1]
    slow = {state: statistics.quantiles(times, n=20)[-1] for state, times in latencies.items()}
    usual = {state: statistics.median(times) for state, times in latencies.items()}
    for name, of in (("median", usual), ("95 of 100", slow)):
        told = f"open {of['open']:.1f} ms, closed {of['closed']:.1f} ms, no nbprod {of['bare']:.1f} ms"
        added = of["open"] - of["closed"]
        yield Budget(f"typing, panel open minus closed, {name}", added, BARS["typing"], "ms", told)
    yield blocking("while typing", tasks["open"], tasks["bare"])


def blocking(when: str, ours: list[float], bare: list[float]) -> Budget:
    """Return how many tasks blocked the page longer than 50 ms; JupyterLab's own are the bar."""
    note = f"longest {max(ours, default=0):.0f} ms; without nbprod {max(bare, default=0):.0f} ms"
    return Budget(f"tasks > 50 ms {when}; bar: without nbprod", len(ours), len(bare), "tasks", note)


def demo() -> Budget:
    """Return the most memory that all processes of a visit of the example had together."""
    mark = uuid.uuid4().hex
    with (
        project("churn.ipynb") as folder,
        memory.Watch(mark) as watch,
        lab.jupyterlab(folder, folder / "home", env={memory.MARK: mark}) as server,
    ):
        found = memory.demo(server, "churn.ipynb")
        memory.stop_endpoint(server, "churn.ipynb", found["endpoint"])
    largest = max(watch.parts, key=lambda name: watch.parts[name])
    note = f"{len(watch.parts)} processes, the largest {watch.parts[largest] / 1e6:.0f} MB: {largest.partition(' ')[2]}"
    return Budget("demo: server, kernel, run, endpoint, MLflow's pages", watch.peak / 1e6, BARS["memory"], "MB", note)


def source(number: int) -> str:
    """Return the text of the edited cell, a stage of its own that reads what another one made."""
    return f"%%mlops stage edit{number}\nlast{number} = df{EDITED - 1}['a'].sum() + {number}"


@contextmanager
def opened(browser: Browser, *, nbprod: bool) -> Iterator[Page]:
    """Open a notebook of 200 cells in a JupyterLab of its own, the panel beside it, or one that has no nbprod."""
    with project() as folder, ExitStack() as stack:
        content = json.loads(analysis.notebook("tables", CELLS))
        content["cells"][EDITED] |= {"metadata": {}, "source": source(-1).replace("-1", "")}
        content["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        (folder / "many.ipynb").write_text(json.dumps(content))
        home = folder / "home"
        if not nbprod:
            disabled = home / "config" / "labconfig" / "page_config.json"
            disabled.parent.mkdir(parents=True)
            disabled.write_text('{"disabledExtensions": {"nbprod": true}}')
        server = stack.enter_context(lab.jupyterlab(folder, home, without=not nbprod))
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        stack.callback(context.close)
        page = context.new_page()
        page.goto(server.page("many.ipynb"))
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        page.evaluate((Path(__file__).parent / "panel.js").read_text(encoding="utf-8"))
        page.wait_for_function("bench.ready()", timeout=60_000)
        if nbprod:
            lab.show_panel(page)
            page.locator("[data-nbprod-stage]").first.wait_for(timeout=60_000)
        elif page.locator(f'.lm-TabBar-tab[data-id="{lab.PANEL}"]').count():
            raise RuntimeError("nbprod is there though it was disabled")
        yield page


def show(page: Page, state: str) -> None:
    """Open or close the panel by its tab."""
    if state != "bare" and page.locator('[data-nbprod="panel"]').is_visible() != (state == "open"):
        page.locator(f'.lm-TabBar-tab[data-id="{lab.PANEL}"]').click()


if __name__ == "__main__":
    print(HEADER)
    for result in results():
        print(result, flush=True)
