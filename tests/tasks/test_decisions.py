import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from burnish.tasks.decisions import (
    DROPPED,
    UNDECIDED,
    as_csv,
    decided_codes,
    merge_decisions,
    read_decisions,
    read_sheet,
    review_facts,
    suggestion_precision,
)
from burnish.tasks.findings import InputError

CLASSES = ["-x", "a", "b"]


@pytest.fixture
def examples():
    table = pd.DataFrame(
        {
            "id": ["1", "=2", "3", "4", "5"],
            "label": ["a", "a", "b", "-x", None],
            "suggested_label": ["b", "-x", "a", "a", "b"],
            "split": ["train", "train", "dev", "dev", "test"],
        }
    )
    return table.astype("str")


def sheet(tmp_path, text, header="id,decision,new_label"):
    path = tmp_path / "review.csv"
    path.write_text(f"{header}\n{text}\n")
    return path


def test_each_word_names_the_truth(tmp_path, examples):
    path = sheet(tmp_path, "1,accept,b\n'=2,KEEP,\n3,other,'-x\n4,drop,\n5,skip,")
    found = read_sheet(path, examples, CLASSES)
    assert found.fillna("–").to_dict("list") == {
        "id": ["1", "=2", "3", "4"],
        "decision": ["accept", "keep", "other", "drop"],
        "label": ["b", "a", "-x", "–"],
        "suggested_label": ["b", "-x", "a", "a"],
    }


def test_nothing_decided_is_no_rows(tmp_path, examples):
    found = read_sheet(sheet(tmp_path, "1,,\n3,skip,"), examples, CLASSES)
    assert found.empty and list(found) == ["id", "decision", "label", "suggested_label"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9,keep,\n8,keep,\n7,keep,\n6,keep,", "4 ids that this run does not ('9', '8', '7' and 1 more)"),
        ("1,other,c", "no class ('c' for '1')"),
        ("1,other,", "other without a new_label"),
        ("1,accepted,", "not understood ('accepted' for '1')"),
        ("5,keep,", "no given label to keep"),
        ("1,keep,b", "a new_label that the decision does not mean ('1')"),
        ("1,keep,\n1,drop,", "twice for '1'"),
    ],
)
def test_one_wrong_row_refuses_the_sheet(tmp_path, examples, text, said):
    with pytest.raises(InputError) as error:
        read_sheet(sheet(tmp_path, text), examples, CLASSES)
    assert said in str(error.value)


def test_accept_without_a_suggestion_is_refused(tmp_path, examples):
    examples.loc[0, "suggested_label"] = np.nan
    with pytest.raises(InputError, match="no suggested label"):
        read_sheet(sheet(tmp_path, "1,accept,"), examples, CLASSES)


def test_the_sheet_of_another_run_is_refused(tmp_path, examples):
    path = sheet(tmp_path, "1,accept,,a", header="id,decision,new_label,suggested_label")
    with pytest.raises(InputError, match="sheet of another run"):
        read_sheet(path, examples, CLASSES)
    path = sheet(tmp_path, "1,,,a", header="id,decision,new_label,suggested_label")
    assert read_sheet(path, examples, CLASSES).empty


def test_a_near_miss_is_hinted_at(tmp_path):
    table = pd.DataFrame({"id": ["1", "2"], "label": ["horse", "cow"], "suggested_label": ["cow", "horse"]})
    with pytest.raises(InputError, match="did you mean 'horse'"):
        read_sheet(sheet(tmp_path, "1,other,hrose"), table.astype("str"), ["cow", "horse"])


def test_codes(examples, tmp_path):
    said = read_sheet(sheet(tmp_path, "1,accept,\n4,drop,"), examples, CLASSES)
    codes = decided_codes(said, examples["id"], CLASSES)
    assert codes.tolist() == [2, UNDECIDED, UNDECIDED, DROPPED, UNDECIDED] and codes.dtype == np.int64


def test_codes_of_other_data_are_refused(examples, tmp_path):
    said = read_sheet(sheet(tmp_path, "1,accept,"), examples, CLASSES)
    with pytest.raises(InputError, match="no longer has"):
        decided_codes(said, examples["id"], ["a", "-x"])
    with pytest.raises(InputError, match="no longer has"):
        decided_codes(said, examples["id"].iloc[1:], CLASSES)


def test_decisions_survive_the_file(examples, tmp_path):
    said = read_sheet(sheet(tmp_path, "'=2,accept,\n4,drop,\n3,other,-x"), examples, CLASSES)
    path = tmp_path / "decisions.csv"
    path.write_bytes(as_csv(said))
    assert path.read_text().splitlines()[1] == '"\'=2","accept","\'-x","\'-x"'
    pd.testing.assert_frame_equal(read_decisions(path, examples), said)


def test_no_file_is_no_decision(tmp_path, examples):
    none = read_decisions(tmp_path / "decisions.csv", examples)
    assert none.empty and decided_codes(none, examples["id"], CLASSES).tolist() == [UNDECIDED] * 5
    assert review_facts(none, examples) is None


@pytest.mark.parametrize("text", ["", "id\n1\n", "id,decision,label,suggested_label\n1,perhaps,a,b\n"])
def test_a_spoilt_file_is_refused(tmp_path, examples, text):
    path = tmp_path / "decisions.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        read_decisions(path, examples)


words = st.sampled_from(["accept", "keep", "drop"])
few = st.lists(st.tuples(st.sampled_from("abcdef"), words), unique_by=lambda row: row[0], max_size=6)


def frame(rows):
    columns = {"id": [key for key, _ in rows], "decision": [word for _, word in rows]}
    return pd.DataFrame(columns, dtype="str").assign(label="x", suggested_label="y")


@given(few, few)
def test_the_later_decision_counts_and_merging_twice_does_no_harm(first, second):
    merged = merge_decisions(frame(first), frame(second))
    assert dict(zip(merged["id"], merged["decision"], strict=True)) == dict(first) | dict(second)
    assert not merged["id"].duplicated().any()
    pd.testing.assert_frame_equal(merge_decisions(merged, frame(second)), merged, check_dtype=False)


def test_precision_agrees_with_scipy_and_counts_suggestions_only(examples, tmp_path):
    said = read_sheet(sheet(tmp_path, "1,accept,\n'=2,keep,\n3,other,a\n4,drop,\n5,accept,"), examples, CLASSES)
    said.loc[len(said)] = ["6", "keep", "a", "a"]
    examples.loc[5] = ["6", "a", "a", "dev"]
    found = suggestion_precision(said, examples)
    low, high = binomtest(3, 5).proportion_ci(method="wilson")
    assert (found.count, found.total) == (3, 5)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    facts = review_facts(said, examples)
    assert {word: facts[word] for word in ("decided", "accept", "keep", "other", "drop")} == {
        "decided": 6, "accept": 2, "keep": 2, "other": 1, "drop": 1
    }  # fmt: skip
    assert facts["by_split"]["train"]["suggestions"]["value"] == 0.5


def test_precision_of_no_suggestion_is_none(examples, tmp_path):
    examples["suggested_label"] = examples["label"]
    said = read_sheet(sheet(tmp_path, "1,keep,"), examples, CLASSES)
    assert suggestion_precision(said, examples) is None and review_facts(said, examples)["suggestions"] is None
