import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.column_types import infer_types, is_missing, type_columns


def typed(*cells):
    return infer_types(pd.DataFrame({"x": list(cells)}, dtype="str"))["x"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", " 3 "], "Int64"),
        (["+1", "-2"], "Int64"),
        (["1", "2.5"], "float64"),
        (["1e3", ".5"], "float64"),
        (["007", "12"], "str"),
        (["9007199254740993"], "str"),
        (["9007199254740991"], "Int64"),
        (["true", "FALSE"], "boolean"),
        (["yes", "No"], "boolean"),
        (["1", "yes"], "str"),
        (["2021-03-04", "2021-12-31"], "datetime64[us]"),
        (["2021-03-04 10:11:12", "2021-12-31T00:00Z"], "datetime64[us]"),
        (["31/12/2021", "01/02/2021"], "datetime64[us]"),
        (["03/04/2021"], "str"),
        (["31.12.2021"], "datetime64[us]"),
        (["2021-13-45"], "str"),
        (["1.2.3"], "str"),
        (["a"], "str"),
        (["", "?"], "str"),
    ],
)
def test_a_column_takes_the_type_its_cells_agree_on(cells, kind):
    assert str(typed(*cells).dtype) == kind


def test_missing_spellings():
    column = typed("1", "?", "NA", "N/A", "nan", "null", "None", "", None)
    assert column.isna().tolist() == [False] + [True] * 8
    words = typed("a", " ?", "none of these", None)
    assert words.isna().tolist() == [False, True, False, True]
    assert is_missing(pd.Series(["NA", "na", None], dtype="str")).tolist() == [True, False, True]


def test_text_keeps_its_white_space():
    assert typed(" a", "b ").tolist() == [" a", "b "]


def test_infinities_are_missing_and_counted():
    given_ = pd.DataFrame({"x": ["1.5", "inf", "-Infinity"], "y": ["1", "2", "3"]}, dtype="str")
    found = type_columns(given_)
    assert found.infinite == {"x": 2}
    assert found.frame["x"].isna().tolist() == [False, True, True]
    native = type_columns(pd.DataFrame({"x": [1.0, np.inf]}))
    assert native.infinite == {"x": 1}


def test_integers_beyond_float_stay_text_and_are_named():
    big = str(2**53 + 1)
    found = type_columns(pd.DataFrame({"t": [big, "1"], "n": pd.array([2**53 + 1, None], dtype="Int64")}))
    assert found.beyond_float == ("t", "n")
    assert found.frame["t"].tolist() == [big, "1"]
    assert found.frame["n"].iloc[0] == big
    assert found.frame["n"].isna().tolist() == [False, True]


def test_native_types_become_the_same_few():
    frame = pd.DataFrame(
        {
            "i": np.array([1, 2], dtype=np.int32),
            "f": np.array([1, 2], dtype=np.float32),
            "b": [True, False],
            "c": pd.Categorical(["x", "?"]),
            "ci": pd.Categorical([1, 2]),
            "d": pd.to_datetime(["2021-01-01", "2021-01-02"]).tz_localize("Europe/Paris"),
            "t": pd.to_timedelta([1, 2], unit="s"),
            "m": [decimal.Decimal("1.5"), decimal.Decimal("2")],
            "o": [dt.time(1), None],
        }
    )
    kinds = infer_types(frame).dtypes.astype(str).to_dict()
    assert kinds == {
        "i": "Int64",
        "f": "float64",
        "b": "boolean",
        "c": "str",
        "ci": "Int64",
        "d": "datetime64[us]",
        "t": "float64",
        "m": "float64",
        "o": "str",
    }
    assert infer_types(frame)["c"].isna().tolist() == [False, True]


def test_the_given_frame_is_not_touched():
    given_ = pd.DataFrame({"x": ["1", "?"]}, dtype="str")
    copy = given_.copy()
    infer_types(given_)
    pd.testing.assert_frame_equal(given_, copy)


@given(st.lists(st.one_of(st.none(), st.integers(1 - 2**53, 2**53 - 1), st.floats(allow_nan=False)), min_size=1))
@settings(max_examples=100, deadline=None)
def test_numbers_survive(values):
    column = typed(*[None if value is None else repr(value) for value in values])
    wanted = [np.nan if value is None or abs(value) > 1e150 else float(value) for value in values]
    if any(value is not None for value in values):
        np.testing.assert_array_equal(column.to_numpy(dtype=float, na_value=np.nan), wanted)


@given(st.lists(st.text(max_size=5), min_size=1))
@settings(max_examples=100, deadline=None)
def test_any_text_is_typed_without_losing_a_row(cells):
    column = typed(*cells)
    assert len(column) == len(cells)
    if isinstance(column.dtype, pd.StringDtype):
        kept = column.notna()
        assert column[kept].tolist() == [cell for cell, keep in zip(cells, kept, strict=True) if keep]
