"""Kernels forked from a zygote behind unmodified nbclient: they are the kernel, only sooner there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import jupyter_client
import pytest
from engines_compared import cases, kernel, models, shown
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient.exceptions import CellTimeoutError

from nbprod.execution.engines import provisioner

SOURCES = (
    "import sys, os\nprint('pandas' in sys.modules, type(get_ipython()).__module__)",
    "import matplotlib.pyplot as plt, pandas as pd\nplt.plot([1, 2])\npd.get_option('display.max_columns')",
    "import ipywidgets\nipywidgets.IntSlider(3)",
    "input()",
    "1 / 0",
    "import asyncio\nawait asyncio.sleep(0, 'awaited')",
)


@pytest.fixture
def forking(monkeypatch):
    """Kernels are started by the provisioner."""
    monkeypatch.setattr(KernelProvisionerFactory.instance(), "default_provisioner_name", "nbprod")


def test_a_forked_kernel_is_a_kernel(forking, tmp_path):
    found = kernel(list(SOURCES), tmp_path)
    seen = [shown(cell, models(found)) for cell in found.cells]
    assert seen[0] == [("stdout", "True ipykernel.zmqshell\n")], "what is imported ahead is there"
    assert [item[0] for item in seen[1]] == ["execute_result", "display_data"]
    assert seen[1][0][1]["text/plain"] == "20"
    assert "image/png" in seen[1][1][1]
    assert "application/vnd.jupyter.widget-view+json" in seen[2][0][1]
    assert [seen[3][0][1], seen[4][0][1]] == ["StdinNotImplementedError", "ZeroDivisionError"]
    assert seen[5][0][1]["text/plain"] == "'awaited'"
    assert len(models(found)) == 3


def test_interrupt_and_end(forking, tmp_path):
    manager = jupyter_client.KernelManager()
    manager.start_kernel(cwd=str(tmp_path))
    try:
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        request = client.execute("print('go', flush=True)\nimport time\ntime.sleep(600)")
        while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            pass
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=60)
        assert (reply["parent_header"]["msg_id"], reply["content"]["ename"]) == (request, "KeyboardInterrupt")
        pid = manager.provisioner.pid
        assert isinstance(manager.provisioner.process, provisioner.Process)
        client.stop_channels()
    finally:
        manager.shutdown_kernel()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_a_kernel_ends_with_who_started_it(tmp_path):
    source = (
        "import jupyter_client, time\nm = jupyter_client.KernelManager()\nm.start_kernel()\n"
        "print(m.provisioner.pid, flush=True)\ntime.sleep(600)"
    )
    environment = {**os.environ, "JUPYTER_DEFAULT_PROVISIONER_NAME": "nbprod"}
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, env=environment, cwd=tmp_path)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    os.kill(pid, 0)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)  # a process that ends by itself
    pytest.fail("the kernel lives on")


@pytest.mark.slow
def test_a_timeout_is_one(forking, tmp_path):
    with pytest.raises(CellTimeoutError):
        kernel(["import time\ntime.sleep(600)"], tmp_path, timeout=1)


@pytest.mark.slow
def test_all_cells_show_what_they_show_in_a_kernel_that_is_started(tmp_path, monkeypatch):
    chosen = [case for case in cases() if not case.alone and case.name not in ("arguments", "deep-recursion")]
    sources = [source for case in chosen for source in case.cells]
    found = []
    for name in ("local-provisioner", "nbprod"):
        monkeypatch.setattr(KernelProvisionerFactory.instance(), "default_provisioner_name", name)
        (tmp_path / name).mkdir()
        notebook = kernel(sources, tmp_path / name)
        found.append([shown(cell, models(notebook)) for cell in notebook.cells])
    for source, started, forked in zip(sources, *found, strict=True):
        assert str(forked).replace("nbprod", "") == str(started).replace("local-provisioner", ""), source


def test_other_commands_are_no_concern_of_ours():
    assert provisioner._arguments([sys.executable, "-m", "ipykernel_launcher", "-f", "x"]) == ["-f", "x"]
    assert provisioner._arguments([sys.executable, "-X", "a", "-m", "ipykernel", "-f", "x"]) == ["-f", "x"]
    for other in (["R", "-f", "x"], [sys.executable, "-m", "bash_kernel", "-f", "x"], [sys.executable, "x.py"], []):
        assert provisioner._arguments(other) is None
