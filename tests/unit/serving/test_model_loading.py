"""Loading a model directory, asking it from Python, and the evidence that it is the notebook's."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from model_directory import write_model

from nbprod.serving.evidence import check, compare, insist
from nbprod.serving.model import LoadedModel, load
from nbprod.serving.problems import ModelUnusable

if TYPE_CHECKING:
    from pathlib import Path

TYPED = """
import pandas as pd

rows = pd.DataFrame({
    "day": pd.to_datetime(["2024-01-31 00:00", "2024-02-29 12:30", None]),
    "zoned": pd.to_datetime(["2024-01-31 10:00", "2024-02-29 00:00", "2024-03-01 00:00"]).tz_localize("Europe/Berlin"),
    "size": pd.Categorical(["s", "l", None], categories=["s", "m", "l"], ordered=True),
    "small": pd.Series([1, 2, 3], dtype="int8"),
    "maybe": pd.Series([1, None, 3], dtype="Int64"),
    "flag": [True, False, True],
    "word": pd.Series(["a", None, "c"], dtype=object),
    "ratio": pd.Series([0.1, None, 0.3], dtype="float32"),
})

def predict(df: pd.DataFrame):
    kinds = ",".join(str(kind) for kind in df.dtypes)
    return [f"{kinds}|{row}|{df['size'].cat.codes.iloc[i]}" for i, row in enumerate(map(str, df.values.tolist()))]
"""

FUNCTIONS = {
    "records": "rows = [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]\ndef predict(rows: list[dict]):\n"
    "    return [row['a'] * 2 for row in rows]\n",
    "record": "rows = [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]\ndef predict(row: dict):\n"
    "    return {'twice': row['a'] * 2}\n",
    "text": "rows = ['good', 'bad']\ndef predict(text: str):\n    return text.upper()\n",
    "array": "import numpy as np\nX = np.arange(12.0).reshape(3, 2, 2)\ndef predict(x: np.ndarray):\n"
    "    return x.sum(axis=(1, 2))\n",
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_every_kind_of_input_answers_as_the_notebook(tmp_path: Path, kind: str):
    model = load(write_model(tmp_path / "m", FUNCTIONS[kind], "m"))
    assert model.manifest["input_kind"] == kind
    assert check(model)["equal"]


def test_types_come_back_exactly(tmp_path: Path):
    model = load(write_model(tmp_path / "m", TYPED, "m"))
    evidence = check(model)
    assert evidence["equal"], evidence["first_unequal"]


def test_predict_takes_frames_rows_columns_and_arrays(churn: LoadedModel, models: dict[str, Path]):
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame(churn.sample["data"], columns=churn.sample["columns"])
    expected = churn.sample["predictions"]
    assert churn.predict(frame.assign(more=1)).tolist() == expected
    assert churn.predict(frame.to_dict(orient="records")).tolist() == expected
    assert churn.predict(frame.astype(object).where(frame.notna(), None).to_dict(orient="list")).tolist() == expected
    assert load(models["linear"]).predict(np.ones((2, 3))).tolist() == pytest.approx([-0.5, -0.5])
    assert load(models["careful"]).predict({"age": 30, "name": "x"}) == [3.0]
    with pytest.raises(KeyError, match="tenure"):
        churn.predict(frame.drop(columns="tenure"))


def test_unusable_folders_are_refused(models: dict[str, Path], tmp_path: Path):
    with pytest.raises(ModelUnusable, match=r"no nbprod\.json"):
        load(tmp_path)
    copy = tmp_path / "m"
    shutil.copytree(models["churn"], copy)
    (copy / "model.pkl").write_bytes(b"cos\nnothing_there\n.")
    with pytest.raises(ModelUnusable, match="cannot be loaded"):
        load(copy)
    (copy / "model.pkl").write_bytes(b"cnot_installed\nModel\n.")
    with pytest.raises(ModelUnusable, match="not_installed"):
        load(copy)
    (copy / "model.pkl").unlink()
    with pytest.raises(ModelUnusable, match="missing"):
        load(copy)
    (copy / "nbprod.json").write_text('{"format": 1}')
    with pytest.raises(ModelUnusable, match="incomplete"):
        load(copy)
    (copy / "nbprod.json").write_text("{")
    with pytest.raises(ModelUnusable, match="cannot be read"):
        load(copy)


def test_a_model_that_differs_from_its_record_is_refused(models: dict[str, Path], tmp_path: Path):
    copy = tmp_path / "m"
    shutil.copytree(models["linear"], copy)
    file = copy / "sample.json"
    sample = json.loads(file.read_text())
    sample["predictions"][3] += 1e-9
    file.write_text(json.dumps(sample))
    model = load(copy)
    evidence = check(model)
    assert (evidence["rows"], evidence["equal_rows"], evidence["equal"]) == (60, 59, False)
    assert evidence["worst_difference"] == pytest.approx(1e-9, rel=1e-3)
    assert evidence["first_unequal"][0]["row"] == 3
    with pytest.raises(ModelUnusable, match="row 3"):
        insist(model)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("a", "a", True),
        ("a", "b", False),
        (None, None, True),
        (None, 0.0, False),
        (1, 1, True),
        (1, 2, False),
        (1, True, False),
        (1.0, 1.0 + 5e-13, True),
        (1.0, 1.0 + 5e-12, False),
        (0.0, 9e-16, True),
        (0.0, 2e-15, False),
        ([1.0, "a"], [1.0, "a"], True),
        ([1.0], [1.0, 2.0], False),
        ({"a": 1.0}, {"a": 1.0}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
    ],
)
def test_equal_is_what_the_contract_says(one: object, other: object, equal: bool):
    sample = {"columns": ["x"], "data": [[0]], "predictions": [one], "probabilities": None}
    assert compare(sample, [other], None)["equal"] is equal
