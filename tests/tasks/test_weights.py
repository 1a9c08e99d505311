import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from burnish.tasks.findings import InputError
from burnish.tasks.weights import among_copies, strengthening_factors, weight_findings

COLUMNS = [
    "weight_class", "weight_source", "weight_density", "weight_quality", "weight_hard", "weight_user", "weight",
]  # fmt: skip


def test_class_balance_is_that_of_sklearn():
    labels = np.random.default_rng(0).choice([0, 1, 2], 500, p=[0.6, 0.3, 0.1])
    made = strengthening_factors(labels, class_balance=1.0)
    np.testing.assert_allclose(made["weight_class"], compute_sample_weight("balanced", labels))
    half = strengthening_factors(labels, class_balance=0.5)
    np.testing.assert_allclose(half["weight_class"], np.sqrt(made["weight_class"]))


def test_sources_weigh_as_in_the_target():
    sources = pd.Series(["scan"] * 90 + ["phone"] * 10 + ["scan"] * 10 + ["phone"] * 30)
    labels = np.array([0, 1] * 50 + [-1] * 40)
    made = strengthening_factors(labels, sources, target=np.arange(140) >= 100, source_balance=1.0)
    mass = made["weight"].groupby(sources).sum()
    assert mass["phone"] / mass["scan"] == pytest.approx(3)
    alike = strengthening_factors(labels, sources, source_balance=1.0)["weight"].groupby(sources).sum()
    assert alike["phone"] == pytest.approx(alike["scan"])


def test_a_target_without_our_sources_changes_nothing_in_silence():
    sources = pd.Series(["scan"] * 4 + ["phone"] * 2)
    labels = np.array([0, 1, 0, 1, -1, -1])
    made = strengthening_factors(labels, sources, target=np.arange(6) >= 4, source_balance=1.0)
    assert made["weight"][:4].tolist() == [1, 1, 1, 1]


def test_quality_is_a_factor_and_missing_quality_is_one():
    made = strengthening_factors(np.array([0, 1, 1]), None, np.array([1.0, 0.5, np.nan]))
    assert made["weight_quality"].tolist() == [1, 0.5, 1]
    off = strengthening_factors(np.array([0, 1, 1]), None, np.array([1.0, 0.5, np.nan]), quality=False)
    assert off["weight"].tolist() == [1, 1, 1]


def test_mislabelled_examples_are_never_strengthened():
    quality = np.array([0.9, 0.9, 0.4, 0.4])
    wrong = np.array([True, False, True, False])
    made = strengthening_factors(np.zeros(4, int), None, quality, misclassified=wrong, hard=2.0)
    assert made["weight_hard"].round(6).tolist() == [2.8, 1, 1, 1]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-1, 3), st.sampled_from(["a", "b", "c"]), st.floats(0.01, 1), st.booleans()),
        min_size=2,
        max_size=60,
    ),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 10),
    st.floats(1.5, 10),
)
def test_weights_have_mean_one_and_stay_under_the_cap(rows, class_balance, source_balance, hard, cap):
    labels, sources, quality, wrong = (np.array(part) for part in zip(*rows, strict=True))
    if not (labels >= 0).any():
        return
    made = strengthening_factors(
        labels,
        sources,
        quality,
        misclassified=wrong,
        class_balance=class_balance,
        source_balance=source_balance,
        hard=hard,
        cap=cap,
    )
    assert list(made.columns) == COLUMNS
    used = labels >= 0
    assert (made[~used] == 0).all(axis=None)
    assert (made["weight"][used] > 0).all()
    assert made["weight"].max() <= cap * (1 + 1e-9)
    assert made["weight"][used].mean() == pytest.approx(1)


def test_rows_that_weigh_nothing_do_not_change_what_the_others_weigh_to_one_another():
    made = strengthening_factors(np.zeros(10, int), user=np.array([1.0, 2.0] + [0.0] * 8), cap=3.0)
    assert made["weight"].round(9).tolist() == [0.666666667, 1.333333333] + [0] * 8


def test_it_is_said_how_many_rows_weigh_nothing_and_what_the_others_are_worth():
    labels, user = np.array([0, 1, 0, -1]), np.array([3.0, 1.0, 0.0, 0.0])
    (found,) = weight_findings(strengthening_factors(labels, user=user), labels)
    said = (
        "1 of 3 training examples weighs 0 by weights.column: it teaches nothing, the others as much as 1.6 alike ones"
    )
    assert found.title == said
    assert found.count == 1
    assert weight_findings(strengthening_factors(labels), labels) == []


def test_the_factor_that_silences_rows_is_named():
    target = np.array([False, False, True])
    factors = strengthening_factors(
        np.array([0, 1, 0]), np.array(["scanner", "scanner", "phone"]), target=target, source_balance=1.0
    )
    (found,) = weight_findings(factors, np.array([0, 1, 0]))
    assert found.title.startswith("2 of 3 training examples weigh 0 by weights.source_balance: they teach nothing")


def test_the_users_own_weights_multiply():
    made = strengthening_factors(np.array([0, 1]), user=np.array([3.0, 1.0]))
    assert made["weight"].tolist() == [1.5, 0.5]


@pytest.mark.parametrize("user", [[1.0, -1.0], [np.nan, 1.0], [1.0], [0.0, 0.0]])
def test_refuses_weights(user):
    with pytest.raises(InputError, match="weight"):
        strengthening_factors(np.array([0, 1]), user=np.array(user))


@pytest.mark.parametrize("size", [1e39, 1e-60])
def test_the_users_own_weights_may_be_of_any_size(size):
    made = strengthening_factors(np.array([0, 1]), user=np.array([3.0, 1.0]) * size)
    assert made["weight"].to_numpy() == pytest.approx([1.5, 0.5])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"label_quality": np.array([-3.0, 1.0])}, "label quality of row 0 is -3: give a probability from 0 to 1"),
        ({"label_quality": np.array([1.0, 9.0])}, "label quality of row 1 is 9"),
        ({"label_quality": np.array([1.0, np.inf])}, "label quality of row 1 is inf"),
        ({"label_quality": np.ones(3)}, r"label_quality has shape \(3,\) for 2 labels"),
        ({"misclassified": np.zeros(3, bool)}, r"misclassified has shape \(3,\) for 2 labels"),
        ({"target": np.zeros(1, bool)}, r"target has shape \(1,\) for 2 labels"),
        ({"sources": np.array(["a"])}, r"sources has shape \(1,\) for 2 labels"),
        ({"ratios": np.ones(1)}, r"ratios has shape \(1,\) for 2 labels"),
        ({"ratios": np.array([1.0, np.nan])}, "ratio of row 1 is nan: give a finite number of at least 0"),
        ({"ratios": np.array([-1.0, 1.0])}, "ratio of row 0 is -1"),
        ({"class_balance": -1.0}, "class_balance is -1: give a number from 0 to 1"),
        ({"source_balance": 2.0}, "source_balance is 2"),
        ({"density": np.nan}, "density is nan"),
        ({"hard": -5.0}, "hard is -5: give a finite number of at least 0"),
        ({"hard": np.inf}, "hard is inf"),
        ({"cap": np.nan}, "cap of the weights is nan, .*: give a finite number of at least 1"),
        ({"cap": np.inf}, "cap of the weights is inf"),
        ({"cap": 0.5}, "cap of the weights is 0.5"),
    ],
)
def test_refuses_what_is_out_of_bounds(given, said):
    with pytest.raises(InputError, match=said):
        strengthening_factors(np.array([0, 1]), **given)


def test_refuses_no_labels():
    with pytest.raises(InputError, match="no example has a label"):
        strengthening_factors(np.array([-1, -1]))


def test_density_ratios_are_a_factor_with_a_knob():
    ratios = np.array([4.0, 1.0, 1.0])
    full = strengthening_factors(np.array([0, 1, 1]), ratios=ratios, density=1.0)
    assert full["weight_density"].tolist() == [4, 1, 1]
    assert full["weight"].tolist() == [2, 0.5, 0.5]
    half = strengthening_factors(np.array([0, 1, 1]), ratios=ratios, density=0.5)
    assert half["weight_density"].tolist() == [2, 1, 1]
    off = strengthening_factors(np.array([0, 1, 1]), ratios=ratios)
    assert off["weight"].tolist() == [1, 1, 1]


def test_the_product_of_the_columns_is_the_weight():
    made = strengthening_factors(
        np.array([0, 1, 1, 0]),
        None,
        np.array([1.0, 0.6, 0.9, 1.0]),
        ratios=np.array([2.0, 1.0, 0.5, 1.0]),
        user=np.array([1.0, 2.0, 1.0, 3.0]),
        class_balance=1.0,
        density=1.0,
        cap=50.0,
    )
    product = made.drop(columns="weight").prod(axis=1)
    assert (made["weight"] / product).to_numpy() == pytest.approx(np.full(4, 4 / product.sum()))


def test_classes_balanced_by_copies_are_not_balanced_again_by_weights():
    labels = np.repeat([0, 1], [90, 10])
    with_copies = np.concatenate([labels, np.ones(80, dtype=int)])  # the rare class copied until both are as large
    weights = strengthening_factors(labels, class_balance=1.0)["weight"].to_numpy()
    origin = np.concatenate([np.arange(100), np.tile(np.arange(90, 100), 8)])
    shared = weights[origin] * among_copies(labels, with_copies, 1.0)
    assert np.isclose(shared[with_copies == 0].sum(), shared[with_copies == 1].sum())
    assert (among_copies(labels, with_copies, 0.0) == 1).all()
    assert np.ptp(among_copies(labels, np.tile(labels, 3), 1.0)) == 0
