import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.column_types import type_columns
from burnish.tasks.written_dates import DateNotation, find_date_notation


def typed(*cells):
    return type_columns(pd.DataFrame({"x": list(cells)}, dtype="str"))


def test_three_formats_in_one_column():
    found = typed("2021-03-31", "30.4.2021", "05/31/2021", None)
    assert found.frame["x"].dropna().astype(str).tolist() == ["2021-03-31", "2021-04-30", "2021-05-31"]
    assert found.notations["x"] == DateNotation(("ISO8601", "%d.%m.%Y", "%m/%d/%Y"))


@pytest.mark.parametrize(
    ("cells", "dates"),
    [
        (["31 Mar 2021", "1 April 2021"], ["2021-03-31", "2021-04-01"]),
        (["31 März 2021", "1. Mai 2021", "1er août 2021", "3 de enero de 2021"], None),
        (["31.3.21", "1.4.21", "2.4.21"], ["2021-03-31", "2021-04-01", "2021-04-02"]),
        (["03/31/21 02:15 PM", "03/30/21 11:00 AM", "03/29/21 11:00 AM"], None),
        (["31-Mar-21", "30-Mar-21"], ["2021-03-31", "2021-03-30"]),
        (["31 Mar 2021", "1 May 2021"], ["2021-03-31", "2021-05-01"]),
        (["Mar 31, 2021", "May 1, 2021"], ["2021-03-31", "2021-05-01"]),
        (["31-Mar-2021"], ["2021-03-31"]),
        (["31/12/2021 10:30", "1/2/2021 11:00:05"], ["2021-12-31 10:30:00", "2021-02-01 11:00:05"]),
        (["2021/3/4", "2021.05.06"], ["2021-03-04", "2021-05-06"]),
        (["03/03/2021"], ["2021-03-03"]),
        (["9999-12-31", "2021-01-01"], ["9999-12-31", "2021-01-01"]),
    ],
)
def test_other_ways_of_writing(cells, dates):
    found = typed(*cells).frame["x"]
    assert str(found.dtype) == "datetime64[us]"
    assert dates is None or found.astype(str).tolist() == dates


@pytest.mark.parametrize("cells", [["03/04/2021"], ["2021-01-31", "03/04/2021"], ["1-2-2021", "31/12/2021"]])
def test_day_or_month_first_stays_text_and_is_said(cells):
    found = typed(*cells)
    assert found.frame["x"].tolist() == cells
    assert "day first and month first" in found.ambiguous["x"]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["05/03/21", "04/03/21"], "day first and"),
        (["21-03-04"], "day first and"),
        (["31/12/62", "30/12/61", "29/11/61"], "is of 19"),
        (["31/12/95", "30/12/75", "29/11/45", "28/11/20"], "is of 19"),
    ],
)
def test_years_of_two_digits_that_could_be_others_stay_text_and_are_said(cells, why):
    found = typed(*cells)
    assert found.frame["x"].tolist() == cells
    assert why in found.ambiguous["x"]


def test_a_date_that_is_none_among_many_is_missing_and_one_order_in_two_is_said():
    days = pd.date_range("2020-01-01", periods=400).strftime("%d.%m.%Y").tolist()
    found = typed(*days, "31.02.2020")
    assert found.frame["x"].isna().sum() == 1
    assert found.mixed["x"].words == ("31.02.2020",)
    both = typed("31/12/2021", "12/31/2021")
    assert both.kept["x"] == "'31/12/2021' has the day first, '12/31/2021' the month"


@given(st.lists(st.dates(dt.date(1990, 1, 1), dt.date(2039, 12, 31)), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_years_of_two_digits_are_never_misread(dates):
    found = typed(*[date.strftime("%d/%m/%y") for date in dates])
    if "x" not in found.ambiguous:
        assert found.frame["x"].dt.date.tolist() == dates


def test_both_orders_in_one_column_are_no_dates():
    assert find_date_notation(pd.Series(["31/12/2021", "12/31/2021"])) == (None, "")


def test_time_zones_are_brought_to_one():
    found = typed("2021-03-04T10:00+02:00", "2021-03-04T08:00Z", "2021-03-04 08:00:00").frame["x"]
    assert found.astype(str).tolist() == ["2021-03-04 08:00:00"] * 3


def test_a_later_batch_is_read_as_the_first_was():
    first = typed("31/12/2021", "1/2/2021")
    batch = pd.DataFrame({"x": ["03/04/2021"]}, dtype="str")
    assert type_columns(batch, first.notations).frame["x"].astype(str).tolist() == ["2021-04-03"]


@given(
    st.lists(st.dates(dt.date(1000, 1, 1)), min_size=1, max_size=30),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d"]),
)
@settings(max_examples=50, deadline=None)
def test_dates_come_back(dates, form):
    written = [date.strftime(form) for date in dates]
    notation, _ = find_date_notation(pd.Series(written, dtype="str").drop_duplicates())
    assert notation is not None
    assert notation.read(pd.Series(written, dtype="str")).dt.date.tolist() == dates
