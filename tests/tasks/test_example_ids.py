import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.example_ids import content_ids, given_ids
from burnish.tasks.findings import InputError


def test_given_ids_stay_as_written():
    assert given_ids(pd.Series(["007", "7", "9007199254740993"], dtype="str"), "x").tolist() == [
        "007",
        "7",
        "9007199254740993",
    ]
    assert given_ids(pd.Series([1.0, 2.0]), "x").tolist() == ["1", "2"]


def test_doubled_ids_name_three():
    with pytest.raises(InputError, match=r"4 ids of the id column occur more than once \('a', 'b', 'c', …\)"):
        given_ids(pd.Series(list("aabbccddz"), dtype="str"), "the id column")


def test_missing_ids():
    with pytest.raises(InputError, match="2 cells of the id column are empty, the first in row 2"):
        given_ids(pd.Series(["a", None, " "], dtype="str"), "the id column")


def test_an_id_is_the_hash_of_the_cells():
    frame = pd.DataFrame({"a": ["x", None], "b": [1, 2]})
    wanted = [hashlib.sha256(text).hexdigest()[:16] for text in (b"x\x1f1", b"\x1f2")]
    assert content_ids(frame).tolist() == wanted


def test_no_columns():
    ids = content_ids(pd.DataFrame(index=range(3)))
    assert ids.is_unique
    assert ids.str.split("-").str[1].tolist()[1:] == ["2", "3"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("cd")), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_ids_are_unique_and_do_not_depend_on_other_rows(rows):
    frame = pd.DataFrame(rows, columns=["x", "y"], dtype="str")
    ids = content_ids(frame)
    assert ids.is_unique
    plain = ids.str.split("-").str[0]
    assert plain.nunique() == len(set(rows))
    alone = content_ids(frame.iloc[[-1]])
    assert alone.iloc[0] == plain.iloc[-1]
