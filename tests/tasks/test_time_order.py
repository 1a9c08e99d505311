import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.split import split
from burnish.tasks.time_order import time_bounds, time_findings


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999))
def test_nothing_learnt_from_is_later_than_what_judges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 300))
    time = pd.Series(rng.integers(0, rng.choice([6, 50, 1000]), n))
    groups = np.where(rng.random(n) < 0.5, rng.integers(0, n, n), np.nan)
    labels = rng.choice(["a", "b", None], n, p=[0.5, 0.4, 0.1])
    parts = split(labels, None, groups, time=time, seed=seed)
    assert {"train", "dev", "test"} <= set(parts)
    assert parts.replace("train_dev", "train").groupby(groups).nunique().le(1).all()
    learnt = parts.isin(["train", "train_dev"])
    latest = time.groupby(pd.Series(groups).fillna(pd.Series(-1 - np.arange(n)))).transform("max")
    assert latest[learnt].max() < latest[parts == "dev"].min()
    assert latest[parts == "dev"].max() < latest[parts == "test"].min()


def test_sizes_come_near_their_shares() -> None:
    time = pd.Series(pd.date_range("2020-01-01", periods=1000, freq="h"))
    parts = split(["a", "b"] * 500, time=time)
    assert parts.value_counts().to_dict() == {"train": 550, "dev": 200, "test": 200, "train_dev": 50}
    table = pd.DataFrame({"id": range(1000), "split": parts})
    bounds = time_bounds(table, time)
    assert bounds["test"] == ["2020-02-03T08:00:00", "2020-02-11T15:00:00"]
    assert "dev 2020-01-26 to" in time_findings(table, time.rename("when"), bounds)[0].title


def test_equal_times_are_not_divided() -> None:
    time = pd.Series([1] * 50 + [2] * 30 + [3] * 20)
    parts = split(["a"] * 100, time=time, train_dev=0)
    assert parts.groupby(time).unique().map(list).tolist() == [["train"], ["dev"], ["test"]]


def test_rows_without_a_time_train_and_are_named() -> None:
    time = pd.Series([*range(30), None], name="when")
    parts = split(["a"] * 31, time=time, train_dev=0)
    assert parts[30] == "train"
    table = pd.DataFrame({"id": range(31), "split": parts})
    found = time_findings(table, time, time_bounds(table, time))
    assert [(each.code, each.ids) for each in found[1:]] == [("split.no_time", ("30",))]


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (pd.Series(["1 May", "2 May"] * 10), "read as"),
        (pd.Series([True, False] * 10), "read as"),
        (pd.Series([1, 2] * 10), "2 distinct times"),
    ],
)
def test_refuses(time: pd.Series, words: str) -> None:
    with pytest.raises(InputError, match=words):
        split(["a"] * 20, time=time)


def test_groups_that_span_the_times_are_said():
    table = pd.DataFrame({"id": list("abcd"), "split": ["train", "train", "dev", "test"]})
    time = pd.Series(pd.to_datetime(["2020-01-01", "2020-03-01", "2020-02-01", "2020-04-01"]), name="when")
    crossed = [
        each for each in time_findings(table, time, time_bounds(table, time)) if each.code == "split.time_crossed"
    ]
    assert [(each.count, each.ids) for each in crossed] == [(1, ("c",))]
    in_order = time.iloc[[0, 1, 3, 3]].reset_index(drop=True)
    assert not any(e.code == "split.time_crossed" for e in time_findings(table, in_order, time_bounds(table, in_order)))
