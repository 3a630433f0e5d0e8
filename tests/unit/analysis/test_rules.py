"""Roles, steps, edges, parameters, models: the rules of DATAFLOW.md one by one."""

from __future__ import annotations

import pytest


def edges(pipeline, kind="data"):
    return {(edge.source, edge.target): edge.names for edge in pipeline.edges if edge.kind == kind}


def steps(stage, kind):
    return [(step.cell, step.source) for step in stage.steps if step.kind == kind]


def role(pipeline, cell):
    found = next(item for item in pipeline.roles if item.cell == cell)
    return found.role, found.stage, found.inferred


def test_no_tag_is_one_stage(analysed):
    pipeline = analysed(["x = 1", "y = x"])
    assert [(stage.name, stage.cells) for stage in pipeline.stages] == [("notebook", (1, 2))]
    assert role(pipeline, 1) == ("stage", "notebook", True)


def test_own_cells_are_kept_byte_for_byte(analysed):
    source = "# Übung\n\nx = (1,\n     2)   # c"
    assert steps(analysed([("a", source)]).stages[0], "cell") == [(1, source)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_python_has_it(analysed, end):
    cells = [("setup", end.join(["", "g = 2", "def f(x):", "    return x + g", "", "h = 3"])), ("a", "y = f(h)")]
    (stage,) = analysed(cells).stages
    assert steps(stage, "replay") == [(1, "g = 2"), (1, "def f(x):\n    return x + g"), (1, "h = 3")]


def test_imports_definitions_and_constants_are_replayed_only_where_needed(analysed):
    cells = [
        ("setup", "import math\nimport json\nK = 2\ndef f(x):\n    return math.floor(x * K)\n"),
        ("a", "x = 1"),
        ("b", "y = f(x)"),
    ]
    a, b = analysed(cells).stages
    assert steps(a, "replay") == []
    assert [source for _, source in steps(b, "replay")] == [
        "import math",
        "K = 2",
        "def f(x):\n    return math.floor(x * K)",
    ]
    assert b.replays == ("K", "f", "math")
    assert [step.first_line for step in b.steps] == [1, 3, 4, 1]


def test_what_is_no_definition_joins_the_stage_before(analysed):
    pipeline = analysed(
        [("setup", "import random\nrandom.seed(1)"), ("a", "x = 1"), "z = [x]\nz.append(2)", ("b", "y = z")]
    )
    a = pipeline.stages[0]
    assert steps(a, "cell") == [(1, "random.seed(1)"), (2, "x = 1"), (3, "z = [x]\nz.append(2)")]
    assert {item.code for item in pipeline.diagnostics} == {"NB306"}
    assert role(pipeline, 3) == ("stage", "a", True)


@pytest.mark.parametrize("source", ["df.head()", "print(len(df))", "df.describe()",
        "df.shape", "import seaborn as sns\nsns.pairplot(df)", "%whos", "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot(df)\nplt.show()"])  # fmt: skip
def test_exploration_is_left_out(source, analysed):
    pipeline = analysed([("a", "import pandas as pd\ndf = pd.DataFrame({'x': [1]})"), source, ("b", "n = len(df)")])
    assert pipeline.left_out == (2,)
    assert role(pipeline, 2)[0] == "exploration"


@pytest.mark.parametrize("source", ["df.to_csv('out.csv')", "mystery(df)", "df['z'] = 1", "summary = df.describe()", "import numpy as np\nnp.random.rand()", "!touch x", "open('x', 'w').write('a')", "import requests\nrequests.get('http://x')"])  # fmt: skip
def test_what_has_effects_is_not_left_out(source, analysed):
    pipeline = analysed(
        [
            ("a", "from lib import mystery\nimport pandas as pd\ndf = pd.DataFrame({'x': [1]})"),
            source,
            ("b", "n = len(df)"),
        ]
    )
    assert pipeline.left_out == ()
    assert 2 in pipeline.stages[0].cells


def test_edges_of_all_three_kinds(analysed):
    pipeline = analysed([("a", "x = [1]"), ("b", "y = len(x)"), ("c", "x = [2]"), ("d", "z = len(x)")])
    assert edges(pipeline) == {("a", "b"): ("x",), ("c", "d"): ("x",)}
    assert edges(pipeline, "order") == {("a", "c"): ("x",), ("b", "c"): ("x",)}


def test_a_maybe_write_is_a_read(analysed):
    pipeline = analysed([("a", "x = 1\nf = 0"), ("b", "if f:\n    x = 2"), ("c", "y = x")])
    assert pipeline.stage("b").reads == ("f", "x")
    assert edges(pipeline)[("a", "c")] == ("x",)


def test_pure_readers_run_side_by_side(analysed):
    pipeline = analysed(
        [
            ("a", "import pandas as pd\ndf = pd.read_csv('x.csv')"),
            ("b", "m = df.mean()"),
            ("c", "s = df.groupby('x').sum()"),
        ]
    )
    assert ("b", "c") not in {(edge.source, edge.target) for edge in pipeline.edges}
    assert pipeline.stage("a").files_read == ("x.csv",)


def test_notebook_functions_that_change_nothing_are_pure(analysed):
    pipeline = analysed(
        [
            ("setup", "def mean(d):\n    t = sum(d)\n    return t / len(d)"),
            ("a", "xs = [1]"),
            ("b", "m = mean(xs)"),
            ("c", "n = mean(xs)"),
        ]
    )
    assert pipeline.stage("b").writes == ("m",)
    assert ("b", "c") not in {(edge.source, edge.target) for edge in pipeline.edges}


def test_unknown_calls_may_change_what_they_are_given(analysed):
    pipeline = analysed([("a", "from lib import f\nxs = [1]"), ("b", "f(xs)"), ("c", "n = xs")])
    assert "xs" in pipeline.stage("b").writes
    assert edges(pipeline)[("b", "c")] == ("xs",)


def test_files_are_edges(analysed):
    pipeline = analysed(
        [
            ("a", "open('x.txt', 'w').write('a')"),
            ("b", "t = open('x.txt').read()"),
            ("c", "open('x.txt', 'a').write('b')"),
        ]
    )
    assert edges(pipeline, "file") == {("a", "b"): ("file:x.txt",), ("a", "c"): ("file:x.txt",)}
    assert edges(pipeline, "order") == {("b", "c"): ("file:x.txt",)}
    assert pipeline.stage("c").files_written == ("x.txt",)


def test_state_is_an_edge(analysed):
    pipeline = analysed(
        [
            ("setup", "import numpy as np\nnp.random.seed(0)"),
            ("a", "x = 1"),
            ("b", "y = np.random.rand()"),
            ("c", "z = np.random.rand()"),
        ]
    )
    assert edges(pipeline, "state") == {("a", "b"): ("state:numpy.random",), ("b", "c"): ("state:numpy.random",)}
    assert not pipeline.stage("b").volatile


def test_options_of_setup_are_repeated_in_every_stage_after_them(analysed):
    pipeline = analysed(
        [
            (
                "setup",
                "%matplotlib inline\nimport warnings\nwarnings.filterwarnings('ignore')\nimport os\nos.environ['A'] = '1'",
            ),
            ("a", "x = 1"),
            ("b", "y = 1"),
        ]
    )
    for stage in pipeline.stages:
        assert [source for _, source in steps(stage, "replay")] == [
            "%matplotlib inline",
            "import warnings",
            "warnings.filterwarnings('ignore')",
            "import os",
            "os.environ['A'] = '1'",
        ]


@pytest.mark.parametrize(
    ("before", "waits"),
    [
        ("import sys\nsys.path.append('src')", True),
        ("import os\nos.environ['BACKEND'] = 'b'", True),
        ("%cd src", True),
        ("%%writefile helper.py\ndef f(x): return x", True),
        ("%%writefile other.py\ndef f(x): return x", False),
        ("k = 1", False),
    ],
)
def test_an_import_is_not_replayed_before_what_prepares_it(analysed, before, waits):
    pipeline = analysed([("a", before), "import helper", ("a", "x = helper.f(1)"), ("b", "y = helper.f(x)")])
    a, b = pipeline.stages
    assert (2 in a.cells) == waits
    assert ("import helper" in [source for _, source in steps(b, "replay")]) != waits
    assert ("helper" in edges(pipeline)["a", "b"]) == waits


@pytest.mark.parametrize("first", ["from __future__ import annotations", ("a", "from __future__ import annotations")])
def test_a_future_import_holds_in_all_stages_after_it(analysed, first):
    pipeline = analysed([first, ("a", "x = 1"), ("b", "def f(y: Later) -> Never: return y\nz = f(x)")])
    assert pipeline.diagnostics == ()
    assert [source for _, source in steps(pipeline.stage("b"), "replay")] == ["from __future__ import annotations"]


def test_what_ipython_takes_is_taken(analysed):
    pipeline = analysed(
        ["import os\nfrom __future__ import division", ("a", "\n  x = 1\n  y = 2"), ("b", "z = __builtins__")]
    )
    assert pipeline.diagnostics == ()
    assert pipeline.stage("a").writes == ("x", "y")


def test_names_of_another_python_may_be_missing(analysed):
    old = "import sys\nif sys.version_info < (3, 0):\n    x = unicode('x')\nelse:\n    x = 'x'"
    assert analysed([("a", old), ("b", "y = x")]).diagnostics == ()
    assert [item.code for item in analysed([("a", "if len('a'):\n    x = unicode('x')")]).diagnostics] == ["NB201"]


def test_sys_path_is_set_before_what_is_imported_from_there(analysed):
    pipeline = analysed(
        [("setup", "import sys\nsys.path.insert(0, 'src')\nimport helper"), ("a", "x = 1"), ("b", "y = helper.f(x)")]
    )
    assert [source for _, source in steps(pipeline.stage("b"), "replay")] == [
        "import sys",
        "sys.path.insert(0, 'src')",
        "import helper",
    ]


def test_connections_are_made_again(analysed):
    pipeline = analysed(
        [
            ("parameters", "path = 'x.db'"),
            ("setup", "import sqlite3\ncon = sqlite3.connect(path)"),
            ("a", "con.execute('INSERT INTO t VALUES (1)')\ncon.commit()"),
            ("b", "import pandas as pd\ndf = pd.read_sql('SELECT * FROM t', con)"),
        ]
    )
    b = pipeline.stage("b")
    assert "con" in b.replays
    assert b.volatile
    assert edges(pipeline, "order") == {("a", "b"): ("state:database",)}
    assert b.parameters == ("path",)


@pytest.mark.parametrize(
    "made", ["sqlite3.connect(':memory:')", "sqlite3.connect('x.db')\ncon.execute('INSERT INTO t VALUES (1)')"]
)
def test_connections_that_hold_something_are_not(made, analysed):
    pipeline = analysed([("a", f"import sqlite3\ncon = {made}"), ("b", "x = con.execute('SELECT 1').fetchone()")])
    assert pipeline.stage("b").reads == ("con",)


VOLATILE = {
    "import requests\nx = requests.get('http://a').text": "requests.get uses the network",
    "import time\nx = time.time()": "time.time reads the clock",
    "from datetime import datetime\nx = datetime.now()": "datetime.datetime.now reads the clock",
    "import uuid\nx = uuid.uuid4()": "uuid.uuid4 draws entropy",
    "import numpy as np\nx = np.random.default_rng()": "numpy.random.default_rng() without a seed draws entropy",
    "import random\nx = random.random()": "random.random draws random numbers without a seed",
    "import subprocess\nsubprocess.run(['ls'])": "subprocess.run starts a process",
    "from sklearn.ensemble import RandomForestClassifier\nm = RandomForestClassifier()": "RandomForestClassifier() without random_state draws random numbers without a seed",
    "def f():\n    import time\n    return time.time()\nx = f()": "time.time reads the clock",
}


@pytest.mark.parametrize("source", VOLATILE)
def test_volatile_stages_say_why(source, analysed):
    assert analysed([("a", source)]).stages[0].volatile == (VOLATILE[source],)


@pytest.mark.parametrize("source", ["import numpy as np\nrng = np.random.default_rng(0)\nx = rng.random()", "from sklearn.ensemble import RandomForestClassifier\nm = RandomForestClassifier(random_state=0)", "import random\nrandom.seed(1)\nx = random.random()", "from sklearn.linear_model import LogisticRegression\nm = LogisticRegression()"])  # fmt: skip
def test_seeded_stages_are_not_volatile(source, analysed):
    assert not analysed([("a", source)]).stages[0].volatile


def test_environment_and_modules(analysed):
    stage = analysed(
        [("a", "import os\nimport xml.dom\nx = os.environ['HOME'], os.getenv('USER'), os.environ.get('LANG')")]
    ).stages[0]
    assert stage.environment == ("HOME", "LANG", "USER")
    assert stage.modules == ("os", "xml")


def test_parameters_with_types_defaults_and_help(analysed):
    source = """n = 10  # how many
# the share held out,
# as a fraction
share: float = 1
name = 'has = sign'
d = dict(a=1)
a, b = 1, "x"
maybe: None | str = None
other: "Optional[int]" = 3
half = n * 2
big = 10 ** 6
if n > 5:
    q = 1
xs = [1, 2]
import datetime
day = datetime.date(2024, 1, 1)
flag = True
n = 11  # changed
"""
    found = {item.name: item for item in analysed([("parameters", source), ("a", "x = n")]).parameters}
    got = {name: (item.type, item.default, item.help, item.optional) for name, item in found.items()}
    assert got == {
        "n": ("int", 11, "changed", False),
        "share": ("float", 1, "the share held out, as a fraction", False),
        "name": ("str", "has = sign", "", False),
        "d": ("dict", {"a": 1}, "", False),
        "a": ("int", 1, "", False),
        "b": ("str", "x", "", False),
        "maybe": ("str", None, "", True),
        "other": ("int", 3, "", True),
        "half": ("int", 20, "", False),
        "big": ("int", 10**6, "", False),
        "xs": ("list", [1, 2], "", False),
        "day": ("date", None, "", False),
        "flag": ("bool", True, "", False),
    }
    assert found["half"].derived_from == ("n",)
    assert found["day"].default_source == "datetime.date(2024, 1, 1)"


def test_parameters_go_to_the_stages_that_read_them(analysed):
    pipeline = analysed([("parameters", "n = 1\nm = 2"), ("a", "x = n"), ("b", "y = m"), ("c", "z = x + y")])
    assert [stage.parameters for stage in pipeline.stages] == [("n",), ("m",), ()]
    assert [len(steps(stage, "parameters")) for stage in pipeline.stages] == [1, 1, 0]


def test_one_parameter_changed_leaves_other_stages_code_alone(analysed):
    one = analysed([("parameters", "n = 1\nm = 2"), ("a", "x = n"), ("b", "y = m")])
    two = analysed([("parameters", "n = 5\nm = 2"), ("a", "x = n"), ("b", "y = m")])
    assert one.stage("a").code_digest != two.stage("a").code_digest
    assert one.stage("b").code_digest == two.stage("b").code_digest


def test_comments_and_layout_do_not_change_the_digest(analysed):
    one, two = (
        analysed([("a", source)]).stages[0].code_digest for source in ("x = 1 # a\ny = 2", "# b\nx  =  1\n\ny = 2\n")
    )
    assert one == two


MODELS = {
    "m = LogisticRegression()\nm.fit(X, y)\np = m.predict(T)": [("m", ("T", "X"))],
    "m = LogisticRegression().fit(X, y)": [("m", ("X",))],
    "s = StandardScaler()\nZ = s.fit_transform(X)\nm = LogisticRegression().fit(Z, y)": [("m", ("Z",))],
    "a = LogisticRegression().fit(X, y)\nb = LogisticRegression().fit(X, y)\nb.score(T, y)": [
        ("b", ("T", "X")),
        ("a", ("X",)),
    ],
    "m = LogisticRegression().fit(X, y)\ndel m": [],
}


@pytest.mark.parametrize("source", MODELS)
def test_models(source, analysed):
    head = "from sklearn.linear_model import LogisticRegression\nfrom sklearn.preprocessing import StandardScaler\nX = y = T = None\n"
    found = analysed([("a", head + source)]).models
    assert [(item.name, item.inputs) for item in found] == MODELS[source]


def test_serve_gets_what_its_function_needs(analysed):
    cells = [
        ("setup", "import math\nK = 2\ndef helper(x):\n    return math.floor(x) * K"),
        ("a", "model = {'w': 1}\nother = 5"),
        ("serve", "def predict(row):\n    return helper(row['x']) * model['w']"),
    ]
    serve = analysed(cells).serve
    assert serve.reads == ("model",)
    assert serve.replays == ("K", "helper", "math")


def test_gates_and_tests_run_after_the_stages(analysed):
    pipeline = analysed([("a", "acc = 0.9"), ("gate", "assert acc > 0.8"), ("test", "assert acc < 1")])
    assert pipeline.gate.reads == ("acc",)
    assert pipeline.test.cells == (3,)
    assert [stage.name for stage in pipeline.stages] == ["a"]


def test_options_merge_over_cells(analysed):
    cells = [
        ("a", "x = 1", {"retries": 2, "metrics": ["x"], "resources": {"cpu": 2}}),
        ("a", "y = 2", {"timeout": "1m", "metrics": ["y"], "resources": {"mem": "1Gi"}}),
    ]
    options = analysed(cells).stages[0].options
    assert (options.retries, options.timeout, options.metrics) == (2, 60.0, ("x", "y"))
    assert (options.resources.cpu, options.resources.mem) == (2.0, 2**30)


def test_magics_keep_their_text_and_bind_names(analysed):
    cells = [
        ("a", "%%time\nx = 1"),
        ("b", "%time y = x + 1\nfiles = !ls"),
        ("c", "%%capture out\nz = y"),
        ("d", "n = len(files), out, z"),
    ]
    pipeline = analysed(cells)
    assert not pipeline.errors
    assert [steps(stage, "cell")[0][1] for stage in pipeline.stages] == [cell[1] for cell in cells]
    assert pipeline.stage("d").reads == ("files", "out", "z")
    assert pipeline.stage("b").reads == ("x",)


def test_first_line_counts_in_the_authors_cell(analysed):
    pipeline = analysed([("a", "x = 1"), ("b", "%%mlops stage b\n%%time\ny = nobody")])
    assert steps(pipeline.stage("b"), "cell") == [(2, "%%time\ny = nobody")]
    assert pipeline.stage("b").steps[-1].first_line == 2
    assert [(item.code, item.line) for item in pipeline.errors] == [("NB201", 3)]


def test_several_notebooks_are_one_pipeline(book):
    from nbprod.analysis import analyze

    pipeline = analyze([book([("a", "x = 1")]), book([("b", "y = x")])])
    assert edges(pipeline) == {("a", "b"): ("x",)}


def test_what_fit_learned_is_no_function_that_changes_what_it_is_given(analysed):
    source = (
        "class Levels:\n    def fit(self, xs):\n        self.levels_ = dict(zip(xs, xs))\n        return self\n"
        "    def transform(self, xs):\n        return xs.map(self.levels_)"
    )
    cells = [("setup", source), ("a", "xs = open('x').read()\nlevels = Levels().fit(xs)")]
    shown = analysed([*cells, ("serve", "def predict(df):\n    return levels.transform(df)"), "predict(xs)"])
    assert not shown.errors
    assert shown.left_out == (4,)
