from pathlib import Path

import pandas as pd
import pytest

from burnish.tasks.assignments import earlier_findings, read_earlier
from burnish.tasks.findings import InputError


def rows(ids: str, labels: str | None = None) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "label": list(labels or "x" * len(ids))})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    table = rows("abc").assign(split=["train", "dev", "test"])
    table.to_parquet(tmp_path / "examples.parquet")
    return tmp_path


def test_parts_are_matched_by_id(run: Path) -> None:
    found = read_earlier(run, rows("cdba", "xxyx"))
    assert found.part.tolist()[0] == "test"
    assert found.part.isna().tolist() == [False, True, False, False]
    assert found.part.tolist()[2:] == ["dev", "train"]
    assert found.as_dict() | {"path": ""} == {"path": "", "kept": 3, "new": 1, "gone": 0, "relabelled": 1}
    assert [each.code for each in earlier_findings(found, False)] == ["split.earlier", "split.earlier_relabelled"]


def test_a_table_of_text_will_do(tmp_path: Path) -> None:
    (tmp_path / "parts.csv").write_text("id,split\n1,train\n2,test\n", encoding="utf-8")
    table = pd.DataFrame({"id": ["2", "1"], "label": ["x", "y"]})
    assert read_earlier(tmp_path / "parts.csv", table).part.tolist() == ["test", "train"]


@pytest.mark.parametrize(("from_content", "severity"), [(True, "warning"), (False, "info")])
def test_says_who_is_gone(run: Path, from_content: bool, severity: str) -> None:
    gone = earlier_findings(read_earlier(run, rows("abz")), from_content)[1]
    assert (gone.code, gone.severity, gone.ids) == ("split.earlier_gone", severity, ("c",))
    assert ("data.id" in gone.advice) == from_content


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,split\n7,train\n8,test\n", "none of the 2 ids"),
        ("id,split\na,train\na,test\n", "'a' twice"),
        ("id,split\na,tain\n", "'tain'"),
        ("id,part\na,train\n", "no column 'split'"),
    ],
)
def test_refuses(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "parts.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_earlier(tmp_path / "parts.csv", rows("ab"))


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*examples\.parquet"):
        read_earlier(tmp_path, rows("ab"))
    (tmp_path / "examples.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_earlier(tmp_path, rows("ab"))
