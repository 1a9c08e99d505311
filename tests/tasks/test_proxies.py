import numpy as np
import pandas as pd

from burnish.tasks.proxies import find_proxies, proxy_findings

N = 500
RNG = np.random.default_rng(0)
SEX = RNG.choice(["f", "m"], N)
FRAME = pd.DataFrame(
    {
        "sex": pd.Series(SEX, dtype="str"),
        "age": RNG.integers(18, 90, N).astype(float),
        "title": pd.Series(np.where(SEX == "f", "Ms", "Mr"), dtype="str"),
        "shop": pd.Series(np.where(SEX == "f", "s", "t"), dtype="str") + RNG.integers(0, 20, N).astype(str),
        "role": pd.Series(np.where(RNG.random(N) < 0.4, np.where(SEX == "f", "wife", "husband"), "other"), dtype="str"),
        "height": RNG.normal(np.where(SEX == "f", 166, 179), 7),
        "town": pd.Series(RNG.choice(["york", "hull"], N), dtype="str"),
    }
)
FEATURES = ["title", "shop", "role", "height", "town"]
ALL = np.ones(N, bool)


def test_a_code_a_finer_code_and_a_part_are_told_apart():
    found = {proxy.feature: proxy for proxy in find_proxies(FRAME, ALL, columns=FEATURES, excluded=["sex"])}
    assert set(found) == {"title", "shop", "role"}
    assert found["title"].almost_surely and found["title"].both_ways
    assert found["shop"].almost_surely and not found["shop"].both_ways
    assert not found["role"].almost_surely and 0.3 < found["role"].share < 0.5
    assert set(found["role"].sure) == {("wife", "f"), ("husband", "m")}


def test_findings_name_both_and_how_surely():
    found = proxy_findings(find_proxies(FRAME, ALL, columns=FEATURES, excluded=["sex"]))
    assert [finding.severity for finding in found] == ["warning", "warning", "info"]
    assert all("'sex'" in finding.title and "data.exclude" in finding.advice for finding in found)
    assert "a guess" in found[0].title and "to 100%" in found[0].title


def test_numbers_are_excluded_by_their_tenths():
    frame = FRAME.assign(born=2024 - FRAME["age"])
    found = find_proxies(frame, ALL, columns=["born", "height"], excluded=["age"])
    assert [(proxy.feature, proxy.excluded) for proxy in found] == [("born", "age")]


def test_only_the_given_rows_are_looked_at():
    rows = np.arange(N) < 300
    changed = FRAME.assign(title=FRAME["title"].where(rows, "Dr"))
    assert find_proxies(changed, rows, columns=["title"], excluded=["sex"])[0].told.errors == 0


def test_a_constant_or_unnamed_attribute_has_no_proxy():
    frame = FRAME.assign(sex="f", key=[f"k{i}" for i in range(N)])
    assert find_proxies(frame, ALL, columns=FEATURES, excluded=["sex", "key"]) == ()
    assert find_proxies(FRAME, ALL, columns=FEATURES, excluded=[]) == ()
