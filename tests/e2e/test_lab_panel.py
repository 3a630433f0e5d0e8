"""The panel in a real JupyterLab: tag by click, run, deploy, try the endpoint; and what is shown when things fail."""

from __future__ import annotations

import json
import re
from pathlib import Path

import lab
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(lab.CHROMIUM is None, reason="no Chromium on PATH"),
]
TOP = Path(__file__).parents[2]
PICTURES = TOP / "test-results"
SOON = 20_000
LONG = 240_000  # a whole run, on a machine that has other things to do


@pytest.fixture(scope="module")
def browser():
    """Chromium for this module only: pytest-playwright's own, of the session, would keep an event loop running in
    every test after it."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(headless=True, args=lab.FLAGS, executable_path=lab.CHROMIUM)
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab") / "root"
    (folder / ".git").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def server(root, tmp_path_factory):
    with lab.jupyterlab(root, tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture
def open_notebook(page: Page, server: str):
    """Open a notebook of the root and the nbprod panel beside it."""

    def open_notebook(path: Path):
        page.goto(f"{server}/lab/tree/{path.name}?token={lab.TOKEN}&reset")
        page.locator('.lm-TabBar-tab[data-id="nbprod-panel"]').click(timeout=LONG)
        expect(page.locator('[data-nbprod="panel"]')).to_be_visible(timeout=LONG)
        return page

    return open_notebook


def part(page: Page, name: str):
    return page.locator(f'[data-nbprod="{name}"]')


def cell(page: Page, number: int):
    return page.locator(".jp-Notebook .jp-Cell").nth(number - 1)


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"lab-{name}.png")


def tag_of(path: Path, cell_id: str):
    cells = json.loads(path.read_text())["cells"]
    return next(item for item in cells if item["id"] == cell_id)["metadata"].get("nbprod")


def save(page: Page) -> None:
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")


@pytest.mark.slow
def test_cells_are_tagged_by_click(open_notebook, root, make_notebook):
    path = make_notebook(
        root / "tags.ipynb",
        [
            ("stage:load", "rows = [1, 2]"),
            "total = sum(rows)",
            "%%mlops stage report --retries 2\nprint(total)",
            ("md", "# words"),
        ],
    )
    page = open_notebook(path)
    box = page.locator("[data-nbprod-stage]")
    expect(box).to_have_count(2, timeout=SOON)
    expect(cell(page, 1)).to_have_attribute("data-nbprod-tag", "load")

    cell(page, 2).click()
    part(page, "tag-stage").fill("sum")
    part(page, "tag-apply").click()
    expect(cell(page, 2)).to_have_attribute("data-nbprod-tag", "sum")
    expect(box).to_have_count(3, timeout=SOON)

    cell(page, 3).click()
    part(page, "tag-stage").fill("tell")
    part(page, "tag-apply").click()
    expect(cell(page, 3)).to_have_attribute("data-nbprod-tag", "tell")

    cell(page, 1).click()
    cell(page, 1).locator('[data-command="nbprod:tag-cell"]').click()
    page.locator(".jp-Dialog input").fill("setup")
    picture(page, "tag-dialog")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(cell(page, 1)).to_have_attribute("data-nbprod-tag", "setup")
    picture(page, "tags")

    save(page)
    expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=SOON)
    assert tag_of(path, "c1") == {"role": "setup"}
    assert tag_of(path, "c2") == {"stage": "sum"}
    source = "".join(json.loads(path.read_text())["cells"][2]["source"])
    assert source == "%%mlops stage tell --retries 2\nprint(total)"


def test_the_example_from_a_click_to_its_own_prediction(open_notebook, root):
    path = root / "churn.ipynb"
    content = json.loads((TOP / "example-notebooks" / "churn.ipynb").read_text())
    untagged = next(item for item in content["cells"] if item["metadata"].get("nbprod", {}).get("stage") == "split")
    del untagged["metadata"]["nbprod"]
    path.write_text(json.dumps(content))
    page = open_notebook(path)
    number = content["cells"].index(untagged) + 1
    cell(page, number).click()
    part(page, "tag-stage").fill("split")
    part(page, "tag-apply").click()
    expect(page.locator('[data-nbprod-stage="split"]')).to_be_visible(timeout=SOON)

    part(page, "run").click()
    expect(part(page, "stop")).to_be_visible(timeout=SOON)
    picture(page, "running")
    expect(page.locator('[data-nbprod-run][data-nbprod-state="succeeded"]')).to_be_visible(timeout=LONG)
    expect(page.locator('.jp-nbprod-box[data-nbprod-state="succeeded"]')).to_have_count(5)
    assert tag_of(path, untagged["id"]) == {"stage": "split"}
    picture(page, "ran")

    part(page, "deploy").click()
    card = page.locator('[data-nbprod-endpoint="churn"]')
    expect(card).to_be_visible(timeout=LONG)
    expect(part(page, "operation")).to_have_attribute("data-nbprod-state", "succeeded", timeout=LONG)
    card.locator("summary").click()
    card.locator('[data-nbprod="predict"]').click(timeout=SOON)
    expect(card.locator('[data-nbprod="expected"]')).to_have_attribute("data-nbprod-equal", "true", timeout=SOON)
    sample = json.loads(next((root / ".nbprod" / "models").rglob("sample.json")).read_text())
    shown = card.locator('[data-nbprod="prediction"]').inner_text()
    assert shown == str(sample["predictions"][0])
    card.scroll_into_view_if_needed()
    picture(page, "deployed")

    card.locator('[data-nbprod="stop-endpoint"]').click()
    expect(card).to_have_count(0, timeout=SOON)


@pytest.mark.slow
def test_a_failed_cell_is_marked_and_named(open_notebook, root, make_notebook):
    path = make_notebook(
        root / "fails.ipynb",
        [("stage:load", "rows = [1, 2]"), ("stage:total", "x = 1\nrows[5]"), ("stage:end", "x + 1")],
    )
    page = open_notebook(path)
    expect(page.locator("[data-nbprod-stage]")).to_have_count(3, timeout=SOON)
    part(page, "run").click()
    expect(part(page, "failure")).to_contain_text("cell 2", timeout=LONG)
    expect(cell(page, 2)).to_have_attribute("data-nbprod-error", re.compile("line 2: .*IndexError"))
    states = [page.locator(f'[data-nbprod-stage="{name}"]') for name in ("load", "total", "end")]
    for box, state in zip(states, ("succeeded", "failed", "skipped"), strict=True):
        expect(box).to_have_attribute("data-nbprod-state", state)
    picture(page, "failed")


@pytest.mark.slow
def test_without_the_server_extension_cells_can_still_be_tagged(page, root, make_notebook, open_notebook):
    path = make_notebook(root / "alone.ipynb", ["rows = [1, 2]"])
    page.route("**/nbprod/api/**", lambda route: route.fulfill(status=404, body="<html>nothing</html>"))
    open_notebook(path)
    expect(part(page, "server-missing")).to_contain_text("jupyter server extension enable nbprod", timeout=SOON)
    cell(page, 1).click()
    part(page, "tag-stage").fill("load")
    part(page, "tag-apply").click()
    expect(cell(page, 1)).to_have_attribute("data-nbprod-tag", "load")
    picture(page, "no-server")
