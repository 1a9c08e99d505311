"""Pairs of parts, their verdicts and findings."""

import json

import numpy as np
import pandas as pd

from burnish.tasks.mismatch import conclude, default_pairs, measure_mismatch, mismatch_findings, name_parts
from burnish.tasks.two_samples import TwoSamples

PARTS = np.array(["train"] * 150 + ["train_dev"] * 40 + ["dev:phone"] * 60 + ["dev:scanner"] * 60 + ["test"] * 90)


def shifted(part: str, by: float = 1.5) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(len(PARTS), 3)).astype(np.float32)
    x[np.char.startswith(PARTS, part), 1] += by
    return x


def measure(x: np.ndarray, parts: np.ndarray = PARTS, **options):
    found = measure_mismatch(x, parts, names=["hue", "ink", "size"], **({"permutations": 199} | options))
    return {(each.a, each.b): each for each in found}


def test_parts_are_split_by_source_where_there_are_several() -> None:
    table = pd.DataFrame({"split": ["train", "dev", "dev", "test"], "source": ["s", "s", "p", "p"]})
    assert name_parts(table).tolist() == ["train", "dev:s", "dev:p", "test"]
    assert name_parts(table.assign(source="s")).tolist() == table["split"].tolist()
    assert name_parts(table[["split"]]).tolist() == table["split"].tolist()
    assert table["split"].tolist() == ["train", "dev", "dev", "test"]


def test_pairs_by_default() -> None:
    assert default_pairs(PARTS) == [
        ("train", "train_dev"),
        ("train", "dev"),
        ("train", "dev:phone"),
        ("train", "dev:scanner"),
        ("train", "test"),
        ("dev:phone", "dev:scanner"),
        ("dev", "test"),
    ]
    plain = np.array(["train", "dev", "test"])
    assert default_pairs(plain) == [("train", "dev"), ("train", "test"), ("dev", "test")]
    assert default_pairs(np.array(["train", "dev:all", "test"])) == default_pairs(plain)
    assert default_pairs(np.array(["train"])) == []
    many = np.array([*(f"dev:{name}" for name in "aabbccddeeef"), "train", "test"])
    assert [b for a, b in default_pairs(many) if a == "train"] == ["dev", "dev:a", "dev:b", "dev:c", "dev:e", "test"]


def test_shifted_source_differs_and_the_rest_does_not() -> None:
    found = measure(shifted("dev:phone"))
    verdicts = {pair: each.verdict for pair, each in found.items()}
    assert verdicts[("train", "dev:phone")] == verdicts[("dev:phone", "dev:scanner")] == "differs"
    assert found[("train", "dev:phone")].drivers == ("ink",)
    assert (
        verdicts[("train", "dev:scanner")] == verdicts[("train", "test")] == verdicts[("train", "train_dev")] == "same"
    )
    assert found[("train", "test")].drivers == ()


def test_dev_takes_all_its_subsets() -> None:
    found = measure(shifted("dev"))[("dev", "test")]
    assert (found.a_count, found.b_count, found.verdict) == (120, 90, "differs")


def test_fewer_than_thirty_rows_cannot_tell() -> None:
    parts = np.where(np.arange(len(PARTS)) < 29, "tiny", PARTS)
    found = measure(shifted("tiny"), parts, pairs=[("train", "tiny"), ("train", "test"), ("train", "absent")])
    tiny, test, absent = found.values()
    assert (tiny.verdict, test.verdict, absent.verdict) == ("cannot_tell", "same", "cannot_tell")
    assert tiny.as_dict()["auc"] is None
    assert absent.b_count == 0
    json.dumps([each.as_dict() for each in found.values()], allow_nan=False)


def test_nothing_to_compare() -> None:
    assert measure_mismatch(np.zeros((3, 1), dtype=np.float32), np.array(["train"] * 3)) == ()


def test_same_seed_same_result() -> None:
    x = shifted("test", 0.2)
    assert measure(x, seed=3) == measure(x, seed=3)


def test_p_values_are_corrected_for_the_pairs() -> None:
    x = shifted("test", 0.5)
    alone = measure(x, pairs=[("train", "test")])[("train", "test")]
    among = measure(x, pairs=[("train", "test"), ("train", "dev"), ("train", "train_dev")])[("train", "test")]
    assert among.p_value >= alone.p_value


def test_findings_warn_of_what_is_not_trained_on_only() -> None:
    comparisons = tuple(measure(shifted("dev:phone"), min_rows=50).values())
    by_title = {each.title.split(" differ")[0]: each for each in mismatch_findings(comparisons, ["scanner"])}
    assert by_title["train and dev:phone"].severity == "warning"
    assert "most in ink" in by_title["train and dev:phone"].title
    assert by_title["dev:phone and dev:scanner"].severity == "info"
    assert [each.code for each in by_title.values()].count("mismatch.cannot_tell") == 1
    everything = mismatch_findings(comparisons)
    assert [each.severity for each in everything if each.title.startswith("train and dev:phone")] == ["info"]


def test_a_classifier_surely_worse_than_a_coin_tells_no_difference() -> None:
    pair, counts = ("train", "dev"), (300, 100)
    assert conclude(pair, counts, TwoSamples(0.16, 0.11, 0.22, 0.001, ("word",)), 0.001, 0.01).verdict == "same"
    assert conclude(pair, counts, TwoSamples(0.48, 0.41, 0.55, 0.001, ("word",)), 0.001, 0.01).verdict == "differs"


def test_what_single_features_tell_is_not_told_by_an_auc_of_a_guess() -> None:
    def title(low: float) -> str:
        found = TwoSamples(0.55, low, 0.6, 0.001, ("u", "v"), by_feature=True)
        return mismatch_findings([conclude(("train", "dev"), (300, 100), found, 0.001, 0.05)])[0].title

    assert title(0.45) == "train and dev differ, most in u, v: by the Kolmogorov-Smirnov test of each feature alone"
    assert title(0.52) == "train and dev differ: AUC 0.55 (0.52 to 0.60), most in u, v"
