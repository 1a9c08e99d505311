import html

import pandas as pd
from example_run import digits_summary

from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.report import render_report
from burnish.tasks.summary import plain
from burnish.tasks.validate import enforce_suite, learn_suite

SCRIPT = "<script>alert(1)</script>"


def checked():
    train = pd.DataFrame({"id": [str(i) for i in range(200)], "colour": ["red", "blue"] * 100, "size": range(200)})
    suite = learn_suite(train, id_column="id")
    batch = train.astype({"size": object})
    batch.loc[3:40, "colour"] = SCRIPT
    batch.loc[5:9, "size"] = f"={SCRIPT}"
    return batch, enforce_suite(batch, suite, batch["id"])


def test_failing_rows_are_listed_by_id():
    batch, found = checked()
    rows = found.failing_rows(batch, batch["id"])
    assert rows.columns.tolist() == ["id", "row", "column", "value", "severity", "number", "expectation", "expected"]
    assert rows.loc[rows["column"] == "colour", "id"].tolist() == [str(i) for i in range(3, 41)]
    assert rows.loc[rows["column"] == "size", "id"].tolist() == [str(i) for i in range(5, 10)]
    assert set(escape_formulas(rows.astype("str"))["value"]) == {SCRIPT, f"'={SCRIPT}"}


def test_nothing_fails():
    frame = pd.DataFrame({"a": ["x", "y"] * 50})
    assert enforce_suite(frame, learn_suite(frame)).failing_rows(frame, frame["a"]).empty


def test_counts_are_of_all_rows():
    _, found = checked()
    colour = next(r for r in found.failures if r.column == "colour")
    assert (colour.offending, len(colour.row_positions), colour.examples) == (38, 38, (SCRIPT,))
    finding = next(f for f in found.findings if "colour" in f.title)
    assert (finding.count, len(finding.ids)) == (38, 20)
    assert f"expectation {colour.number} of the suite" in finding.advice


def test_cells_are_escaped_in_the_report():
    batch, found = checked()
    summary = digits_summary() | {"validation": plain(found.as_dict(batch["id"]) | {"suite": "validation/suite.json"})}
    page = render_report(summary, pd.DataFrame({"id": pd.Series(dtype="str")}))
    assert SCRIPT not in page
    assert html.escape(SCRIPT) in page
    assert "one of blue, red" in page
    assert "column values to be in set" in page
