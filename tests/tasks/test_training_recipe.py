from dataclasses import fields
from typing import get_args

import pytest

from burnish.flows.sections import Train
from burnish.tasks.activations import ACTIVATIONS
from burnish.tasks.decays import DECAYS
from burnish.tasks.findings import InputError
from burnish.tasks.losses import LOSSES
from burnish.tasks.models import INITIALIZATIONS
from burnish.tasks.optimizers import OPTIMIZERS
from burnish.tasks.training_recipe import Recipe


def test_the_config_has_the_same_keys_and_defaults():
    assert Recipe.of(Train()) == Recipe()
    assert {field.name for field in fields(Recipe)} - {"blocks"} <= set(Train.model_fields)


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("optimizer", OPTIMIZERS),
        ("decay", DECAYS),
        ("loss", LOSSES),
        ("activation", ACTIVATIONS),
        ("initialization", INITIALIZATIONS),
    ],
)
def test_the_config_offers_what_there_is(key, known):
    assert set(get_args(Train.model_fields[key].annotation)) == set(known)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adamv"}, "train.optimizer is 'adamv', .* did you mean 'adam'"),
        ({"decay": "cosin"}, "did you mean 'cosine'"),
        ({"activation": "rellu"}, "did you mean 'relu'"),
        ({"loss": "generalised"}, "did you mean 'generalized'"),
        ({"initialization": "hee"}, "did you mean 'he'"),
        ({"q": 0.0}, "train.q"),
        ({"average": 1.0}, "train.average"),
        ({"clip": -1.0}, "train.clip is -1.0: give a number above 0"),
        ({"max_norm": 0.0}, "train.max_norm"),
        ({"learning_rate": float("nan")}, "train.learning_rate"),
        ({"weight_decay": -0.1}, "train.weight_decay is -0.1: give a number of at least 0"),
        ({"decay_rate": float("inf")}, "train.decay_rate"),
        ({"label_smoothing": 1.0}, "train.label_smoothing"),
        ({"epochs": 0}, "train.epochs is 0: give a whole number of at least 1"),
    ],
)
def test_refuses_names_with_the_nearest_and_numbers_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        Recipe(**options)
