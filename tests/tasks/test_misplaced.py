import pandas as pd

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.misplaced import find_misplaced


def test_a_cell_that_swallowed_its_neighbour_is_taken_apart() -> None:
    frame = pd.DataFrame(
        {"city": ["Bend", "Gary"] * 20 + ["Bend OR", "Gary, IN", "San Jose OR"], "state": ["OR", "IN"] * 20 + [""] * 3}
    )
    (found,) = find_misplaced(read_columns(frame))
    assert found.rows.tolist() == [40, 41, 42]
    assert found.rests == ["Bend", "Gary", "San Jose"]
    assert found.parts == ["OR", "IN", "OR"]
    assert found.confidence > 0.9


def test_what_stands_there_anyhow_is_not_misplaced() -> None:
    frame = pd.DataFrame({"name": ["Bend OR", "Gary IN"] * 20, "state": ["OR", "IN"] * 17 + [""] * 6})
    assert not [each for each in find_misplaced(read_columns(frame)) if each.confidence > 0.5]


def test_gaps_alone_are_nothing() -> None:
    frame = pd.DataFrame({"city": ["Bend", "Gary"] * 20, "state": ["OR", "IN"] * 17 + [""] * 6})
    assert not list(find_misplaced(read_columns(frame)))
