import numpy as np
import pandas as pd

from burnish.tasks.shared_rows import content_of_groups, find_shared_rows, shared_finding


def test_rows_that_train_and_test_share():
    split = pd.Series(["train"] * 60 + ["dev"] * 20 + ["test"] * 20)
    content = pd.Series(range(100)).replace({95: 3, 70: 4, 80: 79})
    found = find_shared_rows(content, split, pd.Series(range(100)).map(str))
    assert found.shared == {"dev": 1, "test": 1}
    assert found.ids == ("70", "95")
    finding = shared_finding(found)
    assert finding is not None and (finding.code, finding.severity) == ("leak.rows", "warning")
    assert found.as_dict() == {"dev": 1, "test": 1, "by_chance": False}


def test_rows_that_repeat_everywhere_are_chance():
    split = pd.Series(["train"] * 60 + ["test"] * 40)
    finding = shared_finding(find_shared_rows(pd.Series(range(100)) % 10, split, pd.Series(range(100)).map(str)))
    assert finding is not None and finding.severity == "info"


def test_examples_without_content_are_no_copies():
    split = pd.Series(["train", "train", "test", "test"])
    content = content_of_groups(pd.Series([0, -1, 0, -1]))
    assert content.isna().tolist() == [False, True, False, True]
    found = find_shared_rows(content, split, pd.Series(list("abcd")))
    assert (found.total, found.ids) == (1, ("c",))
    assert shared_finding(find_shared_rows(pd.Series([np.nan] * 4), split, pd.Series(list("abcd")))) is None
