"""What a notebook changes outside its folder."""

from __future__ import annotations

import pytest

from nbprod.analysis import external
from nbprod.core.notebook import Cell, Notebook, Tag


def found(*sources, path="nb.ipynb", tag=None):
    cells = tuple(Cell(number, "", "code", text, text, tag) for number, text in enumerate(sources, 1))
    return [item.what for item in external([Notebook(path, cells)])]


@pytest.mark.parametrize(
    "source",
    [
        "import requests\nrequests.post('http://x', json={})",
        "import requests as r\nr.put(url)",
        "session.post('http://x')",
        "client.patch(url, json=body)",
        "import smtplib\nsmtplib.SMTP('mail')",
        "s3.upload_file('a', 'bucket', 'b')",
        "df.to_sql('t', engine)",
        "from sqlalchemy import create_engine\ne = create_engine('postgresql://h/db')\ndf.to_sql('t', e)",
        "import sqlite3\ncon = sqlite3.connect('/var/db.sqlite')\ncon.execute('DELETE FROM t')",
        "con.execute('insert into t values (1)')",
        "con.execute(text('UPDATE t SET a = 1'))",
        "collection.insert_one({})",
        "df.to_csv('/data/out.csv')",
        "df.to_csv('../out.csv')",
        "df.to_parquet('s3://bucket/x')",
        "OUT = '/data'\ndf.to_csv(f'{OUT}/x.csv')",
        "OUT = '/data'\ndf.to_csv(OUT + '/x.csv')",
        "from pathlib import Path\nOUT = Path('/data')\n(OUT / 'x').write_text('a')",
        "import os\nopen(os.path.join('/data', 'x'), 'w')",
        "open('~/x', mode='a')",
        "import joblib\njoblib.dump(model, '/models/m.pkl')",
        "import shutil\nshutil.rmtree('/data')",
        "import subprocess\nsubprocess.run(['make', 'deploy'])",
        "import os\nos.system('kubectl apply -f x')",
        "!rm -rf /data",
        "!pip install pandas",
        "%pip install pandas",
        "x = !make all",
        "!curl -X POST http://x",
        "%%bash\nls\nscp a host:b",
        "%%writefile /etc/x\na",
    ],
)
def test_what_is_changed_elsewhere_is_told(source):
    assert len(found(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import requests\nrequests.get('http://x')",
        "df.to_csv('out.csv')\ndf.to_parquet('data/x.parquet')",
        "import sqlite3\ncon = sqlite3.connect('my.db')\ncur = con.cursor()\ncur.execute('INSERT INTO t VALUES (1)')",
        "import sqlite3\nwith sqlite3.connect(':memory:') as con:\n    df.to_sql('t', con)",
        "from sqlalchemy import create_engine\ne = create_engine('sqlite:///my.db')\ndf.to_sql('t', con=e)",
        "from sqlalchemy import create_engine\ne = create_engine('sqlite://')\nwith e.begin() as c:\n    c.execute('DELETE FROM t')",
        "import duckdb\ncon = duckdb.connect()\ncon.execute('CREATE TABLE t (a INT)')",
        "con.execute('SELECT 1')",
        "open('/etc/hosts').read()",
        "queue.put(1)\nd.get('x')",
        "!ls -l /data | head",
        "!mkdir -p figures && cp a.csv figures/",
        "!pip list",
        "%matplotlib inline\n%time x = 1",
        "a.copy()\ns.replace('/a', '/b')\nrows.remove('/a')\nnames.copy('x', '/y')",
        "from pathlib import Path\nPath('out').mkdir(exist_ok=True)",
        "this is no Python",
    ],
)
def test_what_stays_in_the_folder_is_not(source):
    assert found(source) == []


def test_places_are_told_and_cells_nobody_runs_are_not():
    cells = (Cell(3, "c", "code", "x = 1\ndf.to_gbq('t')", "x = 1\ndf.to_gbq('t')"),)
    (told,) = external([Notebook("nb.ipynb", cells)])
    assert str(told) == "cell 3 line 2  df.to_gbq(…) changes a database"
    assert found("!make", tag=Tag("skip")) == []
    assert found("df.to_csv('../out.csv')", path="notebooks/nb.ipynb") == [], "the project's own folder above"
    assert found("df.to_csv('../../out.csv')", path="notebooks/nb.ipynb") != []
