import numpy as np

from burnish.tasks.mirror import measure_mirrors


def test_parts_drawn_at_random_mirror_the_whole() -> None:
    rng = np.random.default_rng(1)
    part = np.repeat(["train", "train_dev", "dev", "test"], [300, 20, 100, 100]).astype(object)
    found = measure_mirrors(rng.normal(size=(520, 4)), part, names=list("abcd"))
    assert [each.part for each in found] == ["train", "train_dev", "dev", "test"]
    assert [each.verdict for each in found] == ["same", "cannot_tell", "same", "same"]
    assert found[1].as_dict()["auc"] is None
    assert all(each.low <= 0.55 for each in found if each.verdict == "same")


def test_a_part_of_another_kind_is_told_and_why() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 3))
    points[400:, 2] *= 3
    found = {each.part: each for each in measure_mirrors(points, np.repeat(["train", "test"], [400, 100]), names="abc")}
    assert found["test"].verdict == "differs"
    assert found["test"].auc > 0.7
    assert "c" in found["test"].drivers[0]
