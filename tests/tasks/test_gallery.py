import numpy as np
import pandas as pd
from example_run import digits_examples, png
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.gallery import PICTURE_BYTES, pairs_of, pick_suspects, picture, suspects_of


def test_worst_first_ties_in_table_order_unknown_last():
    table = pd.DataFrame(
        {"label_issue": [True, True, False, True, True], "label_quality": [0.4, np.nan, 0.0, 0.1, 0.4]}
    )
    assert pick_suspects(table, 9).tolist() == [3, 0, 4, 1]
    assert pick_suspects(table, 2).tolist() == [3, 0]
    assert pick_suspects(table, -1).size == 0 and pick_suspects(pd.DataFrame({"id": ["a"]}), 5).size == 0


def test_missing_flags_are_no_suspects():
    table = pd.DataFrame({"label_issue": pd.array([None, True], dtype="boolean"), "label_quality": [0.1, 0.2]})
    assert pick_suspects(table, 5).tolist() == [1]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=40), st.integers(0, 50))
def test_only_suspects_and_never_more_than_asked(rows, limit):
    table = pd.DataFrame(rows, columns=["label_issue", "label_quality"])
    picked = pick_suspects(table, limit)
    assert len(picked) == min(limit, sum(issue for issue, _ in rows))
    assert all(table["label_issue"].iloc[picked])
    assert table["label_quality"].iloc[picked].round(3).is_monotonic_increasing


def test_equally_sure_mix_ups_take_turns():
    table = pd.DataFrame({"label": list("aaab"), "suggested_label": list("bbba"), "label_issue": True})
    assert pick_suspects(table.assign(label_quality=[1e-6, 2e-6, 3e-6, 4e-6]), 4).tolist() == [0, 3, 1, 2]
    assert pick_suspects(table.assign(label_quality=[0.1, 0.2, 0.3, 0.4]), 4).tolist() == [0, 1, 2, 3]


def test_a_card_says_who_doubts():
    table, pixels = digits_examples()
    card = suspects_of(table, limit=1, thumbnails=lambda i: png(pixels[i]))[0]
    assert [name for name, _ in card.voices] == ["model", "clusters", "neighbours", "dynamics"]
    assert card.wrong > 0.5 and card.picture.coarse and card.more == 0


def test_pictures_stop_at_their_budget():
    table, _ = digits_examples()
    big = b"\x89PNG\r\n\x1a\n" + bytes(400_000)
    cards = suspects_of(table, limit=10, thumbnails=lambda i: big)
    shown = sum(card.picture is not None for card in cards)
    assert len(cards) == 10 and shown == PICTURE_BYTES // len(big)


def test_what_is_no_picture_is_left_out():
    assert picture(None) is None and picture(b"") is None and picture(b"<svg onload=alert(1)>") is None
    assert picture(b"\xff\xd8\xff\xe0").uri.startswith("data:image/jpeg;base64,")
    assert pairs_of([(b"no", b"no")]) == []


def test_every_pair_that_was_kept_is_shown():
    assert len(pairs_of([(b"GIF8", b"GIF8")] * 48)) == 48
