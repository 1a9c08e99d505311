import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from burnish.tasks.leak_findings import leak_findings
from burnish.tasks.leaks import find_leaks

N = 600
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, N)
START = pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 300, N), unit="D")
HONEST = pd.DataFrame(
    {
        "x": RNG.normal(Y, 1),
        "z": RNG.normal(size=N),
        "town": pd.Series(RNG.choice(["york", "hull"], N), dtype="str"),
        "opened": START,
    }
)
ORDER = np.empty(N, np.int64)
ORDER[np.lexsort((RNG.random(N), Y))] = np.arange(N)
LEAKS = {
    "recoding": pd.Series(np.array(["q", "r", "s"])[Y], dtype="str"),
    "many_to_one": pd.Series(Y * 100 + RNG.integers(0, 30, N)).map("c{}".format),
    "number": pd.Series(Y * 10 + RNG.random(N) * 9),
    "missing": pd.Series(RNG.normal(size=N)).where(Y == 1),
    "id": pd.Series(ORDER + 5000, dtype="Int64"),
    "date": pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(Y * 40 + RNG.integers(0, 30, N), unit="D")),
}
CLASSES = ("no", "so", "yes")


def hunt(frame, y=Y, **options):
    return find_leaks(frame, y, classes=CLASSES, columns=options.pop("columns", list(frame.columns)), **options)


@pytest.mark.parametrize("kind", LEAKS)
def test_a_planted_leak_gives_the_label_away(kind):
    found = hunt(HONEST.assign(leak=LEAKS[kind]))
    assert [(leak.telling.columns, leak.telling.kind, leak.verdict) for leak in found.leaks] == [
        (("leak",), kind, "gives_away")
    ]
    finding = leak_findings(found, None)[0]
    assert (finding.code, finding.severity) == (f"leak.{kind}", "warning")
    assert "'leak' gives the label away" in finding.title


def test_what_is_filled_in_for_one_class_names_it():
    found = hunt(HONEST.assign(leak=LEAKS["missing"]))
    assert found.leaks[0].target == "so"
    assert "whether it is 'so'" in leak_findings(found, None)[0].title


def test_two_dates_that_tell_only_together():
    made = HONEST.assign(decided=HONEST["opened"] + pd.to_timedelta(Y * 30 + RNG.integers(1, 29, N), unit="D"))
    found = hunt(made)
    assert [(leak.telling.columns, leak.verdict) for leak in found.leaks] == [(("opened", "decided"), "gives_away")]


def test_a_word_of_the_text_and_an_unlabelled_row():
    text = pd.Series(np.where(Y == 2, "call again, refunded", "call again"), dtype="str")
    y = np.where(np.arange(N) % 7 == 0, -1, Y)
    found = hunt(HONEST.assign(note=text), y, columns=list(HONEST), text="note")
    assert [(leak.telling.kind, leak.telling.note, leak.target) for leak in found.leaks] == [
        ("text", "the word 'refunded'", "yes")
    ]
    assert found.rows == (y >= 0).sum()


def test_honest_columns_are_not_accused():
    ids = pd.Series(RNG.permutation(N) + 1)
    keys = pd.Series(RNG.permutation(N)).map("k{:05d}".format)
    assert hunt(HONEST.assign(id=ids, key=keys)).leaks == ()
    assert leak_findings(hunt(HONEST), None)[0].severity == "ok"


def test_a_strong_measurement_is_suspicious_and_no_leak():
    two = Y % 2
    found = find_leaks(HONEST.assign(x=RNG.normal(4.6 * two, 1)), two, classes=("a", "b"), columns=list(HONEST))
    assert [(leak.telling.columns, leak.verdict) for leak in found.leaks] == [(("x",), "suspicious")]
    assert leak_findings(found, None)[0].severity == "info"


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_easy_tables_are_not_accused(name):
    frame, y = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
    found = find_leaks(frame, y.to_numpy(np.int64), classes=CLASSES, columns=list(frame.columns))
    assert not [leak for leak in found.leaks if leak.verdict == "gives_away"]


def test_clusters_far_apart_are_not_accused():
    y = np.arange(400) % 2
    frame = pd.DataFrame({f"x{i}": RNG.normal(4.4 * y, 1) for i in range(6)})
    assert not [
        leak
        for leak in find_leaks(frame, y, classes=("a", "b"), columns=list(frame)).leaks
        if leak.verdict == "gives_away"
    ]


def test_what_is_not_learnt_from_is_at_most_suspicious():
    found = hunt(HONEST.assign(leak=LEAKS["recoding"]), columns=list(HONEST), left_out=["leak"])
    assert [(leak.verdict, leak.learnt) for leak in found.leaks] == [("suspicious", False)]
    assert "not learnt from" in leak_findings(found, None)[0].title


def test_the_same_seed_says_the_same_and_held_out_labels_are_not_looked_at():
    frame = HONEST.assign(leak=LEAKS["many_to_one"])
    half = np.where(np.arange(N) < 400, Y, -1)
    assert hunt(frame, half) == hunt(frame, half)
    odd = frame.assign(leak=frame["leak"].where(np.arange(N) < 400, "other"))
    assert hunt(odd, half).leaks[0].told == hunt(frame, half).leaks[0].told


def test_too_few_rows_are_said():
    found = find_leaks(HONEST, np.full(N, -1), classes=CLASSES, columns=["x"])
    assert leak_findings(found, None)[0].severity == "cannot_tell"
