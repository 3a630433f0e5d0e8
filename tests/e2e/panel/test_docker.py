"""Deployed to a Docker engine of our own from the browser."""

from __future__ import annotations

import subprocess
import sys

import lab
import pytest
from panel import LONG, MODEL, SOON
from playwright.sync_api import expect

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the base image has Debian's Python 3.11"),
]


def test_deploy_to_docker_and_try_it(panel_of, docker_engine, tmp_path, make_notebook):
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    make_notebook(root / "boxed.ipynb", MODEL)
    # what the Dockerfile starts from cannot be pulled here; the engine knows our own base by that name
    name = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
    subprocess.run(["docker", "-H", docker_engine, "tag", "nbprod-base:bookworm", name], check=True)
    environment = {"DOCKER_HOST": docker_engine}
    with lab.jupyterlab(root, tmp_path / "home", env=environment) as server:
        panel = panel_of(server, "boxed.ipynb")
        panel.expect_stages(["load", "train", "evaluate"])
        panel.deploy("docker")
        card = panel.page.locator('[data-nbprod-endpoint="boxed"]')
        expect(card).to_have_attribute("data-nbprod-state", "healthy", timeout=LONG)
        expect(card).to_contain_text("docker")
        panel.part("try").locator("summary").click()
        card.locator('[data-nbprod="predict"]').click(timeout=SOON)
        expect(card.locator('[data-nbprod="expected"]')).to_have_attribute("data-nbprod-equal", "true", timeout=SOON)
        panel.picture("docker")
        card.locator('[data-nbprod="stop-endpoint"]').click()
        expect(card).to_have_count(0, timeout=LONG)
