import pandas as pd

from burnish.tasks.column_types import type_columns
from burnish.tasks.notation_findings import notation_findings, notations_as_dict, notations_from_dict


def said(**columns: list[str]) -> dict[str, str]:
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    return {each.code: each.title for each in notation_findings(type_columns(frame), list(columns))}


def test_what_was_read_and_what_was_kept_as_text_is_said_with_the_reason() -> None:
    titles = said(
        fee=["1.234,50 €", "3,5 €"],
        mixed=["1.234,50 €", "$1,234.50"],
        day=["31 März 2021", "1. Mai 2021"],
        iso=["2021-03-31", "2021-04-01"],
    )
    assert titles == {
        "columns.number_notation": "1 column of formatted numbers read as numbers: 'fee' (a point between thousands, a "
        "decimal comma, in €)",
        "columns.date_formats": "1 column of dates as people write them, read as dates: 'day' (day month by name year)",
        "columns.kept_text": "1 column like numbers or dates, kept as text: 'mixed' (two currencies: '1.234,50 €', "
        "'$1,234.50')",
    }


def test_words_for_missing_are_not_said_twice() -> None:
    assert not said(age=[*map(str, range(60)), "-", "-", "unknown"])


def test_plain_columns_say_nothing() -> None:
    assert not said(a=["1", "2"], b=["x", "y"])


def test_notations_come_back() -> None:
    frame = pd.DataFrame({"a": ["1.234,5", "2"], "d": ["31/12/2021", "1/2/2021"]}, dtype="str")
    notations = type_columns(frame).notations
    assert notations_from_dict(notations_as_dict(notations)) == notations


def test_a_column_of_numbers_and_words_is_named_with_share_and_words():
    frame = pd.DataFrame(
        {"x": [*map(str, range(80)), *["unknown to me"] * 20, *["broken"] * 15, *["late"] * 5]}, dtype="str"
    )
    (finding,) = notation_findings(type_columns(frame), ["x"])
    assert (finding.code, finding.severity) == ("columns.mixed", "warning")
    assert "'x' (40 cells, 33.3%, such as 'unknown to me', 'broken', 'late')" in finding.title
