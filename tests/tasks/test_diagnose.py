"""The verdicts of the chain: the seed table, each link, and when nothing can be told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.diagnose import diagnose, find_shifts, trusted
from burnish.tasks.metrics import rate, stated
from burnish.tasks.mismatch import Comparison

BIG = 100_000


def of(share: float, total: int = BIG):
    return rate(round(share * total), total)


@pytest.mark.parametrize("given_as", [float, of])
@pytest.mark.parametrize(
    ("train", "dev", "verdict"),
    [(0.035, 0.078, "bias first"), (0.035, 0.043, "bias"), (0.010, 0.050, "variance"), (0.008, 0.010, "well trained")],
)
def test_seed_table(given_as, train: float, dev: float, verdict: str) -> None:
    found = diagnose(human=0.007, train=given_as(train), dev=given_as(dev))
    assert found.verdict == verdict
    assert found.title.lower().startswith(verdict)
    assert found.avoidable_bias.value == pytest.approx(train - 0.007)
    assert found.variance.value == pytest.approx(dev - train)
    steps = [step.code for step in found.next_steps]
    assert bool(steps) == (verdict != "well trained")
    assert all(
        step.startswith(f"diagnosis.{'variance' if verdict == 'variance' else 'avoidable_bias'}") for step in steps[:4]
    )


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ({"train": 0.01, "train_dev": 0.012, "dev": 0.08}, "data mismatch"),
        ({"train": 0.01, "train_dev": 0.05, "dev": 0.09}, "variance first"),
        ({"train": 0.01, "train_dev": 0.012, "dev": 0.015, "test": 0.06}, "dev overfit"),
        ({"train": 0.01, "train_dev": 0.012, "dev": 0.06, "test": 0.09}, "data mismatch first"),
        ({"train": 0.01, "train_dev": 0.012, "dev": 0.015, "test": 0.012}, "well trained"),
    ],
)
def test_each_link_of_the_chain(errors: dict, verdict: str) -> None:
    found = diagnose(human=0.007, **{name: of(error) for name, error in errors.items()})
    assert found.verdict == verdict


def test_source_not_trained_on_is_mismatch_and_not_variance() -> None:
    by_source = {"scanner": rate(12, 290), "phone": rate(28, 70)}
    found = diagnose(
        human=0.0,
        train=rate(5, 860),
        train_dev=rate(2, 43),
        dev=rate(40, 360),
        dev_by_source=by_source,
        train_sources=["scanner"],
    )
    assert found.variance.value == pytest.approx(14 / 333 - 5 / 860)  # train-dev and dev's scanner together
    assert found.data_mismatch.value == pytest.approx(28 / 70 - 14 / 333)
    assert found.data_mismatch.material
    assert found.data_mismatch.known
    assert found.data_mismatch.origin.startswith("dev error of sources not trained on")
    everything = diagnose(human=0.0, train=rate(5, 860), dev=rate(40, 360), dev_by_source=by_source)
    assert not everything.data_mismatch.known
    assert everything.verdict == "variance"


def test_stated_train_dev_serves_where_dev_holds_other_sources_only() -> None:
    phone = {"phone": rate(40, 400)}
    common = {"human": 0.0, "train": 0.0, "dev": rate(40, 400), "dev_by_source": phone, "train_sources": ["scanner"]}
    assert diagnose(**common, train_dev=0.005).verdict == "data mismatch"
    assert not diagnose(**common).data_mismatch.measured


def test_small_train_dev_is_not_trusted() -> None:
    assert trusted(stated(0.05), 0.01)
    assert trusted(rate(0, 300), 0.01)
    assert not trusted(rate(0, 299), 0.01)
    assert not trusted(rate(0, 0), 0.01)
    found = diagnose(human=0.0, train=of(0.01), train_dev=rate(9, 60), dev=of(0.05))
    assert found.variance.origin == "dev error − train error"
    assert not found.data_mismatch.known


def test_unknown_human_error_gives_a_bound_and_says_so() -> None:
    found = diagnose(train=of(0.035), dev=of(0.036))
    assert found.verdict == "bias"
    assert not found.avoidable_bias.known
    assert "up to 3.5 points" in found.title
    assert "not known" in found.explanation


def test_a_bound_yields_to_a_larger_gap_that_was_measured() -> None:
    assert diagnose(train=of(0.02), dev=of(0.12)).verdict == "variance first"
    assert diagnose(train=of(0.06), dev=of(0.08)).verdict == "bias first"
    assert diagnose(human=0.0, train=of(0.02), dev=of(0.12)).verdict == "bias first"


def test_a_gap_yields_to_one_ten_times_as_large() -> None:
    assert diagnose(human=0.0, train=of(0.011), dev=of(0.12)).verdict == "bias first"
    found = diagnose(human=0.0, train=of(0.011), dev=of(0.14))
    assert found.verdict == "variance first"
    assert [step.code.split(".")[1] for step in found.next_steps][:: len(found.next_steps) - 1] == [
        "variance",
        "avoidable_bias",
    ]


def test_too_few_examples_cannot_tell() -> None:
    found = diagnose(human=0.007, train=rate(8, 1000), dev=rate(2, 100))
    assert found.verdict == "cannot tell"
    assert found.variance.open
    assert "(100 now)" in found.title
    assert found.next_steps[0].severity == "cannot_tell"


def test_nothing_measured_is_no_praise() -> None:
    nothing = rate(0, 0)
    found = diagnose(train=nothing, dev=nothing)
    assert found.verdict == "cannot tell"
    json.dumps(found.as_dict(), allow_nan=False)


def test_train_and_dev_that_differ_cast_doubt_on_the_variance() -> None:
    shift = Comparison("train", "dev", 0.9, 0.8, 0.95, 0.001, "differs", ("age",))
    found = diagnose(human=0.0, train=of(0.01), dev=of(0.05), mismatch=[shift])
    assert "part of the variance may be data mismatch" in found.explanation
    assert "age" in found.explanation


def test_only_what_is_not_trained_on_is_a_shift() -> None:
    pairs = [
        ("train", "dev"),
        ("train", "dev:phone"),
        ("train", "dev:scanner"),
        ("dev:phone", "dev:scanner"),
        ("train", "test"),
    ]
    differ = [Comparison(a, b, 0.9, 0.8, 0.95, 0.001, "differs") for a, b in pairs]
    assert [each.b for each in find_shifts(differ, ["scanner"])] == ["dev", "dev:phone"]
    assert [each.b for each in find_shifts(differ, None)] == ["dev"]


def test_dev_overfit_rests_on_dev_and_test_being_alike() -> None:
    differ = Comparison("dev", "test", 0.9, 0.8, 0.95, 0.001, "differs")
    errors = {"human": 0.0, "train": of(0.001), "dev": of(0.002), "test": of(0.04)}
    assert diagnose(**errors).dev_overfit.known
    assert not diagnose(**errors, mismatch=[differ]).dev_overfit.known


def test_as_dict_has_the_keys_of_the_summary() -> None:
    found = json.loads(json.dumps(diagnose(train=of(0.035), dev=of(0.078), dev_suspects=of(0.02)).as_dict()))
    assert list(found) == [
        *("avoidable_bias", "variance", "data_mismatch", "dev_overfit"),
        *("verdict", "title", "explanation", "next_steps"),
    ]
    assert list(found["variance"]) == ["value", "low", "high", "material", "known", "from"]
    codes = [step["code"] for step in found["next_steps"]]
    assert codes[0].startswith("diagnosis.variance.")
    assert codes[1] == "diagnosis.labels.review"


ERRORS = st.integers(0, 300)


@given(ERRORS, ERRORS, ERRORS, st.floats(0, 0.1))
def test_gaps_add_up_to_dev_error_above_human(train: int, train_dev: int, dev: int, human: float) -> None:
    found = diagnose(human=human, train=rate(train, 3000), train_dev=rate(train_dev, 400), dev=rate(dev, 1000))
    total = found.avoidable_bias.value + found.variance.value + found.data_mismatch.value
    assert total == pytest.approx(dev / 1000 - human)
    material = [gap.material for gap in (found.avoidable_bias, found.variance, found.data_mismatch)]
    assert any(material) == (found.verdict not in ("well trained", "cannot tell"))
    assert found.verdict.endswith(" first") == (sum(material) > 1)


def test_label_noise_comes_first_where_it_outweighs_every_gap() -> None:
    few = rate(4, 300)
    found = diagnose(train=0.001, dev=few, human=0.001, dev_suspects=rate(28, 330), dev_as_given=rate(32, 330))
    assert found.verdict.startswith("label noise")
    assert "of dev's 9.7% error" in found.title
    assert found.next_steps[0].code == "diagnosis.labels.review"


def test_a_larger_gap_keeps_the_verdict() -> None:
    assert diagnose(train=0.001, dev=rate(60, 300), human=0.001, dev_suspects=rate(6, 306)).verdict == "variance"


def test_classes_that_train_has_not_come_first_where_they_outweigh_every_gap() -> None:
    shares = {"dev": rate(0, 100), "test": rate(40, 100)}
    found = diagnose(train=rate(0, 500), dev=rate(6, 100), test=rate(4, 60), absent=["left"], untaught=shares)
    assert found.verdict == "untaught classes first" and "40.0 points of test are of classes" in found.title
    assert found.next_steps[0].code == "diagnosis.classes"
    assert "variance" in {step.code.split(".")[1] for step in found.next_steps}


def test_the_larger_of_noise_and_classes_that_train_has_not_is_the_verdict() -> None:
    def verdict(noise: int, unseen: int) -> str:
        return diagnose(
            train=0.001, dev=0.001, human=0.001, dev_suspects=rate(noise, 300), untaught={"dev": rate(unseen, 300)}
        ).verdict

    assert verdict(30, 20) == "label noise first" and verdict(20, 30) == "untaught classes first"
    assert verdict(30, 0) == "label noise" and verdict(0, 30) == "untaught classes"


def test_noise_that_dev_refutes_is_no_doubt_where_there_is_hardly_any() -> None:
    def verdict(suspects: int, wrong: int, unseen: int = 0) -> str:
        shares = {"dev_suspects": rate(suspects, 300), "dev_as_given": rate(wrong, 300)}
        untaught = {"dev": rate(unseen, 300)}
        return diagnose(train=0.0, dev=rate(wrong, 300), human=0.0, refuted=True, untaught=untaught, **shares).verdict

    assert verdict(20, 60) == "variance" and verdict(40, 60) == "cannot tell"
    assert verdict(20, 60, unseen=90) == "untaught classes first"
    none = diagnose(train=0.0, dev=rate(0, 300), human=0.0, refuted=True, dev_suspects=rate(0, 300))
    assert "labels" not in none.title


def test_a_part_without_examples_hides_no_class_that_train_has_not() -> None:
    shares = {"dev": rate(0, 0), "test": rate(40, 100)}
    found = diagnose(train=0.0, dev=0.0, test=0.0, human=0.0, absent=["left"], untaught=shares)
    assert found.verdict == "untaught classes" and "40.0 points of test" in found.next_steps[0].title
