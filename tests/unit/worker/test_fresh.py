"""A module of the user's own is what its file says now, whatever bytecode says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbprod

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from nbprod.worker import fresh
fresh.install()
fresh.install()
sys.path.insert(0, sys.argv[2])
import helper, inner.part
import json.decoder
print(helper.VALUE, inner.part.VALUE, len([hook for hook in sys.path_hooks if hook is fresh._finder]))
"""


def test_a_file_saved_twice_in_a_second_is_read_anew(tmp_path: Path):
    (tmp_path / "inner").mkdir()
    files = [tmp_path / "helper.py", tmp_path / "inner" / "part.py"]
    seen = []
    for value in (1, 2):
        for file in files:
            file.write_text(f"VALUE = {value}\n")
            os.utime(file, (1_000_000_000, 1_000_000_000))
        env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        source = str(Path(nbprod.__file__).parent.parent)
        if value == 1:  # bytecode made by a plain import, as a kernel does
            plain = "import sys; sys.path.insert(0, sys.argv[1]); import helper, inner.part"
            subprocess.run([sys.executable, "-c", plain, str(tmp_path)], env=env, check=True)
        command = [sys.executable, "-c", SCRIPT, source, str(tmp_path)]
        seen.append(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split())
    assert seen == [["1", "1", "1"], ["2", "2", "1"]]
