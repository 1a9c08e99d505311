import pytest

from burnish.flows.gates import check_rules, crossed
from burnish.tasks.findings import InputError

SUMMARY = {
    "errors": {"test": {"value": 0.08}, "human": None},
    "labels": {"issues": 12},
    "findings": [
        {"code": "columns.leak", "severity": "critical", "title": "column y2 gives the label away"},
        {"code": "labels.missing", "severity": "info", "title": "3 labels are missing"},
    ],
}


@pytest.mark.parametrize(
    ("rule", "is_crossed"),
    [
        ("columns", True),
        ("columns.leak", True),
        ("column", False),
        ("labels", False),
        ("duplicates", False),
        ("errors.test.value>0.05", True),
        ("errors.test.value > 0.08", False),
        ("errors.test.value>=8e-2", True),
        ("labels.issues<100", True),
    ],
)
def test_a_rule_is_crossed_by_a_serious_finding_or_a_figure(rule: str, is_crossed: bool) -> None:
    assert bool(crossed(SUMMARY, [rule])) is is_crossed


@pytest.mark.parametrize("rule", ["", "labelz", "errrors.test.value>1", "errors.test.value=5", "a b", "errors>", "<5"])
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(InputError, match="--fail-on"):
        check_rules([rule])


def test_a_figure_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"no figure errors\.human\.value"):
        crossed(SUMMARY, ["errors.human.value>0.1"])


def test_every_subject_of_findings_is_known() -> None:
    check_rules(["outliers.no_effect", "validation.left_out", "columns.mixed"])
