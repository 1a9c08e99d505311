import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.search_space import USED, Knob, check_kind, read_knobs, usual_knobs
from burnish.tasks.training_recipe import Recipe

RANGES = [
    Knob("learning_rate", low=1e-4, high=1e-1, log=True),
    Knob("dropout", low=0.0, high=0.6),
    Knob("batch_size", low=32, high=1024, log=True),
    Knob("patience", low=1, high=9),
    Knob("hidden", choices=([64], [128], [128, 64])),
]


@given(st.sampled_from(RANGES), st.integers(0, 1000))
def test_what_lies_between_the_ends_can_be_tried_and_is_found_again(knob: Knob, thousandths: int) -> None:
    value = knob.at(thousandths / 1000)
    assert knob.holds(value)
    assert 0 <= knob.place(value) <= 1
    assert knob.at(knob.place(value)) == (value if knob.choices else pytest.approx(value, abs=1e-6))
    if not knob.choices:
        assert knob.tried(value) == value


def test_batches_are_powers_of_two() -> None:
    assert [RANGES[2].at(place / 5) for place in range(6)] == [32, 64, 128, 256, 512, 1024]
    assert not RANGES[2].holds(100)


def test_a_number_in_the_words_of_yaml_is_one() -> None:
    knob = read_knobs({"learning_rate": {"low": "1e-4", "high": "1e-2", "log": True}})[0]
    assert (knob.low, knob.high) == (1e-4, 1e-2)
    assert read_knobs({"clip": ["1e-1", 1, None]})[0].choices == (0.1, 1, None)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"droput": [0.1, 0.2]}, "did you mean 'dropout'?"),
        ({"nothing_like_it": [1, 2]}, "knobs that can be searched: hidden"),
        ({"dropout": {"low": 0.5, "high": 0.5}}, "low must be smaller than high"),
        ({"learning_rate": {"low": 0, "high": 1, "log": True}}, "start above 0"),
        ({"learning_rate": {"low": 0.1, "high": 1, "log": "yes"}}, "write true or false"),
        ({"hidden": {"low": 1, "high": 9}}, "wants a list of choices"),
        ({"dropout": [0.1]}, "two or more"),
        ({"dropout": [0.1, 0.1]}, "names a choice twice"),
        ({"dropout": {"low": "a", "high": 1}}, "both ends must be numbers"),
        ({"dropout": {"low": True, "high": 1}}, "both ends must be numbers"),
        ({"batch_size": {"low": 0, "high": 64}}, "start at 1 or more"),
        ({"batch_size": {"low": 33, "high": 100}}, "holds no two of them"),
        ({"patience": {"low": 1.5, "high": 4}}, "whole numbers"),
    ],
)
def test_what_is_no_knob_is_said_in_one_sentence(knobs: dict, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read_knobs(knobs)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_model_is_asked_only_for_what_it_reads() -> None:
    check_kind("auto", ["hidden", "dropout"])
    with pytest.raises(InputError, match="boosting"):
        check_kind("boosting", [])
    with pytest.raises(InputError, match=r"search\.knobs\.hidden does nothing for train\.model cnn"):
        check_kind("cnn", ["hidden"])


@pytest.mark.parametrize("kind", ["linear", "mlp", "cnn"])
def test_the_usual_knobs_hold_what_is_configured(kind: str) -> None:
    own = {"hidden": (96,), "dropout": 0.3, "learning_rate": 1e-3, "weight_decay": 1e-2, "batch_size": 64}
    knobs = usual_knobs(kind, **own)  # type: ignore[arg-type]
    assert {knob.name for knob in knobs} <= set(USED[kind]) <= set(Recipe.__dataclass_fields__)
    for knob in knobs:
        value = own.get(knob.name, getattr(Recipe(), knob.name))
        assert knob.holds(list(value) if isinstance(value, tuple) else value), knob
