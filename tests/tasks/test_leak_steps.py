import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.findings import Finding
from burnish.tasks.leak_findings import leak_facts, leak_findings
from burnish.tasks.leak_steps import columns_to_drop, leak_steps, line_to_paste, why_stopped
from burnish.tasks.leaks import find_leaks
from burnish.tasks.plain_yaml import read_plain_yaml
from burnish.tasks.shared_rows import SharedRows

N = 400
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, N)
OPENED = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 300, N), unit="D"))
FRAME = pd.DataFrame(
    {
        "x": RNG.normal(Y, 1),
        "closed": OPENED + pd.to_timedelta(Y * 40 + RNG.integers(1, 30, N), unit="D"),
        "opened": OPENED,
        "`code`\n": pd.Series(np.array(["a", "b"])[Y], dtype="str"),
        "note": pd.Series(np.where(Y == 1, "asks again, refund", "asks again"), dtype="str"),
    }
)
NO_ROWS = SharedRows({"dev": 0, "test": 0}, {"dev": 10, "test": 10}, False, ())


def hunt(columns, text=None):
    return find_leaks(FRAME, Y, classes=("no", "yes"), columns=columns, text=text)


def test_of_two_dates_the_later_one_goes_and_a_text_is_kept():
    found = hunt(["x", "closed", "opened", "`code`\n"], "note")
    assert set(columns_to_drop(found)) == {"`code`\n", "closed"}
    steps = leak_steps(found, None, line_to_paste(columns_to_drop(found)))
    assert [step.code for step in steps] == ["leak.next.columns", "leak.next.text"]
    assert "refund" in steps[1].title


def test_nothing_found_is_no_step():
    found = hunt(["x"])
    assert leak_steps(found, None, line_to_paste(columns_to_drop(found))) == []


def test_rows_shared_by_chance_are_no_step():
    shared = Finding("leak.rows", "3 examples ...", "warning", advice="Take them out.", count=3)
    assert [step.code for step in leak_steps(hunt(["x"]), shared, "")] == ["leak.next.rows"]
    assert leak_steps(hunt(["x"]), Finding("leak.rows", "3 examples ...", "info", count=3), "") == []


@given(st.lists(st.text(max_size=12), max_size=6, unique=True), st.lists(st.text(max_size=12), max_size=4, unique=True))
def test_the_line_is_read_back_as_the_names(names, exclude):
    line = line_to_paste(names, exclude=exclude)
    assert "\n" not in line
    if names:
        assert yaml.safe_load(line)["exclude"] == list(dict.fromkeys([*exclude, *names]))
        assert read_plain_yaml(line)["exclude"] == list(dict.fromkeys([*exclude, *names]))


def test_named_features_are_named_again_without_the_leaks():
    assert line_to_paste(["no"], exclude=["sex"], features=["no", "on", "age"]) == "features: ['on', age]"


@pytest.mark.parametrize(
    ("columns", "text", "said"),
    [(["x", "`code`\n"], None, "`exclude: ["), (["x"], "note", "rid 'note' of what tells it")],
)
def test_a_stopped_run_says_which_and_what_to_do(columns, text, said):
    found = hunt(columns, text)
    line = line_to_paste(columns_to_drop(found))
    facts = leak_facts(found, NO_ROWS, (), line)
    crossed = [f"leak: {finding.title}" for finding in leak_findings(found, None)[:1]]
    sentence = why_stopped(facts, ["leak"], crossed)
    assert sentence.startswith("--fail-on leak, before training: ")
    assert "gives the label away" in sentence and said in sentence


def test_a_run_stopped_by_rows_says_how_many_and_what_to_do():
    shared = Finding("leak.rows", "3 examples: 3 of 9 in dev", "warning", advice="Take them out.", count=3)
    found = hunt(["x", "`code`\n"])
    steps = [step.as_dict() for step in leak_steps(found, shared, line_to_paste(columns_to_drop(found)))]
    facts = leak_facts(found, NO_ROWS, ()) | {"next_steps": steps}
    sentence = why_stopped(facts, ["leak.rows"], ["leak.rows: 3 examples: 3 of 9 in dev"])
    assert sentence == "--fail-on leak.rows, before training: 3 examples: 3 of 9 in dev; Take them out."
