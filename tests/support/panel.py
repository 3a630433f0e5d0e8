"""The nbprod panel in a browser, as tests speak of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import lab
from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from collections.abc import Sequence

PICTURES = Path(os.environ.get("NBPROD_PICTURES") or Path(__file__).parents[2] / "build" / "pictures")
SOON = 20_000
LONG = 240_000  # a whole run, on a machine that has other things to do
TAB = '.lm-TabBar-tab[data-id="nbprod-panel"]'

MODEL = [
    ("parameters", "depth = 2"),
    (
        "setup",
        "import pandas as pd\nfrom sklearn.tree import DecisionTreeClassifier\nfrom sklearn.metrics import accuracy_score",
    ),
    (
        "stage:load",
        "df = pd.DataFrame({'age': range(40), 'plan': [i % 3 for i in range(40)]})\ny = (df.age > 20).map({True: 'yes', False: 'no'})",
    ),
    ("stage:train", "model = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(df, y)"),
    (
        "stage:evaluate",
        "accuracy = accuracy_score(y, model.predict(df))",
        {"metrics": ["accuracy"], "gates": ["accuracy >= 0.5"]},
    ),
]


class Panel:
    """A window with a notebook and the panel beside it."""

    def __init__(self, page: Page, server: lab.Server) -> None:
        self.page = page
        self.server = server

    def open(self, path: str, *, reset: bool = True) -> Panel:
        """Open a notebook of the server's root, and the panel."""
        where = f"{self.server.address}/lab/tree/{quote(path)}?token={lab.TOKEN}{'&reset' if reset else ''}"
        self.page.goto(where)
        return self.unfold()

    def unfold(self) -> Panel:
        """Show the panel if it is not shown, and wait for it."""
        expect(self.page.locator(TAB)).to_be_visible(timeout=LONG)
        self.page.evaluate("jupyterapp.restored.then(() => jupyterapp.commands.execute('nbprod:open-panel'))")
        expect(self.part("panel")).to_be_visible(timeout=LONG)
        return self

    def part(self, name: str) -> Locator:
        """A part of the panel by its name."""
        return self.page.locator(f'[data-nbprod="{name}"]')

    def cell(self, number: int) -> Locator:
        """A cell of the notebook that is shown, counted from 1."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(number - 1)

    def chip(self, number: int) -> Locator:
        """The chip of a cell."""
        return self.cell(number).locator(".jp-nbprod-chip")

    def box(self, stage: str) -> Locator:
        """The box of a stage in the picture."""
        return self.page.locator(f'[data-nbprod-stage="{stage}"]')

    def boxes(self) -> Locator:
        """All boxes of the picture."""
        return self.page.locator("[data-nbprod-stage]")

    def click(self, name: str) -> None:
        """Click a part of the panel once it can be clicked."""
        self.part(name).first.click(timeout=LONG)

    def command(self, name: str, **arguments: Any) -> None:
        """Carry out a command of JupyterLab."""
        self.page.evaluate(f"jupyterapp.commands.execute('{name}', {json.dumps(arguments)}).then(() => null)")

    def select(self, number: int) -> None:
        """Make a cell the active one, in command mode."""
        self.cell(number).locator(".jp-InputPrompt").first.click()

    def tag(self, number: int, stage: str) -> None:
        """Give a cell a stage with the panel's form."""
        self.select(number)
        self.part("tag-stage").fill(stage)
        self.click("tag-apply")
        expect(self.cell(number)).to_have_attribute("data-nbprod-tag", stage, timeout=SOON)

    def menu(self, label: str) -> Locator:
        """An item of the open menu."""
        return self.page.locator(".lm-Menu-item", has_text=label).first

    def save(self) -> None:
        """Save the notebook and wait until it is: a kernel that starts late writes its language into what was saved."""
        for timeout in (SOON // 4, SOON // 2, SOON):
            self.command("docmanager:save")
            with contextlib.suppress(AssertionError):
                return expect(self.page.locator(".jp-mod-dirty")).to_have_count(0, timeout=timeout)
        raise AssertionError("the notebook is not saved")

    def expect_stages(self, names: Sequence[str]) -> None:
        """Wait until the picture has these boxes."""
        expect(self.boxes()).to_have_count(len(names), timeout=SOON)
        for name in names:
            expect(self.box(name)).to_be_visible(timeout=SOON)

    def expect_run(self, state: str, timeout: int = LONG) -> None:
        """Wait until the run that is shown is in a state."""
        run = self.page.locator(f'[data-nbprod-run][aria-pressed="true"][data-nbprod-state="{state}"]')
        expect(run).to_be_visible(timeout=timeout)

    def shown_run(self) -> str:
        """The id of the run that is shown."""
        found = self.page.locator('[data-nbprod-run][aria-pressed="true"]').get_attribute("data-nbprod-run")
        assert found is not None
        return found

    def run(self, state: str = "succeeded") -> str:
        """Run the pipeline, wait until it has ended, and check how; returns the run's id."""
        before = self.page.locator('[data-nbprod-run][aria-pressed="true"]')
        old = before.get_attribute("data-nbprod-run") if before.count() else ""
        self.click("run")
        self.ended(old or "")
        self.expect_run(state, SOON)
        return self.shown_run()

    def ended(self, old: str) -> None:
        """Wait until another run than `old` is shown and has ended."""
        shown = f'[data-nbprod-run][aria-pressed="true"]:not([data-nbprod-run="{old}"])'
        problem = self.part("problem")
        self.page.locator(f'{shown}:not([data-nbprod-state="running"]), [data-nbprod="problem"]').first.wait_for(
            timeout=LONG
        )
        assert not problem.count(), problem.inner_text()

    def expect_operation(self, kind: str, state: str = "succeeded") -> Locator:
        """Wait until long work of a kind has ended, and check how."""
        found = self.page.locator(f'[data-nbprod="operation"][data-nbprod-kind="{kind}"]')
        expect(found).to_have_attribute("data-nbprod-state", re.compile("succeeded|failed|interrupted"), timeout=LONG)
        assert found.get_attribute("data-nbprod-state") == state, found.inner_text()
        return found

    def deploy(self, target: str = "local") -> None:
        """Deploy by clicks and wait until it is done."""
        self.click("deploy")
        self.page.locator(f'[data-nbprod-target="{target}"] input').check(timeout=SOON)
        self.picture(f"deploy-form-{target}")
        before = self.part("operation")
        old = before.get_attribute("data-nbprod-operation") if before.count() else ""
        self.click("deploy-start")
        expect(self.page.locator(f'[data-nbprod-operation]:not([data-nbprod-operation="{old}"])')).to_be_visible(
            timeout=LONG
        )
        self.expect_operation("deploy")

    def picture(self, name: str) -> None:
        """Keep a screenshot to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"panel-{name}.png")


def cells_of(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook as the file has them."""
    cells: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return cells


def tag_of(path: Path, number: int) -> Any:
    """The nbprod metadata of a cell as the file has it."""
    return cells_of(path)[number - 1]["metadata"].get("nbprod")


def source_of(path: Path, number: int) -> str:
    """The source of a cell as the file has it."""
    return "".join(cells_of(path)[number - 1]["source"])
