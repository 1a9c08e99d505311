from pathlib import Path

import pandas as pd
import pytest

from burnish.flows.cells import check_cells, find_cells, searched_frame
from burnish.flows.check import check_data
from burnish.flows.config import Config, parse_config
from burnish.flows.opening import open_examples
from burnish.tasks.report import render_report

CITIES = ["bend", "gary", "boaz", "florence", "sheffield"]
CELL = "<b>florxnce"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    rows = 200
    frame = pd.DataFrame({"id": range(rows), "city": CITIES * (rows // 5), "kind": ["a", "b"] * (rows // 2)})
    frame["size"] = [str(i * 37 % 101) for i in range(rows)]
    frame.loc[7, "city"] = "florxnce"
    frame.loc[8, "size"] = "N/A"
    frame.to_csv(tmp_path / "t.csv", index=False)
    return parse_config({"data": {"path": str(tmp_path / "t.csv"), "label": "kind", "id": "id"}})


def test_columns_are_searched_as_written_without_labels_and_ids(config: Config) -> None:
    frame = searched_frame(config, open_examples(config))
    assert frame is not None
    assert frame.columns.tolist() == ["city", "size"]
    assert frame.loc[8, "size"] == "N/A"
    found = find_cells(config, frame).cells
    assert set(zip(found["row"], found["value"], found["kind"], strict=True)) == {
        (7, "florxnce", "typo"),
        (8, "N/A", "placeholder"),
    }


def test_a_check_says_which_cells_and_can_be_told_not_to(config: Config) -> None:
    said = "\n".join(check_data(config).lines)
    assert "1 cells in 1 rows" not in said
    assert "1 cell in 1 row is probably wrong (city: 1) [7]" in said
    silent = config.model_copy(update={"cells": config.cells.model_copy(update={"search": False})})
    assert not check_cells(silent, open_examples(silent))


def test_the_report_shows_cell_and_repair_escaped(config: Config) -> None:
    examples = open_examples(config)
    frame = searched_frame(config, examples)
    assert frame is not None
    frame = frame.replace("florxnce", CELL).replace("florence", "<b>florence")
    facts = find_cells(config, frame).as_dict(examples.table["id"]) | {"file": "validation/cells.csv"}
    page = render_report({"cells": facts, "dataset": {"rows": 200}}, examples.table.assign(label_issue=False))
    assert "Wrong cells" in page
    assert CELL not in page
    assert "&lt;b&gt;florxnce" in page
    assert "&lt;b&gt;florence" in page
