import json

import pandas as pd

from burnish.tasks.cell_findings import TORN, CellErrors, cell_findings
from burnish.tasks.summary import plain

IDS = pd.Series([f"r{i}" for i in range(5)])
CELLS = pd.DataFrame(
    {
        "row": [0, 1, 2, 2],
        "column": ["city", "city", "city", "age"],
        "value": ["boxz", "bend,", "=1+1", "?"],
        "repair": ["boaz", "bend", None, None],
        "kind": ["typo", "typo", "pattern", "placeholder"],
        "why": ["near", "near", "odd", "missing"],
        "confidence": [0.99, 0.9, 0.8, 0.95],
    }
)


def test_the_facts_count_and_show_the_worst_of_each_reason_first() -> None:
    facts = json.loads(json.dumps(plain(CellErrors(CELLS, 5, 2, 0, 5).as_dict(IDS))))
    assert facts["suspected"] == 4
    assert facts["share"] == 0.4
    assert (facts["wrong"], facts["wrong_rows"], facts["placeholders"]) == (3, 3, 1)
    assert facts["placeholder_columns"] == {"age": 1}
    assert facts["by_kind"] == {"typo": 2, "pattern": 1, "placeholder": 1}
    assert [each["id"] for each in facts["worst"]] == ["r0", "r2", "r2", "r1"]
    assert facts["worst"][1]["repair"] is None


def test_the_file_names_rows_by_id() -> None:
    listed = CellErrors(CELLS, 5, 2, 0, 5).listed(IDS)
    assert listed.columns.tolist() == ["id", "row", "column", "value", "repair", "kind", "why", "confidence"]
    assert listed["id"].tolist() == ["r0", "r1", "r2", "r2"]


def test_confidences_are_written_with_three_decimals() -> None:
    errors = CellErrors(CELLS.assign(confidence=[0.987654321, 0.9, 0.8, 0.95]), 5, 2, 0, 5)
    assert errors.listed(IDS)["confidence"].tolist() == [0.988, 0.9, 0.8, 0.95]
    assert errors.as_dict(IDS)["worst"][0]["confidence"] == 0.988


def test_findings_keep_placeholders_apart_and_say_what_was_not_looked_at() -> None:
    said = {each.code: each for each in cell_findings(CellErrors(CELLS, 9, 2, 7, 5), IDS, file="cells.csv")}
    assert set(said) == {"cells.pairs", "cells.sampled", "cells.placeholders", "cells.suspect"}
    assert said["cells.suspect"].title == "3 cells in 3 rows are probably wrong (city: 3)"
    assert "cells.csv" in said["cells.suspect"].advice
    assert said["cells.placeholders"].ids == ("r2",)


def test_cells_that_only_contradict_each_other_are_counted_apart() -> None:
    torn = pd.DataFrame({"row": [3, 3], "column": ["zip", "city"], "value": ["1", "x"], "repair": ["2", "y"]})
    torn = torn.assign(kind="dependency", why="other rows of the same zip hold another value" + TORN, confidence=0.45)
    cells = pd.concat([CELLS, torn], ignore_index=True)
    errors = CellErrors(cells, 5, 3, 0, 5)
    (_, finding) = cell_findings(errors, IDS)
    assert finding.title == (
        "3 cells in 3 rows are probably wrong (city: 3); "
        "2 cells in 1 row contradict each other, and one of each two is wrong (zip: 1, city: 1)"
    )
    facts = errors.as_dict(IDS)
    assert (facts["suspected"], facts["wrong"], facts["wrong_rows"], facts["torn"]) == (6, 3, 3, 2)
    (finding,) = cell_findings(CellErrors(torn, 5, 3, 0, 5), IDS)
    assert finding.title.startswith("2 cells in 1 row contradict each other")


def test_nothing_wrong_is_said_too() -> None:
    (finding,) = cell_findings(CellErrors(CELLS[:0], 5, 2, 0, 5), IDS)
    assert finding.severity == "ok"
