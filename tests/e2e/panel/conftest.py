"""Fixtures of browser tests: a JupyterLab of the installed nbprod, a Chromium, and the panel opened on a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import lab
import pytest
from panel import Panel
from playwright.sync_api import Browser, sync_playwright

from nbprod import api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here need a browser; all but the way from the example to its endpoint are slow."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.skipif(lab.CHROMIUM is None, reason="no Chromium on PATH"))
            if item.path.name != "test_tutorial.py":
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for this module only: pytest-playwright's own, of the session, would keep an event loop running in
    every test after it."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(headless=True, args=lab.FLAGS, executable_path=lab.CHROMIUM)
        yield found
        found.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's folder, a project of its own."""
    folder = tmp_path_factory.mktemp("lab") / "root"
    (folder / ".git").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    """One server for all tests of a module."""
    with lab.jupyterlab(root, tmp_path_factory.mktemp("home")) as found:
        yield found
    api.stop_all(root)


@pytest.fixture
def panel_of(browser: Browser) -> Iterator[Callable[..., Panel]]:
    """Open the panel in a window of its own: `panel_of(server, "n.ipynb", theme=…, width=…)`."""
    contexts = []

    def open_panel(server: lab.Server, path: str, **options: object) -> Panel:
        size = {"width": int(options.pop("width", 1400)), "height": 1100}  # type: ignore[call-overload]  # an int
        context = browser.new_context(viewport=size, **options)  # type: ignore[arg-type]  # playwright's own options
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        return Panel(context.new_page(), server).open(path)

    yield open_panel
    for context in contexts:
        context.close()


@pytest.fixture
def opened(panel_of: Callable[..., Panel], server: lab.Server) -> Callable[[Path], Panel]:
    """Open the panel on a notebook of the module's server."""
    return lambda path: panel_of(server, path.name)


@pytest.fixture(scope="session")
def untagged() -> Callable[[Path], Path]:
    """Write the example without its tags, as somebody has it who has never seen nbprod."""

    def write(path: Path) -> Path:
        return api.example("churn.ipynb", path.parent, tagged=False).rename(path)

    return write
