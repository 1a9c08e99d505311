import numpy as np
import pandas as pd

from burnish.tasks.outlier_findings import group_findings, idle_findings, outlier_findings
from burnish.tasks.outliers import fit_limits

N = 4000
RNG = np.random.default_rng(0)
EVERYONE = np.ones(N, dtype=bool)


def test_what_is_common_is_said_to_be_no_outlier():
    frame = pd.DataFrame({"x": RNG.lognormal(0, 1, N)})
    ids = pd.Series([f"r{row}" for row in range(N)])
    strict = fit_limits(frame, rule="mad", strength=2)
    (finding,) = outlier_findings(strict, strict.apply(frame)[1], EVERYONE, ids)
    assert finding.code == "outliers.common"
    assert "outside the limits of 'x'" in finding.title
    most, common = outlier_findings(
        (tight := fit_limits(frame, rule="mad", strength=0.1)), tight.apply(frame)[1], EVERYONE, ids
    )
    assert (most.code, common.code) == ("outliers.most_rows", "outliers.common")
    assert most.ids == common.ids == ()
    auto = fit_limits(frame)
    assert not outlier_findings(auto, auto.apply(frame)[1], EVERYONE, ids)


def test_groups_too_small_are_said():
    (finding,) = group_findings(pd.Series(np.arange(N), name="id"), EVERYONE)
    assert (finding.code, finding.severity) == ("outliers.small_groups", "warning")
    (finding,) = group_findings(pd.Series(["a"] * (N - 20) + ["b"] * 20, name="lab"), EVERYONE)
    assert (finding.count, finding.severity) == (20, "info")
    assert not group_findings(pd.Series(["a", "b"] * (N // 2), name="lab"), EVERYONE)


class TestIdle:
    FRAME = pd.DataFrame({"kids": RNG.poisson(1.5, N).astype(float), "size": [*RNG.normal(170, 8, N - 1), 1700.0]})

    def said(self, rule="auto", **options):
        limits = fit_limits(self.FRAME, rule=rule, **options)
        return idle_findings(limits, limits.apply(self.FRAME)[1], EVERYONE, rule)

    def test_a_treatment_that_does_nothing_is_said(self):
        (finding,) = self.said(method="drop")
        assert finding.severity == "warning"
        assert finding.title == ("`outliers.method: drop` does nothing in 1 of 2 columns: kids (left alone: counts)")

    def test_a_strength_is_named_beside_it(self):
        (finding,) = self.said(method="drop", strength=2.5)
        assert "`outliers.method: drop` and `outliers.strength: 2.5` do nothing in 1 of 2 columns" in finding.title

    def test_nothing_is_said_unasked(self):
        assert not self.said()
        assert not self.said(method="keep", strength=2)
        assert not self.said(method="drop", rule="mad")
