import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from example_run import digits_examples, digits_summary, finding, measurement, png, previews

from burnish.tasks.report import failures_first, heat_table, place, render_report, top_confusions, worst_classes
from burnish.tasks.summary import UNTRAINED

NASTY = "</script><script>alert(1)</script>\"'><img src=//e.example onerror=alert(1)>&amp;{{7*7}}\u202e\x1b[1m\x00😀"
VOID = {"meta", "img", "br", "link", "input", "hr"}
SECTIONS = [
    "verdict", "next", "findings", "suspects", "noise", "rounds", "metrics", "confusion", "categories", "slices",
    "mismatch", "images", "leaks", "duplicates", "outliers", "validation", "cells", "splits", "augmentation", "weights",
    "training", "seconds", "run",
]  # fmt: skip


class Page(HTMLParser):
    """Collects what a browser would see, and fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-4:])
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def examples():
    return digits_examples()


@pytest.fixture(scope="module")
def page(examples):
    table, pixels = examples
    return render_report(digits_summary(), table, thumbnails=lambda i: png(pixels[i]), previews=previews(pixels))


def nothing() -> pd.DataFrame:
    return pd.DataFrame({"id": pd.Series(dtype="str")})


def test_page_is_well_formed_and_small(page):
    parsed = Page(page)
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert len(page.encode()) < 1_000_000


def test_every_section_is_there_and_listed_in_the_contents(page):
    parsed = Page(page)
    assert [attrs["id"] for attrs in parsed.all("section")] == SECTIONS
    assert [attrs["href"] for attrs in parsed.all("a") if attrs["href"] != "#verdict" or "class" not in attrs] == [
        f"#{s}" for s in SECTIONS
    ]


def test_same_input_same_bytes(examples, page):
    table, pixels = examples
    assert page == render_report(
        digits_summary(), table, thumbnails=lambda i: png(pixels[i]), previews=previews(pixels)
    )


def test_page_loads_nothing(page):
    assert "http://" not in page and "https://" not in page
    parsed = Page(page)
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in parsed.all("img"))
    assert not parsed.all("link") and not parsed.all("iframe")
    policy = next(attrs["content"] for attrs in parsed.all("meta") if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_the_policy_names_the_hash_of_the_only_script(page):
    import base64
    import hashlib

    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    assert len(scripts) == 1
    assert base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode() in page


def test_verdict_comes_first(page):
    summary = digits_summary()
    assert page.index(summary["diagnosis"]["title"]) < page.index('id="next"') < page.index('id="suspects"')
    assert "+4.8 points" in page and "+1.7 to +7.9" in page


def test_suspects_worst_first_with_both_labels_and_voices(page, examples):
    table, _ = examples
    worst = table[table["label_issue"]].sort_values("label_quality", kind="stable").head(48)
    shown = [
        i
        for i in re.findall(r"<code><bdi>(\d/img_\d{4}\.png)</bdi>", page[page.index('class="gallery"') :])
        if i in set(worst["id"])
    ]
    quality = table.set_index("id").loc[shown[:48], "label_quality"]
    assert set(shown) == set(worst["id"]) and quality.round(3).is_monotonic_increasing
    assert page.count('<p class="odds">') == 48
    assert "133 more in" in page


def test_values_of_a_tables_rows_are_shown(examples):
    table, _ = examples
    values = pd.DataFrame({f"column {i}": np.arange(len(table)) * 1.5 for i in range(10)})
    shown = render_report(digits_summary(), table, attributes=values, suspects=3)
    assert shown.count("<dt><bdi>column 7</bdi></dt>") == 3 and "column 8" not in shown and "2 more columns" in shown


def test_values_from_the_data_are_escaped(examples):
    table, _ = examples
    table = table.assign(
        label=NASTY,
        suggested_label=NASTY,
        id=[f"{NASTY}{i}" for i in range(len(table))],
        source=NASTY,
        split=NASTY,
        action=NASTY,
    )
    values = pd.DataFrame({NASTY: [NASTY] * len(table)})
    summary = poison(digits_summary())
    parsed = Page(render_report(summary, table, attributes=values))
    assert len(parsed.all("script")) == 1
    assert not [attrs for _, attrs in parsed.tags if any(name.startswith("on") for name in attrs)]
    assert not parsed.all("img")
    assert (
        "\u202e" not in "".join(parsed.text)
        and "\x1b" not in "".join(parsed.text)
        and "\x00" not in "".join(parsed.text)
    )


def poison(value):
    """Put hostile text in place of every text in the summary, keys included where they come from the data."""
    if isinstance(value, str):
        return NASTY
    if isinstance(value, list):
        return [poison(v) for v in value]
    if isinstance(value, dict):
        own = any(str(key).isdigit() or key in ("scanner", "phone", "blur", "torch") for key in value)
        return {(NASTY + str(key) if own else key): poison(v) for key, v in value.items()}
    return value


@pytest.mark.parametrize("empty", [None, {}])
def test_stages_that_did_not_apply_say_so(empty):
    summary = dict.fromkeys(digits_summary(), empty) | {"name": "bare", "findings": [], "headline": []}
    parsed = Page(render_report(summary, nothing()))
    absent = [attrs for attrs in parsed.all("p") if attrs.get("class") == "absent"]
    assert [attrs["id"] for attrs in parsed.all("section")] == SECTIONS
    assert len(absent) >= 17


def test_an_empty_summary_renders():
    assert "Not enough was measured to say" in render_report({}, nothing())


def test_picture_and_text_call_an_upper_bound_the_same(examples):
    summary = digits_summary()
    summary["errors"] |= {"human": None, "bayes": None}
    bound = {"value": 0.021, "low": 0.01, "high": 0.03, "material": True, "known": False, "from": ""}
    summary["diagnosis"] |= {"avoidable_bias": bound}
    text = " ".join(" ".join(Page(render_report(summary, examples[0])).text).split())
    assert "up to 2.1 points" in text


def test_every_leaf_unknown_renders(examples):
    def blank(value):
        if isinstance(value, dict):
            return {key: blank(v) for key, v in value.items()}
        return [blank(v) for v in value] if isinstance(value, list) else None

    table, _ = examples
    page = render_report(
        blank(digits_summary()), table.assign(label_quality=np.nan, source=np.nan, suggested_label=np.nan)
    )
    Page(page)
    assert "nan" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.S).lower()
    assert "None" not in page


def test_a_report_without_a_final_model_leaves_out_what_takes_one(examples):
    table, _ = examples
    page = render_report(digits_summary() | dict.fromkeys(UNTRAINED), table)
    parsed = Page(page)
    gone = {"rounds", "metrics", "confusion", "categories", "slices", "mismatch", "augmentation", "weights", "training"}
    shown = [attrs["id"] for attrs in parsed.all("section")]
    assert shown == [name for name in SECTIONS if name not in gone]
    assert {attrs["href"] for attrs in parsed.all("a")} <= {f"#{name}" for name in shown}
    assert "This is the report of <code>burnish clean</code>" in page
    assert "not measured" not in page


def test_labels_that_nobody_looked_at_are_not_called_right(examples):
    labels = digits_summary()["labels"] | {"issues": 0, "voices": {}}
    page = render_report(digits_summary() | {"labels": labels}, nothing())
    assert "No label looks wrong" not in page
    assert "Wrong labels were not looked for" in page
    assert 'id="noise"' not in page


def test_limits_of_groups_are_shown():
    groups = [{"group": NASTY, "low": 1.5, "high": 9.0, "rule": "mad"}] * 3
    row = {"column": "size", "low": 0.0, "high": 12.0, "rule": "mad", "groups": 120, "of_groups": groups}
    wide = row | {"of_groups": [groups[0] | {"group": "a", "high": 11.5}, *groups[1:]]}
    page = render_report({"outliers": {"method": "winsorize", "by": "lab", "rows": 0, "columns": [wide]}}, nothing())
    Page(page)
    assert "<small>1.5</small>" in page and "<small>9 to 11.5</small>" in page
    assert "117 more in <code>model/limits.json</code>" in page
    assert "<script>alert(1)" not in page


def test_checks_beyond_those_of_the_summary_are_counted():
    results = [{"success": False, "severity": "warning"}] * 50 + [{"success": True}] * 40
    checks = {"checks": 900, "failed": 60, "results": results, "results_file": "validation/results.json"}
    page = render_report({"validation": checks}, nothing())
    assert "840 checks that passed" in page
    assert "20 more in <code>validation/results.json</code>" in page
    assert "800 more in <code>validation/results.json</code>" in page


def test_a_reason_given_by_a_finding_is_shown():
    summary = {"findings": [finding("images.not_applicable", "These are rows of a table", "not_applicable")]}
    page = render_report(summary, nothing())
    assert "These are rows of a table" in page[page.index('id="images"') :]


def test_a_thousand_classes_stay_small():
    summary = digits_summary()
    classes = [f"class {i:04d} with a rather long name that goes on and on" for i in range(1000)]
    summary["dataset"] |= {"classes": classes, "class_counts": dict.fromkeys(classes, 9)}
    summary["metrics"]["test"] = measurement(300, 9000, classes, 0)
    summary["labels"]["noise_matrix"] = (np.eye(1000) * 0.9 + 0.0001).tolist()
    summary["splits"]["by_label"] = {part: dict.fromkeys(classes, 2) for part in ("train", "dev", "test")}
    size = len(classes)
    table = pd.DataFrame(
        {
            "id": classes,
            "label": classes,
            "suggested_label": classes[::-1],
            "label_quality": np.linspace(0, 1, size),
            "label_issue": True,
        }
    )
    big = b"\x89PNG\r\n\x1a\n" + bytes(120_000)
    page = render_report(summary, table, thumbnails=lambda i: big, suspects=200)
    assert len(page.encode()) < 3_000_000
    assert 'class="heat"' not in page
    assert "The 30 weakest of 1000 classes" in page


def test_heat_table_and_confusions():
    summary = {"dataset": {"classes": ["a", "b"]}}
    table = heat_table([[3, 1], [0, 4]], summary)
    assert table["rows"][0]["cells"] == [(3, 0.75, True), (1, 1.0, False)] and not table["shares"]
    assert heat_table([[3, 1]], summary) is None and heat_table(None, summary) is None
    assert heat_table([[0.9, 0.1], [0.0, 1.0]], summary)["shares"]
    assert top_confusions([[1, None], [float("nan"), 1]], ["a", "b"]) == []


def test_order_of_checks_and_classes():
    results = [{"success": True, "severity": "critical"}, {"success": None}, {"success": False, "severity": "critical"}]
    assert failures_first(results) == [results[2], results[1], results[0]]
    many = [{"class": i, "f_beta": None if i == 3 else i / 40} for i in range(40)]
    assert [row["class"] for row in worst_classes(many)][:4] == [0, 1, 2, 4]
    assert worst_classes(many[:5]) == many[:5]


@pytest.mark.parametrize(("value", "at"), [(0.5, 50), (-1, 0), (float("nan"), 0), (2, 100)])
def test_place_stays_on_the_axis(value, at):
    assert place(value) == at


def test_weights_that_are_all_alike_are_said_and_not_listed():
    alike = {"min": 1.0, "max": 1.0, "components": ["weight_class"], "heaviest": ["a1", "a2"]}
    page = render_report({"weights": alike}, nothing())
    assert "All examples learnt from count alike." in page
    assert "Heaviest:" not in page and "an ordinary example" not in page
