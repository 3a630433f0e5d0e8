"""What cells show arrives as a kernel would send it, and in order."""

from __future__ import annotations


def text(result):
    return "".join(item["text"] for item in result.outputs if item["output_type"] == "stream")


def test_value_of_the_last_expression(shared):
    result = shared.run("class Shown:\n    def _repr_html_(self):\n        return '<b>x</b>'\nShown()")
    (output,) = result.outputs
    assert output["output_type"] == "execute_result"
    assert output["data"]["text/html"] == "<b>x</b>"
    finished = next(event for event in result.events if event["event"] == "cell-finished")
    assert output["execution_count"] == finished["execution_count"]


def test_semicolon_shows_nothing(shared):
    assert shared.run("1 + 1;").outputs == []


def test_order_of_streams_programs_and_displays(shared):
    result = shared.run(
        "import os, sys\n"
        "print('a'); os.system('echo b'); print('c')\n"
        "os.write(1, b'd\\n'); sys.stderr.write('e\\n'); os.write(2, b'f\\n')\n"
        "display(1)\n"
        "print('g')\n"
        "!echo h"
    )
    kinds = [item.get("text") or item["data"]["text/plain"] for item in result.outputs]
    assert [kind.replace("\r", "") for kind in kinds] == ["a\nb\nc\nd\n", "e\nf\n", "1", "g\nh\n"]


def test_subprocess_and_buffer_and_underlying_stream(shared):
    result = shared.run(
        "import subprocess, sys\n"
        "subprocess.run(['sh', '-c', 'echo one; echo two >&2'], stdout=sys.stdout)\n"
        "sys.stdout.buffer.write(b'three\\n')\n"
        "print('four', file=sys.__stdout__)\n"
        "assert not sys.stdout.isatty()\n"
        "sys.stdout.reconfigure(line_buffering=True)\n"
        "None"
    )
    assert result.stream() == "one\nthree\nfour\n"
    assert result.stream("stderr") == "two\n"


def test_a_hundred_thousand_flushed_lines_are_few_messages(shared):
    result = shared.run("for i in range(100_000):\n    print(i, flush=True)")
    assert result.stream() == "".join(f"{i}\n" for i in range(100_000))
    assert sum(event["event"] == "output" for event in result.events) < 2_000


def test_forked_child_prints(shared):
    result = shared.run(
        "import os\npid = os.fork()\nif not pid:\n    print('child', flush=True)\n    os._exit(0)\n"
        "os.waitpid(pid, 0)\nprint('parent')"
    )
    assert sorted(result.stream().split()) == ["child", "parent"]


def test_threads_print_everything(shared):
    result = shared.run(
        "import threading\n"
        "threads = [threading.Thread(target=lambda i=i: print(f'line {i}')) for i in range(20)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
        "del t, threads"
    )
    assert sorted(result.stream()) == sorted("".join(f"line {i}\n" for i in range(20)))


def test_text_no_encoding_knows(shared):
    assert shared.run("print('a\\ud800b')").stream() == "a?b\n"


def test_display_id_and_update(shared):
    result = shared.run("h = display(1, display_id='here')\nh.update(2)\ndel h")
    shown = next(event for event in result.events if event["event"] == "output")
    update = next(event for event in result.events if event["event"] == "update")
    assert shown["output"]["transient"] == {"display_id": "here"}
    assert update["display_id"] == "here"
    assert update["output"]["data"]["text/plain"] == "2"


def test_clear_output(shared):
    result = shared.run("from IPython.display import clear_output\nprint(1)\nclear_output(wait=True)\nprint(2)")
    names = [event["event"] for event in result.events if event["event"] in {"output", "clear"}]
    assert names == ["output", "clear", "output"]
    assert next(event for event in result.events if event["event"] == "clear")["wait"] is True


def test_bundles_are_json(shared):
    result = shared.run(
        "import numpy as np\nfrom IPython.display import display as show\n"
        "show({'application/json': {'x': np.float64('nan'), 'n': np.int64(3)}, 'image/png': b'\\x89PNG'}, raw=True,"
        " metadata={'image/png': {'width': np.int64(4)}})"
    )
    (output,) = result.outputs
    assert output["data"] == {"application/json": {"x": "nan", "n": 3}, "image/png": "iVBORw=="}
    assert output["metadata"] == {"image/png": {"width": 4}}


def test_figures_are_shown_at_the_end_of_their_cell(shared):
    result = shared.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('after')", "%matplotlib inline\n3")
    kinds = [item["output_type"] for item in result.outputs]
    assert kinds == ["stream", "execute_result"] or kinds == ["stream", "display_data", "execute_result"]
    figure = next(item for item in result.outputs if item["output_type"] == "display_data")
    assert figure["data"]["image/png"].startswith("iVBOR")


def test_captured_output_stays_in_the_cell(shared):
    result = shared.run("%%capture taken\nprint('hidden')", "print(taken.stdout)\ndel taken")
    assert result.stream() == "hidden\n\n"


def test_warnings_go_to_stderr_with_their_line(shared):
    result = shared.run("import warnings\n\nwarnings.warn('careful')")
    assert "<churn.ipynb cell 1>:3: UserWarning: careful" in result.stream("stderr")


def test_libraries_think_they_are_in_a_notebook(shared):
    assert shared.run("print(type(get_ipython()).__name__)").stream() == "ZMQInteractiveShell\n"


def test_output_cache(shared):
    assert shared.run("41 + 1", "_ + 1").outputs[-1]["data"]["text/plain"] == "43"


def test_pandas_shows_tables_as_in_a_notebook_and_not_as_in_a_terminal(shared):
    source = "import pandas as pd\nprint(pd.DataFrame([['x' * 20] * 9]))\nprint(pd.get_option('display.max_columns'))"
    shown = shared.run(source).stream()
    assert "..." not in shown
    assert shown.endswith("\n20\n")


def test_a_lone_line_end_keeps_its_place(shared):
    source = "import os\nos.write(1, b'raw')\nprint()\nprint('a', end='')\nos.write(1, b'b')\nprint('c', 'd')"
    assert shared.run(source).stream() == "raw\nabc d\n"
