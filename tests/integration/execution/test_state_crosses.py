"""State outside variables in a later stage, as top to bottom: carried, or the stages run in one process."""

from __future__ import annotations

import pytest

import nbprod

CARRIED = {
    "interpreter": (
        "import sys, gc, csv, decimal, locale, time, os\n"
        "sys.setrecursionlimit(5000)\ngc.disable()\ngc.set_threshold(500, 5, 5)\nsys.setswitchinterval(0.5)\n"
        "csv.register_dialect('semi', delimiter=';')\ncsv.field_size_limit(10**7)\n"
        "decimal.getcontext().prec = 5\nos.environ['TZ'] = 'Asia/Tokyo'\ntime.tzset()\nlocale.setlocale(locale.LC_ALL, 'C')",
        "import sys, gc, csv, decimal, locale, time\n"
        "assert sys.getrecursionlimit() == 5000 and not gc.isenabled() and gc.get_threshold() == (500, 5, 5)\n"
        "assert sys.getswitchinterval() == 0.5 and csv.field_size_limit() == 10**7\n"
        "assert csv.get_dialect('semi').delimiter == ';' and str(decimal.Decimal(1) / 3) == '0.33333'\n"
        "assert time.tzname[0] == 'JST' and locale.setlocale(locale.LC_CTYPE) == 'C'",
    ),
    "search path": (
        "import sys\nbefore = list(sys.path)\nsys.path.append('/back')\nsys.path.insert(0, '/front')\nsys.path.remove(before[0])",
        "import sys\nassert sys.path == ['/front', *before[1:], '/back'], sys.path",
    ),
    "logging": (
        "import logging\nlogging.basicConfig(level=logging.DEBUG, format='%(message)s!', force=True)\n"
        "logging.getLogger('mine').setLevel(logging.ERROR)\nlogging.getLogger('off').propagate = False\nlogging.disable(5)",
        "import logging\nroot = logging.getLogger()\nassert root.level == logging.DEBUG and root.manager.disable == 5\n"
        "assert root.handlers[0].formatter._fmt == '%(message)s!' and not logging.getLogger('off').propagate\n"
        "assert logging.getLogger('mine').level == logging.ERROR",
    ),
    "warnings": (
        "import warnings\nwarnings.filterwarnings('error', category=UserWarning)\nwarnings.filterwarnings('ignore', 'foo')",
        "import warnings\nwarnings.warn('foo')\ntry:\n    warnings.warn('bar')\n    raise SystemExit('no error')\n"
        "except UserWarning:\n    pass\nwarnings.resetwarnings()\n",
        "import warnings\nwarnings.warn('bar')\nassert not warnings.filters",
    ),
    "numpy": (
        "import numpy as np\nnp.seterr(all='raise')\nnp.set_printoptions(precision=3)\nnp.random.seed(3)\nx = np.random.rand()",
        "assert np.geterr()['over'] == 'raise' and repr(np.array([1 / 3])) == 'array([0.333])'\ny = np.random.rand()\n"
        "np.random.seed(3)\nassert (np.random.rand(), np.random.rand()) == (x, y)",
    ),
}
TOGETHER = {
    "a method added to a class of a library": (
        "import pandas as pd\npd.DataFrame.rows = lambda self: len(self)\ndf = pd.DataFrame({'a': [1]})",
        "assert df.rows() == 1",
    ),
    "setattr of a module": ("import math\nsetattr(math, 'tau', 1)", "import math\nassert math.tau == 1"),
    "an accessor": (
        "import pandas as pd\n@pd.api.extensions.register_series_accessor('own')\nclass Own:\n    def __init__(self, x):\n"
        "        self.x = x\n    def n(self):\n        return len(self.x)\ns = pd.Series([1])",
        "assert s.own.n() == 1",
    ),
    "an error handler of codecs": (
        "import codecs\ncodecs.register_error('zz', lambda e: ('?', e.end))",
        "assert 'é'.encode('ascii', 'zz') == b'?'",
    ),
    "a handler of logging": (
        "import logging, io\nheard = io.StringIO()\nlogging.getLogger().addHandler(logging.StreamHandler(heard))",
        "logging.getLogger().warning('hi')\nassert heard.getvalue() == 'hi\\n'",
    ),
    "a secret": ("import os\nos.environ['API_KEY'] = 'x'", "import os\nassert os.environ['API_KEY'] == 'x'"),
    "a callback of numpy": (
        "import numpy as np\nhits = []\ndef hit(*a):\n    hits.append(a)\nnp.seterrcall(hit)\nnp.seterr(all='call')",
        "np.array([1.0]) / np.array([0.0])\nassert len(hits) == 1",
    ),
    "a module made on the fly": (
        "import sys, types\nmade = types.ModuleType('made')\nmade.v = 3\nsys.modules['made'] = made",
        "import made\nassert made.v == 3",
    ),
}


@pytest.mark.parametrize("name", CARRIED)
def test_carried(name, project, make_notebook, forked_stages):
    make_notebook(project / "a.ipynb", [(f"stage:s{at}", source) for at, source in enumerate(CARRIED[name])])
    assert nbprod.run("a.ipynb").status == "succeeded"
    again = nbprod.run("a.ipynb")
    assert {stage.status for stage in again.stages} == {"cached"}


@pytest.mark.parametrize("name", TOGETHER)
def test_run_together(name, project, make_notebook, forked_stages):
    first, second = TOGETHER[name]
    cells = [("stage:first", first), ("stage:second", second)]
    make_notebook(project / "a.ipynb", cells)
    assert nbprod.run("a.ipynb").status == "succeeded"
    again = nbprod.run("a.ipynb")
    assert {stage.status for stage in again.stages} == {"cached"}
    make_notebook(project / "a.ipynb", [cells[0], ("stage:second", second + "\nmore = 1")])
    changed = nbprod.run("a.ipynb")
    assert [stage.status for stage in changed.stages] == ["succeeded", "succeeded"]
    assert changed["more"] == 1


def test_open_figures_keep_their_process(project, make_notebook, forked_stages):
    cells = [
        ("stage:a", "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nplt.plot([1, 2, 3])"),
        ("stage:b", "assert len(plt.gcf().axes[0].lines) == 1"),
    ]
    make_notebook(project / "a.ipynb", cells)
    assert nbprod.run("a.ipynb").status == "succeeded"


def test_what_a_stage_of_a_fused_unit_defined_is_not_defined_again(project, make_notebook, forked_stages):
    cells = [
        (
            "stage:a",
            "%matplotlib inline\nclass A: pass\nx = A()\ndef f(): return 1\nh = {f: 2}\ng = (i for i in range(3))",
        ),
        ("stage:b", "assert isinstance(x, A) and h[f] == 2\nn = next(g)"),
    ]
    make_notebook(project / "a.ipynb", cells)
    assert nbprod.run("a.ipynb")["n"] == 0


def test_a_stage_that_goes_on_in_a_process_keeps_the_state_that_is_there(project, make_notebook, forked_stages):
    """The stage between them is reused; what the first one left must not be put over what the second one drew."""

    def run(more: str):
        cells = [
            ("stage:seed", "import numpy as np\nimport random\nnp.random.seed(3)\nrandom.seed(3)"),
            ("stage:draw", f"x = np.random.rand() + {more}"),
            ("stage:beside", "import random\ny = random.random()"),
            ("stage:end", f"z = x, np.random.rand(), random.random() + {more}"),
        ]
        make_notebook(project / "a.ipynb", cells)
        return nbprod.run("a.ipynb")

    first = run("0")
    again = run("0 + 0")
    assert [str(stage.status) for stage in again.stages] == ["cached", "succeeded", "cached", "succeeded"]
    assert again["z"] == first["z"]
    assert first["z"][0] != first["z"][1]
