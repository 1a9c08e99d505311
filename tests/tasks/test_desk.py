import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.desk import ChangedError, Desk, View
from burnish.tasks.findings import InputError
from burnish.tasks.sheet import empty_sheet

CLASSES = ("=x", "y", "z")
COLUMNS = ("id", "label", "decision", "new_label")


def make_desk(folder, **more):
    examples = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "label": ["=x", "y", "z", "y"],
            "suggested_label": ["y", "=x", "y", "y"],
            "label_quality": [0.1, 0.2, 0.3, 0.9],
            "suggestion_quality": [0.9, 0.8, 0.7, 0.9],
            "action": ["review", "review", "relabel", "keep"],
            "reason": "",
            "label_issue": [True, True, True, False],
            "split": ["dev", "train", "train", "train"],
            "source": "all",
        }
    )
    return Desk(examples, CLASSES, empty_sheet(folder / "review.csv", COLUMNS), **more)


def on_disk(folder):
    if not (folder / "review.csv").exists():
        return {}
    sheet = pd.read_csv(folder / "review.csv", dtype=str, keep_default_na=False)
    said = zip(sheet["decision"], sheet["new_label"].str.removeprefix("'"), strict=True)
    return dict(zip(sheet["id"], said, strict=True))


answers = st.tuples(st.integers(0, 2), st.sampled_from(["accept", "keep", "other", "drop", "skip"]), st.integers(0, 2))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(answers, st.just("undo")), max_size=12))
def test_the_disk_says_what_was_answered_and_undo_goes_all_the_way_back(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("desk")
    desk, past = make_desk(folder), [{}]
    for step in steps:
        if step == "undo":
            assert (desk.undo() is None) == (len(past) == 1)
            past = past[:-1] or [{}]
        else:
            row, word, label = step
            desk.decide(row, word, label, desk.card(row)["mark"])
            said = (word, CLASSES[label] if word == "other" else "")
            past.append(past[-1] | {"abc"[row]: said})
        assert on_disk(folder) == past[-1]
        judged = sum(word != "skip" for word, _ in past[-1].values())
        assert desk.progress(View())["judged"] == judged
    while desk.can_undo:
        desk.undo()
    assert on_disk(folder) == {} and desk.given == 0


def test_the_next_open_one_comes_round_again(tmp_path):
    desk = make_desk(tmp_path)
    assert [desk.next_open(View(), after) for after in (-1, 0, 2)] == [0, 1, 0]
    for row in (0, 1, 2):
        desk.decide(row, "skip", None, desk.card(row)["mark"])
    assert desk.next_open(View(), -1) is None and desk.undecided().tolist() == [0, 1, 2]
    assert desk.index_of(View(split="train"), 2) == 1 and desk.index_of(View(split="dev"), 2) is None


def test_an_example_outside_the_queue_is_not_judged(tmp_path):
    with pytest.raises(InputError, match="not in the queue"):
        make_desk(tmp_path).decide(3, "keep", None, "|")


def test_what_is_applied_meanwhile_counts_as_judged(tmp_path):
    applied = set()
    desk = make_desk(tmp_path, read_applied=lambda: frozenset(applied))
    desk.decide(0, "keep", None, desk.card(0)["mark"])
    applied.add("a")
    (tmp_path / "review.csv").write_text(",".join(COLUMNS) + "\n")
    assert desk.cards(View(), 0, 1)[0]["decision"] == "applied"
    assert desk.progress(View())["judged"] == 1
    with pytest.raises(ChangedError):
        desk.undo()
    assert make_desk(tmp_path, read_applied=lambda: frozenset(applied)).queue.tolist() == [1, 2]
