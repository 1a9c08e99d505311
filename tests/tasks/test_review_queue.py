import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.review_queue import choose_rows, describe, mix_ups, order_queue, values_of


def table(actions, qualities):
    n = len(actions)
    return pd.DataFrame(
        {
            "id": [f"i{i}" for i in range(n)],
            "action": actions,
            "label_quality": qualities,
            "label": ["a", "b"] * (n // 2) + ["a"] * (n % 2),
            "suggested_label": "b",
            "split": ["train", "dev"] * (n // 2) + ["train"] * (n % 2),
        }
    )


kinds = st.lists(st.tuples(st.sampled_from(["keep", "review", "relabel", "drop"]), st.floats(0, 1)), min_size=1)


@given(kinds)
def test_all_suspects_once_waiting_first_worst_first(rows):
    actions, qualities = zip(*rows, strict=True)
    examples = table(list(actions), list(qualities))
    queue = order_queue(examples, applied=["i0"], asked=[])
    wanted = [i for i, action in enumerate(actions) if action != "keep" and i != 0]
    assert sorted(queue.tolist()) == wanted
    keys = [(actions[i] != "review", qualities[i]) for i in queue]
    assert keys == sorted(keys)


def test_what_is_on_the_sheet_is_asked_whatever_it_is():
    examples = table(["keep", "review", "keep"], [0.9, np.nan, 0.8])
    assert order_queue(examples, applied=["i1"], asked=["i2"]).tolist() == [2]


def test_choices_narrow_the_queue():
    examples = table(["review", "relabel", "review", "drop"], [0.1, 0.2, 0.3, 0.4])
    rows = order_queue(examples, [], [])
    assert choose_rows(examples, rows, what="waiting").tolist() == [0, 2]
    assert choose_rows(examples, rows, what="changed").tolist() == [1, 3]
    assert choose_rows(examples, rows, split="dev").tolist() == [1, 3]
    assert mix_ups(examples, rows) == [("a", "b", 2)]
    assert choose_rows(examples, rows, pair=("a", "b")).tolist() == [0, 2]


def test_a_card_is_plain_and_says_who_the_neighbours_are():
    examples = table(["review", "keep"], [0.25, 0.9]).assign(
        suggestion_quality=0.7, reason="odd\x1b[31m", source="all", label_issue=[True, False], blurry=[True, False],
        duplicate_of=[np.nan, "i0"], voice_model=[0.2, 0.9], voice_dynamics=np.nan,
    )  # fmt: skip
    card = describe(examples, 0, np.array([1, -1], np.int32))
    assert card["neighbours"] == [{"row": 1, "label": "b", "suspect": False}]
    assert card["voices"] == [["model", 0.2], ["dynamics", None]]
    assert card["reason"] == "odd [31m" and card["facts"] == ["blurry"] and card["suggested"] == "b"
    other = describe(examples, 1, None)
    assert other["suggested"] is None and other["neighbours"] == [] and other["facts"] == ["copy of i0"]


def test_values_stand_side_by_side():
    attributes = pd.DataFrame(
        {"size": [1.25, np.nan], "when": pd.to_datetime(["2020-01-02 00:00", "2020-01-03 04:05"])}
    )
    assert values_of(attributes, [1, 0]) == [["size", "–", "1.25"], ["when", "2020-01-03 04:05:00", "2020-01-02"]]
