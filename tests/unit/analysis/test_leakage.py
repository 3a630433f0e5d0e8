"""Leakage: rows that judge a model must not have been learned from."""

from __future__ import annotations

import pytest

HEAD = (
    "import pandas as pd\nfrom sklearn.model_selection import train_test_split, cross_val_score\n"
    "from sklearn.preprocessing import StandardScaler, OneHotEncoder\nfrom sklearn.impute import SimpleImputer\n"
    "from sklearn.linear_model import Ridge\nfrom sklearn.decomposition import PCA\nfrom imblearn.over_sampling import SMOTE"
)
LOAD = "df = pd.read_csv('x.csv')\ny = df['t']\nX = df.drop(columns=['t'])"
SPLIT = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)"
LEAKS = {
    "scaled at once": ["X = StandardScaler().fit_transform(X)", SPLIT],
    "scaled by name": ["s = StandardScaler()\nX = s.fit_transform(X)", SPLIT],
    "fit, then transform": ["s = StandardScaler()\ns = s.fit(X)\nX = s.transform(X)", SPLIT],
    "through another name": [
        "Z = PCA(2).fit_transform(X)\nW = Z[:, :1]",
        "a, b, c, d = train_test_split(W, y, random_state=0)",
    ],
    "a column": ["X['a'] = SimpleImputer().fit_transform(X[['a']])", SPLIT],
    "filled by the mean": ["X = X.fillna(X.mean())", SPLIT],
    "filled in a loop": ["for name, column in X.items():\n    X[name] = column.fillna(column.median())", SPLIT],
    "oversampled": ["X, y = SMOTE(random_state=0).fit_resample(X, y)", SPLIT],
    "judged across folds": ["X = StandardScaler().fit_transform(X)", "s = cross_val_score(Ridge(), X, y)"],
}


@pytest.mark.parametrize("name", LEAKS)
def test_learned_before_the_split(name, analysed):
    found = analysed([("setup", HEAD), ("a", LOAD), *(("b", source) for source in LEAKS[name])]).diagnostics
    assert [(item.code, item.cell) for item in found if item.code in ("NB317", "NB318")] == [("NB317", 3)]


TESTED = {
    "scaled anew": "s = StandardScaler()\nX_train = s.fit_transform(X_train)\nX_test = s.fit_transform(X_test)",
    "fitted on": "m = Ridge().fit(X_test, y_test)",
    "stops by": "m = Boost(early_stopping_rounds=5).fit(X_train, y_train, eval_set=[(X_test, y_test)])",
}


@pytest.mark.parametrize("name", TESTED)
def test_test_rows_that_are_learned_from(name, analysed):
    cells = [("setup", f"{HEAD}\nfrom boost import Boost"), ("a", LOAD), ("a", SPLIT), ("b", TESTED[name])]
    found = analysed(cells).diagnostics
    assert [(item.code, item.cell) for item in found if item.code in ("NB317", "NB318")] == [("NB318", 4)]


FINE = [
    [SPLIT, "s = StandardScaler().fit(X_train)\nX_train = s.transform(X_train)\nX_test = s.transform(X_test)"],
    ["X = OneHotEncoder().fit_transform(X)", SPLIT],
    ["pipe = make_pipeline(StandardScaler(), Ridge())", SPLIT, "pipe.fit(X_train, y_train)\npipe.predict(X_test)"],
    ["X = X.fillna(0)", SPLIT, "m = Ridge().fit(X_train, y_train)\nm.score(X_test, y_test)"],
    ["Z = PCA(2).fit_transform(X)", SPLIT],
    [SPLIT, "m = Ridge().fit(pd.concat([X_train, X_test]), y)"],
    [SPLIT, "X_test = StandardScaler().fit(X_train).transform(X_test)"],
    ["X = StandardScaler().fit_transform(X)\nX = df[['a']]", SPLIT],
]


@pytest.mark.parametrize("cells", FINE)
def test_no_false_alarm(cells, analysed):
    head = f"{HEAD}\nfrom sklearn.pipeline import make_pipeline"
    found = analysed([("setup", head), ("a", LOAD), *(("b", source) for source in cells)]).diagnostics
    assert [item for item in found if item.code in ("NB317", "NB318", "NB319")] == []


@pytest.mark.parametrize(
    "features",
    ["X = df.drop(columns=['id'])", "X = df[['a', 't']]", "X = df", "X = df.copy()", "X = df.drop(['id'], axis=1)"],
)
def test_the_answer_among_the_features(features, analysed):
    cells = [("a", f"{HEAD}\ndf = pd.read_csv('x.csv')"), ("b", f"y = df['t']\n{features}\nm = Ridge().fit(X, y)")]
    found = [item for item in analysed(cells).diagnostics if item.code == "NB319"]
    assert [(item.cell, item.line) for item in found] == [(2, 2)]
    assert "'t'" in found[0].message


@pytest.mark.parametrize(
    "features",
    [
        "X = df.drop(columns=['t'])",
        "X = df.drop('t', axis=1)",
        "X = df[['a']]",
        "X = df.drop(columns=LEFT)",
        "X = df.copy()\ndel X['t']",
        "X = df.copy()\nX = X.drop(columns='t')",
        "X = df.copy()\nX.drop(columns='t', inplace=True)",
        "X = other.drop(columns=['id'])",
        "X = df.drop([0, 1])",
        "y = df.pop('t')\nX = df",
    ],
)
def test_features_without_the_answer(features, analysed):
    head = f"{HEAD}\ndf = pd.read_csv('x.csv')\nother = pd.read_csv('y.csv')\nLEFT = ['t']"
    cells = [("a", head), ("b", f"y = df['t']\n{features}\nm = Ridge().fit(X, y)")]
    assert "NB319" not in {item.code for item in analysed(cells).diagnostics}
