import json

import pytest
from example_run import digits_summary

from burnish.tasks.headline import headline


def test_ten_lines_that_say_it_all():
    lines = headline(digits_summary())
    assert len(lines) == 10 and all(len(line) <= 150 for line in lines)
    text = "\n".join(lines)
    for fact in (
        "1,850 images",
        "138 of 1,055",
        "120 corrected",
        "55 labels wait",
        "14.1%",
        "7.6%",
        "Data mismatch",
        "23 of 31",
        "5 exact",
        "AUC 0.94",
    ):
        assert fact in text


def test_nothing_known_is_no_crash():
    assert headline({}) == ["–: – rows, no classes"]
    assert headline(dict.fromkeys(digits_summary())) == headline({})


def test_same_after_a_round_through_json():
    assert headline(json.loads(json.dumps(digits_summary()))) == headline(digits_summary())


def test_dev_error_stands_in_where_the_test_error_as_given_is_not_known():
    summary = digits_summary()
    del summary["errors"]["test_as_given"]
    assert any("dev error 15.7% as given, 8.4% after cleaning" in line for line in headline(summary))


def test_labels_that_stay_as_given_are_said():
    summary = digits_summary()
    for turn in summary["rounds"]:
        turn["kept"] = turn["round"] == 0
    assert any("trained on the labels as given: cleaned ones did worse on dev" in line for line in headline(summary))


def test_cleaning_that_changed_nothing_claims_no_gain():
    summary = digits_summary()
    kept = summary["rounds"][-1]
    for turn in summary["rounds"]:
        turn["kept"] = turn is kept
    kept |= {"relabelled": 0, "dropped": 0}
    (line,) = [line for line in headline(summary) if line.startswith("test error")]
    assert line.endswith("; cleaning changed no training label")
    assert "after cleaning" not in line
    kept |= {"dropped": 1}
    assert any("after cleaning" in line for line in headline(summary))


def test_good_news_is_said_too():
    summary = digits_summary() | {"duplicates": {"exact": 0, "near": 0}, "mismatch": [{"verdict": "same"}]}
    summary["labels"] |= {"issues": 0, "issues_by_split": {"train": 0}}
    lines = headline(summary)
    assert (
        "no training labels look wrong" in lines
        and "no duplicates" in lines
        and "train, dev and test look alike" in lines
    )


def test_parts_told_apart_no_better_than_by_a_guess_get_no_auc():
    pair = {"a": "train", "b": "dev", "verdict": "differs", "auc": 0.52, "low": 0.45, "high": 0.6, "drivers": ["age"]}
    assert "train and dev do not look alike, most in age" in headline(digits_summary() | {"mismatch": [pair]})


@pytest.mark.parametrize("hostile", ["\x1b[2Jboo\n\r", "a" * 500, "\u202eevil"])
def test_names_cannot_disturb_the_terminal(hostile):
    summary = digits_summary() | {"name": hostile}
    summary["diagnosis"]["title"] = hostile
    lines = headline(summary)
    assert all(line.isprintable() and len(line) <= 150 for line in lines)


def test_labels_that_nobody_looked_at_are_not_called_right():
    summary = digits_summary()
    summary["labels"] |= {"voices": {}, "issues": 0, "issues_by_split": {"train": 0}}
    text = "\n".join(headline(summary))
    assert "labels are taken as given: wrong ones were not looked for" in text and "look wrong" not in text


def test_where_nobody_can_tell_no_label_is_called_right():
    summary = digits_summary()
    summary["labels"] |= {"issues": 0, "issues_by_split": {"train": 0}}
    summary["findings"] = [{"code": "mislabels.no_signal", "title": "Cannot tell which labels are wrong"}]
    text = "\n".join(headline(summary))
    assert "Cannot tell which labels are wrong" in text and "look wrong" not in text


def test_a_leak_stands_above_the_figures_it_spoils():
    leak = {"columns": ["code"], "verdict": "gives_away", "learnt": True}
    others = [leak | {"columns": ["age"], "verdict": "suspicious"}, leak | {"columns": ["id"], "learnt": False}]
    summary = digits_summary() | {"leaks": {"columns": [leak, *others]}}
    assert headline(summary)[1].startswith("1 column gives the label away (code):") and len(headline(summary)) == 10
    assert headline(digits_summary() | {"leaks": {"columns": others}}) == headline(digits_summary())


def test_a_split_that_cannot_judge_as_asked_is_said_with_what_to_do():
    missed = {"code": "split.precision_missed", "title": "24 test examples: ± 12.0", "advice": "Raise `x.y`."}
    empty = {"code": "split.empty_part", "title": "dev got no labelled example", "advice": "Give more."}
    assert "24 test examples: ± 12.0: Raise x.y" in headline(digits_summary() | {"findings": [missed]})
    assert "dev got no labelled example: Give more" in headline(digits_summary() | {"findings": [missed, empty]})


def test_most_rows_are_no_outliers():
    said = headline({"outliers": {"rows": 9, "rows_share": 0.9}})[-1]
    assert "90.0% of the rows" in said
    assert "no outliers" in said
    assert "9 rows with an extreme value" in headline({"outliers": {"rows": 9, "rows_share": 0.1}})[-1]


def test_suspects_of_dev_alone_are_no_training_labels():
    labels = {"voices": {"model": {}}, "issues": 1, "issues_by_split": {"dev": 1}, "train_actions": {"drop": 1}}
    lines = headline({"name": "tea", "labels": labels, "splits": {"sizes": {"train": 60}}})
    assert "no training labels look wrong" in lines
    alone = headline({"name": "tea", "labels": labels | {"issues_by_split": {}}})
    assert "1 label is probably wrong: 0 corrected, 1 dropped for training" in alone
