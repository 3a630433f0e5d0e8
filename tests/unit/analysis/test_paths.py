"""Tests of analysis.paths."""

from __future__ import annotations

import ast

import pytest

from nbprod.analysis.paths import Known, named_in, path_of, paths_of


def parsed(text):
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("'./a/../b.csv'", "b.csv"),
        ("f'out/{name}.csv'", "out/*.csv"),
        ("folder + '/a.csv'", "*/a.csv"),
        ("ROOT / 'raw' / 'a.csv'", "*/raw/a.csv"),
        ("Path('out', f'{name}') / 'a.csv'", "out/*/a.csv"),
        ("os.path.join('out', 'a.csv')", "out/a.csv"),
        ("', '.join(['a.csv'])", "*"),
        ("'out/{}.csv'.format(name)", "out/*.csv"),
        ("'out/%s-%03d.csv' % (name, 3)", "out/*-*.csv"),
        ("'a[0-9]?.csv'", "a*0-9*.csv"),
        ("Path('out').joinpath('a.csv')", "out/a.csv"),
        ("Path()", "."),
        ("'./*'", "*"),
        ("name", "*"),
    ],
)
def test_a_path_is_known_as_far_as_it_is_written_out(text, path):
    assert path_of(parsed(text)) == path


@pytest.mark.parametrize(
    ("text", "name", "paths"),
    [
        ("os.listdir()", "os.listdir", {"*"}),
        ("os.listdir('out')", "os.listdir", {"out/*"}),
        ("glob.glob('out/*.csv')", "glob.glob", {"out/*.csv"}),
        ("Path('out').glob('*.csv')", ".glob", {"out/*.csv"}),
        ("Path('.').iterdir()", ".iterdir", {"*"}),
        ("Path('a.txt').read_text(encoding='utf-8')", ".read_text", {"a.txt"}),
        ("joblib.dump(model, 'm.joblib')", "joblib.dump", {"m.joblib"}),
        ("shutil.copy('a.csv', dst='b.csv')", "shutil.copy", {"a.csv", "b.csv"}),
        ("df.to_csv(index=False, path_or_buf='a.csv')", ".to_csv", {"a.csv"}),
    ],
)
def test_calls_have_their_paths_in_places_of_their_own(text, name, paths):
    assert paths_of(parsed(text), name) == paths


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("a.csv", "b.csv", False),
        ("/data/a.csv", "a.csv", True),
        ("/data/a.csv", "/other/a.csv", False),
        ("out", "out/a.csv", True),
        ("out", "output/a.csv", False),
        ("out", "out/*.csv", True),
        ("a.csv", "*", True),
        ("out/a.csv", "out/*.csv", True),
        ("out/a.png", "out/*.csv", False),
        ("raw/a.csv", "out/*.csv", False),
        ("out/*.csv", "*/a.csv", True),
        ("out/*.csv", "*.png", False),
        ("out/*", "raw/*", False),
    ],
)
def test_paths_meet_that_may_mean_the_same_file_or_a_folder_around_it(one, two, same):
    for first, second in ((one, two), (two, one)):
        known = Known()
        known.add(first)
        assert known.like(second) == ([first] if same else [])


def test_names_of_files_are_told_by_what_they_look_like():
    call = parsed("f('m.keras', 'a text.', 'pandas.io', 3, where='out/x.CSV', how='df.mean')")
    assert isinstance(call, ast.Call)
    assert list(named_in(call)) == ["m.keras", "out/x.CSV"]
