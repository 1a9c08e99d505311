"""Counting categories that a model hardly knows."""

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.features import fit_table_encoder
from burnish.tasks.strangers import Strangers
from burnish.tasks.tree_columns import fit_tree_encoder

TRAIN = pd.DataFrame({"town": ["York", "Hull"] * 10, "size": np.arange(20.0), "note": ["a", "b"] * 10})


@pytest.fixture(params=["table", "trees"])
def encoder(request):
    columns = ["town", "size", "note"]
    if request.param == "table":
        return fit_table_encoder(TRAIN, learn_from=columns)
    return fit_tree_encoder(TRAIN, columns, np.ones(20, bool))


def test_a_column_mostly_of_new_categories_is_named_over_all_parts(encoder):
    strange = Strangers()
    strange.count(encoder, TRAIN.assign(town="York"))
    assert strange.sentence() is None
    strange.count(encoder, TRAIN.assign(town="Oslo"))
    assert strange.sentence() is None  # half is not most
    strange.count(encoder, TRAIN.assign(town=["Oslo", None] * 10))
    assert "'town'" in strange.sentence()
    assert "30 of 50" in strange.sentence()
    assert "note" not in strange.sentence()


def test_missing_cells_and_other_data_are_no_strangers(encoder):
    strange = Strangers()
    strange.count(encoder, TRAIN.assign(town=None))
    strange.count(None, np.zeros((3, 2)))
    assert strange.sentence() is None
