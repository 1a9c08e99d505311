"""What is said of two runs."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from burnish.flows.compare import compare_runs


def left(folder: Path, *titles: str, table: pd.DataFrame | None = None, **more: Any) -> Path:
    findings = [{"code": title.partition(":")[0], "title": title} for title in titles]
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"findings": findings, **more}))
    if table is not None:
        table.to_parquet(folder / "examples.parquet")
    return folder


def test_no_finding_of_several_of_one_code_is_lost(tmp_path: Path) -> None:
    old = left(tmp_path / "old", "gap: a and b", "gap: a and c", "gone", "twice", "twice")
    new = left(tmp_path / "new", "gap: a and c", "gap: a and d", "twice")
    said = compare_runs(old, new)
    assert [line for line in said if line[:4] in ("gone", "new:")] == [
        "gone: gap: a and b", "gone: gone", "gone: twice", "new:  gap: a and d",
    ]  # fmt: skip


def test_a_finding_whose_figures_alone_changed_is_neither_gone_nor_new(tmp_path: Path) -> None:
    old = left(tmp_path / "old", "few: 12 of 1,300 rows (4.5%)", "odd: column m2", "many: 1 of a", "many: 1 of b")
    new = left(tmp_path / "new", "few: 9 of 1,200 rows (<0.1%)", "odd: column m3", "many: 2 of a", "many: 1 of b")
    assert [line for line in compare_runs(old, new) if line[:4] in ("gone", "new:")] == [
        "gone: odd: column m2", "gone: many: 1 of a", "new:  odd: column m3", "new:  many: 2 of a",
    ]  # fmt: skip


def test_errors_by_other_labels_are_said_to_be_so(tmp_path: Path) -> None:
    parts = ["train", "dev", "dev", "test", "test"]
    table = pd.DataFrame({"id": list("pqrst"), "split": parts, "label": list("aabab")})
    decided = table.assign(final_label=["b", "b", "b", None, "b"], decision=["other", "accept", "keep", "drop", None])
    old = left(tmp_path / "old", table=table, errors={"dev": None})
    applied = left(tmp_path / "applied", table=decided, errors={"dev": None})
    judged = left(tmp_path / "judged", table=decided, errors={"dev": None}, errors_as_given={"dev": None})
    assert "the labels of 1 dev and 1 test examples differ: errors are not by the same labels" in (
        compare_runs(old, judged)
    )
    assert not any("errors are not by" in line for line in compare_runs(old, applied))
