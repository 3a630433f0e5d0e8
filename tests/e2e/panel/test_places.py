"""Other places: a base URL, Notebook 7, the dark theme, no server extension, another Python, 500 cells; accessibility."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import lab
import pytest
from panel import LONG, MODEL, SOON, Panel, tag_of
from playwright.sync_api import expect

AXE = Path(__file__).parents[3] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
SMALL = [("parameters", "n = 2"), ("stage:load", "rows = [1] * n"), ("stage:sum", "total = sum(rows)\nprint(total)")]


def faults(panel: Panel) -> list[str]:
    """What axe-core finds serious in the panel and at the cells."""
    panel.page.evaluate(AXE.read_text())
    found = panel.page.evaluate(
        "axe.run({include: [['#nbprod-panel'], ['.jp-nbprod-chip'], ['.jp-nbprod-notes']].filter(s => document.querySelector(s[0]))})"
    )
    return [
        f"{item['id']} ({item['impact']}): {node['html'][:160]}"
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci in labextension")
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_no_serious_fault_in_either_theme(opened, root, make_notebook, theme):
    path = make_notebook(
        root / "axe.ipynb", [*SMALL, "import random\nprint(random.random())", ("stage:bad", "undefined_name")]
    )
    panel = opened(path)
    panel.page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: {json.dumps(theme)}}})")
    expect(panel.page.locator(f'body[data-jp-theme-name="{theme}"]')).to_be_attached(timeout=SOON)
    panel.expect_stages(["load", "sum", "bad"])
    panel.click("deploy")
    expect(panel.page.locator('[data-nbprod-target="local"]')).to_be_visible(timeout=SOON)
    panel.picture(theme.split()[1].lower())
    assert faults(panel) == []
    for tab in ("schedule", "monitor"):
        panel.page.locator(f'[data-nbprod-tab="{tab}"]').click()
        panel.page.wait_for_timeout(500)
        panel.picture(f"{theme.split()[1].lower()}-{tab}")
        assert faults(panel) == []


@pytest.mark.parametrize("width", [240, 600])
def test_the_panel_fits_its_width(opened, root, make_notebook, width):
    path = make_notebook(root / "width.ipynb", SMALL)
    panel = opened(path)
    panel.expect_stages(["load", "sum"])
    panel.run()
    panel.page.evaluate(
        f"(() => {{ const p = document.querySelector('#jp-left-stack'); p.style.width = '{width}px'; p.style.minWidth = '{width}px';"
        f" document.querySelector('#nbprod-panel').style.width = '{width}px'; }})()"
    )
    wide = panel.page.evaluate(
        "(() => { const p = document.querySelector('#nbprod-panel'); return p.scrollWidth - p.clientWidth; })()"
    )
    panel.picture(f"width-{width}")
    assert wide <= 0


def test_behind_a_base_url_no_address_of_the_machine_is_shown(panel_of, tmp_path, make_notebook):
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    make_notebook(root / "deep" / "tree.ipynb", MODEL)
    with lab.jupyterlab(root, tmp_path / "home", base_url="/user/ann/") as server:
        panel = panel_of(server, "deep/tree.ipynb")
        panel.expect_stages(["load", "train", "evaluate"])
        panel.deploy()
        card = panel.page.locator('[data-nbprod-endpoint="tree"]')
        panel.part("try").locator("summary").click()
        card.locator('[data-nbprod="predict"]').click(timeout=SOON)
        expect(card.locator('[data-nbprod="expected"]')).to_have_attribute("data-nbprod-equal", "true", timeout=SOON)
        shown = panel.page.locator("#nbprod-panel").inner_text()
        addresses = set(re.findall(r"https?://[^\s'\"]+", shown))
        assert addresses
        assert all(item.startswith(server.address + "/nbprod/endpoint/deep/tree.ipynb/-/tree") for item in addresses), (
            addresses
        )
        with panel.page.expect_popup() as popup:
            card.locator('[data-nbprod="docs"]').click()
        popup.value.get_by_role("button", name="Predict").click(timeout=SOON)
        expect(popup.value.locator("#answer")).to_contain_text("predictions", timeout=SOON)
        assert popup.value.url.startswith(server.address)
        popup.value.close()
        panel.picture("base-url")
        card.locator('[data-nbprod="stop-endpoint"]').click()
        expect(card).to_have_count(0, timeout=LONG)


def test_in_notebook_7(browser, tmp_path, make_notebook):
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    path = make_notebook(root / "seven.ipynb", SMALL)
    with lab.jupyterlab(root, tmp_path / "home", app="notebook") as server:
        context = browser.new_context(viewport={"width": 1400, "height": 1100})
        page = context.new_page()
        page.goto(f"{server.address}/notebooks/seven.ipynb?token={lab.TOKEN}")
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=LONG)
        panel = Panel(page, server)
        page.get_by_role("menuitem", name="nbprod").click(timeout=LONG)
        panel.menu("Open the nbprod Panel").click()
        panel.expect_stages(["load", "sum"])
        panel.run()
        panel.tag(3, "total")
        panel.save()
        assert tag_of(path, 3) == {"stage": "total"}
        panel.picture("notebook-7")
        context.close()


def test_without_the_server_extension_cells_can_still_be_tagged(panel_of, tmp_path, make_notebook):
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    path = make_notebook(root / "alone.ipynb", ["rows = [1, 2]"])
    with lab.jupyterlab(root, tmp_path / "home", without=True) as server:
        panel = panel_of(server, "alone.ipynb")
        expect(panel.part("server-missing")).to_contain_text("jupyter server extension enable nbprod", timeout=SOON)
        panel.tag(1, "load")
        panel.picture("no-server")
        panel.save()
        assert tag_of(path, 1) == {"stage": "load"}


def test_a_kernel_of_another_environment_runs_the_stages(panel_of, tmp_path, make_notebook):
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(other)], check=True)
    own = next(item for item in map(Path, sys.path) if item.name == "site-packages")
    site = next((other / "lib").glob("python*/site-packages"))
    (site / "shared.pth").write_text(f"{own}\n")
    home = tmp_path / "home"
    spec = home / "data" / "kernels" / "other"
    spec.mkdir(parents=True)
    argv = [str(other / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Other", "language": "python"}))
    kernel = {"name": "other", "display_name": "Other", "language": "python"}
    make_notebook(
        root / "other.ipynb", [("stage:where", "import sys\nprefix = sys.prefix\nprint(prefix)")], kernelspec=kernel
    )
    with lab.jupyterlab(root, home) as server:
        panel = panel_of(server, "other.ipynb")
        panel.run()
        executed = next((root / ".nbprod" / "runs").rglob("where.ipynb"), None) or next(
            (root / ".nbprod" / "runs").rglob("*where*.ipynb")
        )
        assert str(other) in executed.read_text()


def test_500_cells_are_marked_and_the_page_stays_responsive(opened, root, make_notebook):
    cells: list = [("stage:s0", "x0 = 1")]
    cells += [(f"stage:s{i // 50}", f"x{i} = x{i - 1} + 1") for i in range(1, 500)]
    path = make_notebook(root / "many.ipynb", cells)
    panel = opened(path)
    expect(panel.boxes()).to_have_count(10, timeout=LONG)
    expect(panel.cell(500)).to_have_attribute("data-nbprod-tag", "s9", timeout=LONG)
    panel.page.locator('[data-nbprod-stage="s9"]').click()
    expect(panel.cell(451)).to_have_class(re.compile("jp-mod-active"), timeout=SOON)
    panel.tag(451, "tenth")
    expect(panel.box("tenth")).to_be_visible(timeout=SOON)
    panel.picture("500")


def test_status_bar_menu_and_settings(panel_of, server, root, make_notebook):
    make_notebook(root / "around.ipynb", SMALL)
    panel = panel_of(server, "around.ipynb")
    panel.expect_stages(["load", "sum"])
    status = panel.page.locator(".jp-nbprod-status")
    expect(status).to_contain_text("%")
    panel.page.locator('.lm-TabBar-tab[data-id="filebrowser"]').click()
    expect(panel.part("panel")).to_be_hidden()
    status.click()
    expect(panel.part("panel")).to_be_visible()

    panel.page.get_by_role("menuitem", name="nbprod").click()
    panel.picture("menu")
    panel.menu("Verify").click()
    panel.expect_operation("verify")

    expect(panel.chip(2)).to_be_visible()
    panel.page.evaluate(
        "jupyterapp.serviceManager.settings.save('nbprod:plugin', JSON.stringify({cellChips: false})).then(() => null)"
    )
    panel.page.reload()
    panel.unfold()
    panel.expect_stages(["load", "sum"])
    expect(panel.chip(2)).to_be_hidden()
    panel.page.evaluate("jupyterapp.serviceManager.settings.save('nbprod:plugin', '{}').then(() => null)")


def test_the_launcher_opens_the_example_without_tags(opened, root, make_notebook):
    panel = opened(make_notebook(root / "before.ipynb", SMALL))
    panel.expect_stages(["load", "sum"])
    panel.command("launcher:create")
    panel.picture("launcher")
    panel.page.locator(".jp-LauncherCard", has_text="nbprod Example").click()
    expect(panel.part("no-tags")).to_be_visible(timeout=LONG)
    assert all("nbprod" not in cell["metadata"] for cell in json.loads((root / "churn.ipynb").read_text())["cells"])


def test_another_version_of_the_server_is_said_and_nothing_stops(opened, root, make_notebook, panel_of, server):
    path = make_notebook(root / "skew.ipynb", SMALL)
    panel = opened(path)
    panel.page.route(
        "**/nbprod/api/status*", lambda route: route.fulfill(status=200, body=json.dumps({"version": "9.9.9"}))
    )
    panel.page.reload()
    panel.unfold()
    expect(panel.part("version-skew")).to_contain_text("9.9.9", timeout=SOON)
    panel.expect_stages(["load", "sum"])
    panel.run()
    panel.picture("version-skew")
