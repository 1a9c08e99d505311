import re
import xml.etree.ElementTree as ElementTree

import pytest
from example_run import digits_summary
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.plots import ladder, nice_ticks, round_curve, shades, training_curve

SUMMARY = digits_summary()


@pytest.mark.parametrize("svg", [round_curve(SUMMARY["rounds"]), training_curve(SUMMARY["training"]["history"], 17)])
def test_curves_are_small_inline_svg_in_the_pages_colours(svg):
    ElementTree.fromstring(svg.replace("xlink:href", "href"))
    assert len(svg) < 40_000
    assert "var(--accent)" in svg and "#0102" not in svg
    assert "http" not in svg and "<style" not in svg and "<metadata" not in svg
    assert "<text" in svg and 'role="img"' in svg
    ids, used = re.findall(r'\bid="([^"]+)"', svg), re.findall(r"(?:url\(|href=\")#([\w-]+)", svg)
    assert len(ids) == len(set(ids)) and set(used) <= set(ids)


def test_same_rounds_same_bytes_and_no_clash_between_curves():
    first, second = round_curve(SUMMARY["rounds"]), training_curve(SUMMARY["training"]["history"])
    assert first == round_curve(SUMMARY["rounds"])
    assert not set(re.findall(r'\bid="([^"]+)"', first)) & set(re.findall(r'\bid="([^"]+)"', second))


def test_curves_bear_what_is_missing():
    assert round_curve([]) == "" and training_curve([]) == ""
    assert round_curve([{"round": 0, "dev_error": None}]) == ""
    assert "<svg" in round_curve(
        [{"round": 0, "dev_error": {"value": 0.1, "low": None, "high": None}, "train_error": None}]
    )
    assert "<svg" in training_curve([{"epoch": 1, "train_loss": None, "dev_error": {"value": 0.2}}], float("nan"))


def test_epochs_are_counted_in_whole_numbers():
    drawn = training_curve([{"epoch": e, "train_loss": 0.5, "dev_error": 0.2} for e in range(1, 20)], 12)
    assert "<!-- 10 -->" in drawn or ">10</text>" in drawn
    assert "2.5" not in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


def test_a_weighted_dev_error_says_so():
    history = [{"epoch": 1, "train_loss": 0.5, "dev_error": 0.2}, {"epoch": 2, "train_loss": 0.4, "dev_error": 0.1}]
    assert "weighted dev error, %" in training_curve(history, weighted=True)
    assert "weighted" not in training_curve(history)


def test_drawing_leaves_matplotlib_as_it_was():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    round_curve(SUMMARY["rounds"])
    assert dict(mpl.rcParams) == before


def test_ladder_goes_from_human_to_test_with_the_gaps_between():
    steps = ladder(SUMMARY["errors"], SUMMARY["diagnosis"]).steps
    assert [s.key for s in steps] == [
        "human",
        "avoidable_bias",
        "train",
        "variance",
        "train_dev",
        "data_mismatch",
        "dev",
        "dev_overfit",
        "test",
    ]
    rungs = {s.key: s for s in steps}
    assert rungs["data_mismatch"].start == pytest.approx(rungs["train_dev"].at, abs=0.02)
    assert rungs["data_mismatch"].end == pytest.approx(rungs["dev"].at, abs=0.2)
    assert rungs["test"].start < rungs["test"].at < rungs["test"].end


def test_gap_over_a_missing_rung_starts_at_the_last_known_one():
    errors = SUMMARY["errors"] | {"train_dev": None, "human": None, "bayes": None}
    steps = {s.key: s for s in ladder(errors, SUMMARY["diagnosis"]).steps}
    assert steps["human"].at is None and steps["avoidable_bias"].start is None
    assert steps["variance"].start == steps["train"].at
    assert steps["train_dev"].at is None


def test_a_gap_that_is_a_bound_starts_at_nought_where_nothing_stands_above_it():
    errors = SUMMARY["errors"] | {"human": None, "bayes": None}
    bound = {"value": 0.02, "low": 0.01, "high": 0.03, "material": True, "known": False, "from": ""}
    steps = {s.key: s for s in ladder(errors, SUMMARY["diagnosis"] | {"avoidable_bias": bound}).steps}
    assert steps["avoidable_bias"].start == 0 < steps["avoidable_bias"].end
    assert steps["avoidable_bias"].figure == bound


def test_ladder_of_nothing_has_places_for_nothing():
    assert all(s.at is None for s in ladder(None, None).steps)


errors = st.one_of(st.none(), st.floats(0, 1), st.floats(allow_nan=True))


@given(
    st.dictionaries(st.sampled_from(["human", "train", "train_dev", "dev", "test"]), errors),
    st.dictionaries(st.sampled_from(["avoidable_bias", "variance", "data_mismatch", "dev_overfit"]), st.floats(-1, 1)),
)
def test_nothing_leaves_the_ladder(values, gaps):
    laid = ladder(
        {k: {"value": v, "low": v, "high": v} for k, v in values.items()},
        {k: {"value": v, "known": True} for k, v in gaps.items()},
    )
    for step in laid.steps:
        for place in (step.start, step.end, step.at):
            assert place is None or 0 <= place <= 100
        assert step.start is None or step.end is None or step.start <= step.end


@given(st.floats(1e-6, 1.0))
def test_ticks_reach_the_top_in_few_round_steps(top):
    marks = nice_ticks(top)
    assert marks[0] == 0 and marks[-1] >= top * (1 - 1e-6) and len(marks) <= 7


@given(
    st.integers(1, 6).flatmap(
        lambda k: st.lists(st.lists(st.integers(0, 50), min_size=k, max_size=k), min_size=k, max_size=k)
    )
)
def test_shades_lie_between_nothing_and_one(matrix):
    assert all(0 <= v <= 1 for row in shades(matrix) for v in row)
