from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from burnish.tasks.search_space import Knob
from burnish.tasks.search_study import distributions, from_study, to_study

KNOBS = (
    Knob("learning_rate", low=1e-4, high=1e-1, log=True),
    Knob("batch_size", low=32, high=1024, log=True),
    Knob("patience", low=1, high=9),
    Knob("hidden", choices=([64], [128, 64])),
    Knob("clip", choices=(None, 1, 0.5)),
)


def test_each_knob_is_known_by_its_kind() -> None:
    assert distributions(KNOBS) == {
        "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
        "batch_size": IntDistribution(5, 10),
        "patience": IntDistribution(1, 9),
        "hidden": CategoricalDistribution(["[64]", "[128, 64]"]),
        "clip": CategoricalDistribution(["null", "1", "0.5"]),
    }


@given(st.lists(st.integers(0, 100), min_size=len(KNOBS), max_size=len(KNOBS)))
def test_values_come_back_as_they_went(places: list[int]) -> None:
    values = {knob.name: knob.at(place / 100) for knob, place in zip(KNOBS, places, strict=True)}
    assert from_study(KNOBS, to_study(KNOBS, values)) == values
