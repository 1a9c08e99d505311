"""The knobs name keys that the configuration has, and the steps come in order."""

import math

import pytest

from burnish.flows.config import Config
from burnish.tasks.gaps import MEANINGS, WORDS, measure_gap, unmeasured
from burnish.tasks.knobs import KNOBS, differing_features, idle_knobs, next_steps
from burnish.tasks.metrics import rate, stated
from burnish.tasks.mismatch import Comparison

SHIFTED = Comparison("train", "dev:phone", 0.9, 0.8, 0.95, 0.001, "differs", ("sharpness", "noise"))
WHOLE = Comparison("train", "dev", 0.7, 0.6, 0.8, 0.001, "differs", ("noise", "hue", "size"))


def gaps(**values: float):
    found = {name: unmeasured("") for name in WORDS}
    return found | {name: measure_gap(stated(value), stated(0.0), "", 0.01) for name, value in values.items()}


@pytest.mark.parametrize("key", [knob.key for knobs in KNOBS.values() for knob in knobs if knob.key])
def test_every_key_is_in_the_configuration(key: str) -> None:
    model = Config
    for part in key.split("."):
        assert part in model.model_fields
        model = model.model_fields[part].annotation


def test_every_gap_has_words_and_knobs_with_codes_of_their_own() -> None:
    assert list(KNOBS) == list(WORDS) == list(MEANINGS)
    assert all(len({knob.code for knob in knobs}) == len(knobs) for knobs in KNOBS.values())


def test_steps_follow_the_order_and_give_the_ceiling() -> None:
    found = next_steps(["variance", "avoidable_bias"], gaps(variance=0.043, avoidable_bias=0.02), *nothing(), 0.01, ())
    assert found[0].code == "diagnosis.variance.augment"
    assert found[0].title == "Augment (augment.copies): 4.3 points of variance to gain at most"
    assert [step.severity for step in found] == ["warning"] * 4 + ["info"] * 5


def nothing():
    return stated(0.1), stated(math.nan)


def test_wrong_dev_labels_come_first() -> None:
    found = next_steps(["variance"], gaps(variance=0.04), rate(30, 300), rate(12, 300), 0.01, ())
    assert found[0].code == "diagnosis.labels.review"
    assert found[0].title == "Check the suspected dev labels: up to 4.0 points of dev's 10.0% error"
    assert found[0].count == 12
    few = next_steps(["variance"], gaps(variance=0.04), rate(30, 300), rate(2, 300), 0.01, ())
    assert few[0].code == "diagnosis.variance.augment"


def test_mismatch_names_what_differs() -> None:
    assert differing_features((SHIFTED, WHOLE)) == ("sharpness", "noise", "hue")
    found = next_steps(["data_mismatch"], gaps(data_mismatch=0.04), *nothing(), 0.01, (SHIFTED,))
    assert found[0].advice.endswith("Train and dev differ most in sharpness, noise.")


def test_open_gaps_ask_for_more_examples() -> None:
    still = gaps() | {"variance": measure_gap(rate(3, 60), rate(1, 60), "", 0.01)}
    (found,) = next_steps([], still, rate(3, 60), stated(math.nan), 0.01, ())
    assert found.severity == "cannot_tell"
    assert next_steps([], gaps(variance=0.001), *nothing(), 0.01, ()) == ()


KEYS = {
    ("boosting", "table"): ["", "train.model", "rounds", "data.features"],
    ("linear", "table"): ["augment.copies", "", "train.model", "rounds", "data.features"],
    ("linear", "pretrained"): ["augment.copies", "", "train.model", "train.unfreeze", "rounds"],
    ("cnn", "patches"): [
        "augment.copies", "train.dropout", "train.mirror", "", "features.encoder",
        "train.epochs", "features.image_size", "train.dropout", "rounds", "features.encoder",
    ],
    ("", ""): ["", "rounds", "data.features"],
}  # fmt: skip


@pytest.mark.parametrize(("model", "encoder"), KEYS)
def test_only_knobs_of_the_model_that_was_trained_are_named(model: str, encoder: str) -> None:
    material = gaps(variance=0.043, avoidable_bias=0.02)
    found = next_steps(["variance", "avoidable_bias"], material, *nothing(), 0.01, (), model=model, encoder=encoder)
    keys = [step.title.split(" (")[1].split(")")[0] if " (" in step.title else "" for step in found]
    assert keys == KEYS[model, encoder]


FACTS = (
    "stopped_early", "shown_whole", "several_tried", "labels_clean", "all_sources", "noise_fitted", "nothing_learnt",
    "settled", "by_time",
)  # fmt: skip
NOTHING_IDLE = dict.fromkeys(FACTS, False)


@pytest.mark.parametrize(
    ("fact", "model", "gap", "codes"),
    [
        ("stopped_early", "cnn", "avoidable_bias", {"longer_cnn"}),
        ("stopped_early", "mlp", "avoidable_bias", {"longer"}),
        ("shown_whole", "cnn", "avoidable_bias", {"pixels"}),
        ("several_tried", "boosting", "avoidable_bias", {"ask_network"}),
        ("several_tried", "linear", "avoidable_bias", {"bend"}),
        ("labels_clean", "boosting", "avoidable_bias", {"labels"}),
        ("all_sources", "mlp", "data_mismatch", {"sources"}),
        ("settled", "mlp", "avoidable_bias", {"labels"}),
        ("by_time", "mlp", "dev_overfit", {"redraw"}),
        ("nothing_learnt", "mlp", "avoidable_bias", {"network", "longer", "loosen", "labels"}),
        ("nothing_learnt", "cnn", "avoidable_bias", {"longer_cnn", "pixels", "loosen", "labels"}),
    ],
)
def test_what_would_bring_nothing_is_no_advice(fact: str, model: str, gap: str, codes: set[str]) -> None:
    def advised(**facts: bool) -> set[str]:
        idle = idle_knobs(**NOTHING_IDLE | facts)
        found = next_steps([gap], gaps(**{gap: 0.02}), *nothing(), 0.01, (), model=model, idle=idle)
        return {step.code.rsplit(".", 1)[1] for step in found}

    assert advised() - advised(**{fact: True}) == codes


def test_noise_is_fitted_to_images_that_it_was_not_fitted_to_yet() -> None:
    def advised(encoder: str, idle: tuple[str, ...] = ()) -> bool:
        found = next_steps(
            ["data_mismatch"], gaps(data_mismatch=0.04), *nothing(), 0.01, (), encoder=encoder, idle=idle
        )
        return "diagnosis.data_mismatch.noise" in {step.code for step in found}

    assert advised("patches") and advised("pretrained") and not advised("table")
    assert not advised("patches", idle_knobs(**NOTHING_IDLE | {"noise_fitted": True}))
