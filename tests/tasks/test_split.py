from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.apportion import PARTS, round_table
from burnish.tasks.findings import InputError
from burnish.tasks.split import default_ratios, join_groups, measure_split, split


def as_table(labels, sources=None, groups=None, **options):
    table = pd.DataFrame({"id": [f"e{i}" for i in range(len(labels))], "label": labels})
    table["source"] = "all" if sources is None else sources
    table["group"] = np.nan if groups is None else groups
    table["split"] = split(table["label"], table["source"], None if groups is None else table["group"], **options)
    return table


def codes(summary):
    return {finding.code for finding in summary.findings}


class TestDefaultRatios:
    def test_follows_the_rule_at_both_ends(self):
        assert default_ratios(500) == default_ratios(100_000) == (0.6, 0.2, 0.2)
        assert default_ratios(1_000_000) == default_ratios(10_000_000) == (0.98, 0.01, 0.01)

    def test_shares_never_grow_and_do_not_jump(self):
        shares = [default_ratios(int(n))[2] for n in np.geomspace(50_000, 2_000_000, 400)]
        assert all(b <= a for a, b in pairwise(shares))
        assert max(a / b for a, b in pairwise(shares)) < 1.02

    @given(st.integers(20_000, 20_000_000), st.floats(0.005, 0.05))
    def test_gives_the_half_width_wanted(self, n, halfwidth):
        share = default_ratios(n, error=0.1, halfwidth=halfwidth)[2]
        assert share <= 0.2
        if share < 0.2:
            assert 1.96 * np.sqrt(0.09 / (share * n)) == pytest.approx(halfwidth, rel=0.02)

    @pytest.mark.parametrize("halfwidth", [0, -0.1, 0.7, float("nan")])
    def test_refuses_an_impossible_half_width(self, halfwidth):
        with pytest.raises(InputError, match="halfwidth"):
            default_ratios(1000, halfwidth=halfwidth)


class TestRoundTable:
    @given(
        st.lists(st.integers(1, 40), min_size=1, max_size=30),
        st.lists(st.integers(1, 20), min_size=2, max_size=4),
    )
    def test_keeps_rows_cells_and_columns(self, rows, weights):
        shares = np.array(weights) / sum(weights)
        target = np.array(rows)[:, None] * shares
        totals = round_table(np.array([[sum(rows)]]) * shares, [0] * len(shares))[0]
        rounded = round_table(target, totals)
        assert (rounded.sum(axis=1) == rows).all()
        assert (np.abs(rounded - target) < 1).all()
        assert (rounded.sum(axis=0) == totals).all()


@st.composite
def problems(draw):
    n = draw(st.integers(1, 300))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    labels = rng.choice(list("abcdefg"), size=n, p=rng.dirichlet(np.full(7, 0.7))).astype(object)
    labels[rng.random(n) < draw(st.sampled_from([0, 0, 0.2]))] = None
    sources = rng.choice(["x", "y", "z"], size=n, p=rng.dirichlet(np.full(3, 0.7)))
    return labels, sources, seed


class TestSplit:
    @settings(deadline=None, max_examples=40)
    @given(problems())
    def test_keeps_every_row_and_each_cell_to_a_row(self, problem):
        labels, sources, seed = problem
        parts = split(labels, sources, seed=seed)
        assert len(parts) == len(labels)
        assert parts.isin(PARTS).all()
        missing = pd.isna(labels)
        assert (parts[missing] == "train").all()
        frame = pd.DataFrame({"label": labels, "source": sources, "part": parts})[~missing]
        for _, block in frame.groupby("label"):
            if len(block) > 2:  # classes of one and two are placed by rule
                for part, share in zip(PARTS, (0.55, 0.05, 0.2, 0.2), strict=True):
                    for _, cell in block.groupby("source"):
                        assert abs((cell["part"] == part).sum() - share * len(cell)) < 1 + 1e-9

    @settings(deadline=None, max_examples=40)
    @given(problems())
    def test_no_class_is_lost_to_train(self, problem):
        labels, sources, seed = problem
        parts = split(labels, sources, seed=seed)
        known = ~pd.isna(labels)
        assert set(labels[known]) == set(labels[known & (parts == "train").to_numpy()])
        for name, count in pd.Series(labels[known]).value_counts().items():
            if count >= 2:
                assert (parts[labels == name] == "test").any()
            if count >= 3:
                assert (parts[labels == name] == "dev").any()

    @settings(deadline=None, max_examples=40)
    @given(problems())
    def test_same_seed_same_split(self, problem):
        labels, sources, seed = problem
        assert split(labels, sources, seed=seed).equals(split(labels, sources, seed=seed))

    def test_another_seed_draws_other_rows(self):
        labels = ["a", "b"] * 100
        assert not split(labels, seed=0).equals(split(labels, seed=1))

    def test_order_of_the_rows_does_not_tilt_the_parts(self):
        parts = split(["a"] * 10_000, seed=3)
        middles = pd.Series(np.arange(10_000)).groupby(parts.to_numpy()).mean()
        assert (abs(middles - 5_000) < 300).all()

    def test_parts_keep_their_sizes_over_many_small_cells(self):
        labels = np.repeat(np.arange(400).astype(str), 3)
        sizes = split(labels, train_dev=0.05).value_counts()
        assert sizes["dev"] == sizes["test"] == 400  # one of each class
        big = split(np.repeat(np.arange(400).astype(str), 7)).value_counts()
        assert abs(big["dev"] - 560) <= 1
        assert abs(big["train_dev"] - 140) <= 1

    def test_few_examples_of_a_class(self):
        labels = ["a"] * 50 + ["one"] + ["two"] * 2
        parts = split(labels)
        assert parts[50] == "train"
        assert sorted(parts[51:53]) == ["test", "train"]

    def test_agrees_with_scikit_learn_on_cell_counts(self):
        from sklearn.model_selection import train_test_split

        rng = np.random.default_rng(0)
        labels = rng.choice(["a", "b", "c"], 1000, p=[0.7, 0.2, 0.1])
        _, theirs = train_test_split(labels, test_size=0.2, stratify=labels, random_state=0)
        ours = labels[(split(labels) == "test").to_numpy()]
        for name in "abc":
            assert abs((ours == name).sum() - (theirs == name).sum()) <= 1

    def test_ratios_as_numbers_or_by_name(self):
        labels = ["a"] * 100
        by_number = split(labels, ratios=[0.8, 0.1, 0.1], train_dev=0)
        assert by_number.equals(split(labels, ratios={"train": 0.8, "dev": 0.1, "test": 0.1}, train_dev=0))
        assert by_number.value_counts().to_dict() == {"train": 80, "dev": 10, "test": 10}

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"ratios": [0.6, 0.2, 0.3]}, "sums to 1.1"),
            ({"ratios": [1.2, -0.1, -0.1]}, "above 0"),
            ({"ratios": [1.0, 0.0, 0.0]}, "above 0"),
            ({"ratios": []}, "0 shares"),
            ({"ratios": [0.8, 0.2]}, "2 shares"),
            ({"ratios": [0.8, "0.1", 0.1]}, "above 0"),
            ({"ratios": [float("nan"), 0.1, 0.1]}, "above 0"),
            ({"ratios": {"train": 0.6, "dew": 0.2, "test": 0.2}}, "did you mean 'dev'"),
            ({"ratios": [0.6, 0.2, 0.2], "halfwidth": 0.01}, "keep one"),
            ({"train_dev": 0.6}, "train_dev"),
            ({"train_dev": -0.1}, "train_dev"),
            ({"train_sources": ["scaner"]}, "did you mean 'scanner'"),
            ({"train_sources": ["scanner", "phone"]}, "no examples for dev and test"),
            ({"train_sources": []}, "no examples for train"),
        ],
    )
    def test_refuses(self, options, words):
        with pytest.raises(InputError, match=words):
            split(["a", "b"] * 20, ["scanner"] * 20 + ["phone"] * 20, **options)

    def test_train_sources_keep_the_others_for_dev_and_test(self):
        rng = np.random.default_rng(0)
        sources = np.where(rng.random(1000) < 0.8, "scanner", "phone")
        labels = rng.choice(["a", "b"], 1000)
        table = as_table(labels, sources, train_sources=["scanner"])
        by_source = measure_split(table).by_source
        assert set(table["source"][table["split"].isin(["train", "train_dev"])]) == {"scanner"}
        assert set(table["source"][table["split"].isin(["dev", "test"])]) == {"phone"}
        assert by_source["train_dev"]["scanner"] == 50
        assert abs(by_source["dev"]["phone"] - by_source["test"]["phone"]) <= 1
        assert measure_split(table).largest_cell_deviation < 1

    def test_keeps_the_index(self):
        labels = pd.Series(["a"] * 20, index=range(100, 120))
        assert split(labels).index.equals(labels.index)

    def test_categories_and_numbers_as_labels(self):
        numbers = [0, 1] * 20
        expected = split(numbers, [True, False] * 20)
        assert expected.equals(split(pd.Series(pd.Categorical(numbers)), [True, False] * 20))

    def test_nothing_to_split(self):
        assert split([]).empty
        assert (split([None, None]) == "train").all()


class TestGroups:
    @settings(deadline=None, max_examples=40)
    @given(problems(), st.integers(1, 60))
    def test_groups_never_straddle(self, problem, count):
        labels, sources, seed = problem
        groups = np.random.default_rng(seed).integers(0, count, len(labels)).astype(float)
        groups[groups == 0] = np.nan
        parts = split(labels, sources, groups, seed=seed)
        assert parts.groupby(groups).nunique().isin([1]).all()
        assert (parts[pd.isna(labels)] == "train").all()

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(1, 30), min_size=3, max_size=12), st.integers(0, 99))
    def test_no_part_is_empty_that_need_not_be(self, sizes, seed):
        groups = np.repeat(np.arange(len(sizes)), sizes)
        parts = split(["a"] * len(groups), None, groups, seed=seed)
        assert {"train", "dev", "test"} <= set(parts)

    def test_proportions_hold_with_small_groups(self):
        rng = np.random.default_rng(0)
        labels = rng.choice(["a", "b", "c"], 3000, p=[0.6, 0.3, 0.1])
        table = as_table(labels, groups=rng.integers(0, 800, 3000))
        summary = measure_split(table)
        assert summary.leaks == 0
        assert summary.largest_cell_deviation <= 5

    def test_a_group_holds_across_train_sources(self):
        sources = ["scanner"] * 50 + ["phone"] * 50
        groups = [*range(49), "both", "both", *range(100, 149)]
        parts = split(["a"] * 100, sources, groups, train_sources=["scanner"])
        assert parts[49] == parts[50]

    def test_join_groups_follows_links(self):
        joined = join_groups(["a", None, "b", "b", None], [1, 1, None, 2, None], [None, None, None, None, 5])
        assert joined[0] == joined[1] != joined[2]
        assert joined[2] == joined[3]
        assert joined[4] is pd.NA


class TestMeasureSplit:
    def test_counts(self):
        table = as_table(["a"] * 60 + ["b"] * 40, ["x", "y"] * 50)
        summary = measure_split(table)
        assert summary.sizes == {"train": 55, "train_dev": 5, "dev": 20, "test": 20}
        assert summary.by_label["test"] == {"a": 12, "b": 8}
        assert sum(summary.by_source["train"].values()) == 55
        assert summary.largest_cell_deviation < 1
        assert summary.leaks == 0
        assert set(summary.as_dict()) == {"sizes", "by_source", "by_label", "largest_cell_deviation", "leaks"}

    def test_finds_leaks(self):
        table = as_table(["a"] * 40)
        table["group"] = np.where(np.arange(40) < 30, "g", "h")
        summary = measure_split(table, duplicate_group=[0, 0] * 15 + [np.nan] * 10)
        assert {"split.leak_group", "split.leak_duplicate"} <= codes(summary)
        assert summary.leaks >= 2
        leak = next(f for f in summary.findings if f.code == "split.leak_duplicate")
        assert leak.count == 30
        assert leak.severity == "critical"

    def test_says_which_classes_a_part_lacks(self):
        summary = measure_split(as_table(["a"] * 50 + ["lonely"]))
        finding = next(f for f in summary.findings if f.code == "split.class_not_in_test")
        assert "lonely" in finding.title
        assert finding.ids == ("e50",)

    def test_says_what_is_too_small_or_too_large(self):
        few = measure_split(as_table([str(i) for i in range(10)] * 2, ["x", "y"] * 10))
        assert "split.thin_strata" in codes(few)
        large = measure_split(as_table(["a"] * 100, groups=["g"] * 60 + list(range(40))))
        assert "split.large_group" in codes(large)
        one = measure_split(as_table(["a"] * 30, ["x"] * 29 + ["y"]))
        assert "split.source_of_one" in codes(one)
        assert "split.empty_part" in codes(measure_split(as_table(["a"])))

    def test_without_labels(self):
        summary = measure_split(as_table([None, None]))
        assert summary.sizes["train"] == 2
        assert summary.largest_cell_deviation == 0
