from burnish.tasks.search_grid import knobs_of_grid, next_grid
from burnish.tasks.search_space import Knob

RATE = Knob("learning_rate", low=1e-4, high=1e-2, log=True)
LAYERS = Knob("hidden", choices=([64], [128]))


def test_a_grid_holds_as_many_knobs_as_fit() -> None:
    assert knobs_of_grid([RATE, LAYERS], 6) == (RATE, LAYERS)
    assert knobs_of_grid([RATE, LAYERS], 5) == (RATE,)
    assert knobs_of_grid([RATE], 1) == (RATE,)


def test_a_grid_tightens_around_the_best_and_ends_where_nothing_is_left() -> None:
    tried = next_grid([RATE, LAYERS], None, [])
    assert len(tried) == 6
    best = {"learning_rate": 1e-3, "hidden": [128]}
    second = next_grid([RATE, LAYERS], best, tried)
    assert [point["hidden"] for point in second] == [[128], [128]]
    assert [point["learning_rate"] for point in second] == [0.000316, 0.00316]
    third = next_grid([RATE, LAYERS], best, [*tried, *second])
    assert all(3e-4 < point["learning_rate"] < 3.2e-3 for point in third)
    assert next_grid([LAYERS], {"hidden": [64]}, [{"hidden": [64]}, {"hidden": [128]}]) == []
