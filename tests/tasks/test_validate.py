import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from burnish.tasks.findings import InputError
from burnish.tasks.split import split
from burnish.tasks.validate import enforce_suite, learn_suite, load_suite, save_suite


def people(n, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"p{i:05d}" for i in range(n)],
            "label": rng.choice(["yes", "no"], n, p=[0.3, 0.7]),
            "age": pd.array(rng.integers(18, 90, n), dtype="Int64"),
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(10, 0.5, n)),
            "city": rng.choice(["Graz", "Linz", "Wien"], n),
            "member": rng.random(n) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, n), unit="D"),
            "note": [f"called {i} times" for i in rng.integers(0, 10**6, n)],
        }
    )


@pytest.fixture(scope="module")
def suite():
    return learn_suite(people(2000), id_column="id", label_column="label")


def failures(validation):
    return [(r.column, r.severity) for r in validation.failures]


class TestLearnSuite:
    def test_is_plain_json(self, suite):
        assert json.loads(json.dumps(suite, allow_nan=False)) == suite
        assert {each["severity"] for each in suite["expectations"]} == {"critical", "warning", "info"}

    def test_great_expectations_reads_it(self, suite):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import great_expectations as gx

            gx.get_context(mode="ephemeral")
            theirs = gx.ExpectationSuite(**suite)
        assert len(theirs.expectations) == len(suite["expectations"])

    def test_ranges_have_slack_but_keep_their_sign(self):
        train = pd.DataFrame({"up": [0.0, 100.0] * 50, "both": [-100.0, 100.0] * 50, "whole": [1, 101] * 50})
        by_column = {
            e["kwargs"]["column"]: (e["kwargs"]["min_value"], e["kwargs"]["max_value"])
            for e in learn_suite(train, slack=0.1)["expectations"]
            if e["type"] == "expect_column_values_to_be_between"
        }
        assert by_column == {"up": (0, 110), "both": (-120, 120), "whole": (0, 111)}

    def test_groups_are_others_in_every_batch(self):
        table = pd.DataFrame({"household": [f"H{i % 20}" for i in range(400)], "n": [i % 40 for i in range(400)]})
        learnt = learn_suite(table, open_columns=("household", "n"))
        later = pd.DataFrame({"household": [f"H{900 + i}" for i in range(400)], "n": range(1000, 1400)})
        assert enforce_suite(later, learnt).success
        assert not enforce_suite(later, learnt).failures
        assert enforce_suite(later, learn_suite(table)).failures

    def test_texts_that_are_all_different_are_no_categories(self, suite):
        of_note = {e["type"] for e in suite["expectations"] if e["kwargs"].get("column") == "note"}
        assert "expect_column_value_lengths_to_be_between" in of_note
        assert "expect_column_values_to_be_in_set" not in of_note

    def test_columns_of_nothing(self):
        train = pd.DataFrame({"nothing": pd.Series([np.nan] * 5), "endless": [np.inf] * 5, "same": [3] * 5})
        assert enforce_suite(train, learn_suite(train)).success

    def test_refuses_negative_slack(self):
        with pytest.raises(InputError, match="slack"):
            learn_suite(people(10), slack=-1)


class TestEnforceSuite:
    @pytest.mark.parametrize("n", [50, 500, 3000])
    def test_a_batch_of_the_same_kind_passes(self, suite, n):
        checked = enforce_suite(people(n, seed=n), suite)
        assert checked.success
        assert failures(checked) == []

    def test_random_parts_of_a_real_table_pass(self):
        table = load_breast_cancer(as_frame=True).frame.astype({"target": str}).iloc[:, ::3]
        table["target"] = load_breast_cancer().target.astype(str)
        warned = []
        for seed in range(3):
            parts = split(table["target"], seed=seed)
            learnt = learn_suite(table[parts == "train"], label_column="target")
            for part in ("dev", "test"):
                checked = enforce_suite(table[parts == part], learnt)
                assert checked.success
                warned.append(len(checked.failures) / len(checked.results))
        assert np.mean(warned) < 0.01

    def test_a_batch_read_as_text_passes(self, suite):
        batch = people(300, seed=1)
        text = batch.astype({"since": str, "member": str, "age": str, "income": str})
        text["income"] = text["income"].where(batch["income"].notna())
        assert failures(enforce_suite(text, suite)) == []

    def test_a_missing_column_is_critical_and_stops_its_other_checks(self, suite):
        checked = enforce_suite(people(300).drop(columns="age"), suite)
        assert failures(checked) == [("age", "critical")]
        assert not checked.success
        assert {f.code for f in checked.findings} == {"validation.critical", "validation.not_run"}

    def test_a_type_that_changed_is_critical(self, suite):
        batch = people(300)
        for column in ("age", "since", "member"):
            changed = batch.assign(**{column: "soon"})
            assert (column, "critical") in failures(enforce_suite(changed, suite))
        assert ("since", "critical") in failures(enforce_suite(batch.assign(since=20200101), suite))
        assert ("age", "critical") in failures(enforce_suite(batch.assign(age=batch["since"]), suite))

    def test_what_is_wrong_is_said_of_the_file_by_its_name(self, suite):
        (finding,) = enforce_suite(people(300).assign(age=-999), suite, where="mine.yaml").findings[:1]
        assert "of mine.yaml (expect_" in finding.advice
        unknown = {"expectations": [{"type": "expect_column_to_exits", "kwargs": {"column": "age"}}]}
        with pytest.raises(InputError, match=r"expectation 1 of mine\.yaml has type"):
            enforce_suite(people(10), unknown, where="mine.yaml")
        lost = {"expectations": [{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "agee"}}]}
        with pytest.raises(InputError, match=r"expectation 1 of mine\.yaml names column 'agee'"):
            enforce_suite(people(10), lost, where="mine.yaml")

    def test_a_single_odd_cell_is_a_warning_with_its_row(self, suite):
        batch = people(300).astype({"age": object})
        batch.loc[7, "age"] = "forty"
        checked = enforce_suite(batch, suite, batch["id"])
        assert failures(checked) == [("age", "warning")]
        (failed,) = checked.failures
        assert failed.row_positions == (7,)
        assert failed.examples == ("forty",)
        (finding,) = checked.findings
        assert finding.ids == ("p00007",)
        assert finding.title == "column 'age': expected a number, found 1 of 300 (0.333%) otherwise, e.g. forty"

    def test_unknown_labels(self, suite):
        batch = people(400)
        batch.loc[0, "label"] = "maybe"
        assert failures(enforce_suite(batch, suite)) == [("label", "warning")]
        batch.loc[:100, "label"] = "maybe"
        assert failures(enforce_suite(batch, suite)) == [("label", "critical"), ("label", "warning")]

    def test_all_missing_and_more_missing(self, suite):
        batch = people(300)
        batch["income"] = np.nan
        assert ("income", "critical") in failures(enforce_suite(batch, suite))
        batch = people(300)
        batch.loc[:149, "city"] = np.nan
        assert failures(enforce_suite(batch, suite)) == [("city", "warning")]

    def test_ids_that_repeat_or_miss(self, suite):
        batch = people(300)
        batch.loc[1, "id"] = batch.loc[0, "id"]
        checked = enforce_suite(batch, suite)
        assert failures(checked) == [("id", "critical")]
        assert checked.failures[0].row_positions == (0, 1)
        batch.loc[1, "id"] = np.nan
        assert ("id", "critical") in failures(enforce_suite(batch, suite))

    def test_range_median_and_category(self, suite):
        batch = people(300)
        batch["age"] = batch["age"] * 10
        batch["city"] = "<script>"
        checked = enforce_suite(batch, suite)
        assert set(failures(checked)) == {("age", "warning"), ("city", "warning")}
        assert len([r for r in checked.failures if r.column == "age"]) == 2
        assert [r.examples for r in checked.failures if r.column == "city"] == [("<script>",)]

    def test_as_dict_has_the_ids(self, suite):
        batch = people(300)
        batch.loc[3, "label"] = "maybe"
        plain = enforce_suite(batch, suite).as_dict(batch["id"])
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain
        assert plain["results"][0]["ids"] == ["p00003"]
        assert plain["failed"] == 1
        assert plain["critical"] == 0

    def test_index_and_column_names_do_not_matter(self):
        table = pd.DataFrame({"a.b c": [1, 2] * 50, "<b>": ["x", "y"] * 50}, index=range(1000, 1100))
        learnt = learn_suite(table)
        table.loc[1003, "<b>"] = "z"
        table.loc[1004, "<b>"] = "z"
        table.loc[1005:1020, "<b>"] = "z"
        assert enforce_suite(table, learnt).failures[0].row_positions[:2] == (3, 4)

    def test_pixels_measured(self):
        rng = np.random.default_rng(0)
        table = pd.DataFrame(
            {"id": [str(i) for i in range(300)], "label": ["0", "1"] * 150, "width": 8, "brightness": rng.random(300)}
        )
        learnt = learn_suite(table, id_column="id", label_column="label")
        assert enforce_suite(table, learnt).success
        assert ("width", "warning") in failures(enforce_suite(table.assign(width=64), learnt))

    @pytest.mark.parametrize(
        ("expectation", "words"),
        [
            ({"type": "expect_column_to_exits", "kwargs": {"column": "age"}}, "did you mean 'expect_column_to_exist'"),
            ({"type": "no_such", "kwargs": {}}, "has no such expectation"),
            ({"type": "expect_column_values_to_be_unique", "kwargs": {"column": "agee"}}, "did you mean 'age'"),
            ({"type": "expect_column_values_to_be_unique", "kwargs": {"column": "age", "mostly": 7}}, "mostly"),
            ({"type": "expect_column_values_to_be_unique", "kwargs": {"column": "age", "mosty": 1}}, "mosty"),
            ({"type": "expect_column_values_to_match_regex", "kwargs": {"column": "city", "regex": "("}}, "cannot be"),
            (
                {"type": "expect_column_values_to_be_in_type_list", "kwargs": {"column": "age", "type_list": 5}},
                "type_list",
            ),
            (
                {
                    "type": "expect_column_values_to_be_unique",
                    "kwargs": {"column": "id", "row_condition": "agee > 5", "condition_parser": "pandas"},
                },
                "expectation 1 of the suite",
            ),
            ({"type": "expect_column_to_exist", "severity": "fatal"}, "fatal"),
            ({"kwargs": {}}, "no 'type'"),
            ({"type": "expect_column_to_exist", "kwargs": ["age"]}, "kwargs"),
            ("age", "no 'type'"),
        ],
    )
    def test_refuses_a_suite_that_makes_no_sense(self, expectation, words):
        with pytest.raises(InputError, match=words) as refusal:
            enforce_suite(people(50), {"expectations": [expectation]})
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize("suite", [None, [], {}, {"expectations": {}}])
    def test_refuses_what_is_no_suite(self, suite):
        with pytest.raises(InputError, match="expectations"):
            enforce_suite(people(50), suite)

    def test_an_empty_suite_asks_nothing(self):
        assert enforce_suite(people(50), {"expectations": []}).success

    def test_a_thousand_columns(self):
        rng = np.random.default_rng(0)
        wide = pd.DataFrame(rng.normal(size=(60, 1000))).add_prefix("c")
        learnt = learn_suite(wide)
        assert enforce_suite(wide, learnt).failures == ()
        wide["c7"] = "x"
        assert set(failures(enforce_suite(wide, learnt))) == {("c7", "critical"), ("c7", "warning")}

    def test_cells_that_no_type_is_asked_of_are_said(self):
        batch = pd.DataFrame({"n": ["1", "2", "many"]})
        between = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "n", "max_value": 5}}
        checked = enforce_suite(batch, {"expectations": [between]}, ["a", "b", "c"])
        assert checked.success
        (finding,) = checked.findings
        assert finding.code == "validation.unread"
        assert finding.ids == ("c",)
        assert "many" in finding.title

    def test_a_column_that_became_numbers_is_seen_by_its_form(self):
        train = pd.DataFrame({"zip": pd.Series([f"{i:05d}" for i in range(500, 1500)], dtype="str")})
        learnt = learn_suite(train)
        assert failures(enforce_suite(train, learnt)) == []
        assert ("zip", "warning") in failures(enforce_suite(train.astype({"zip": int}), learnt))

    def test_expectations_of_their_own(self, suite):
        """What is not counted here goes to Great Expectations: pairs, conditions, the whole table."""
        batch = people(300)
        graz = {"row_condition": 'city == "Graz"', "condition_parser": "pandas"}
        own = [
            {"type": f"expect_{type_}", "kwargs": kwargs}
            for type_, kwargs in (
                ("column_pair_values_a_to_be_greater_than_b", {"column_A": "age", "column_B": "income"}),
                ("compound_columns_to_be_unique", {"column_list": ["city", "member"]}),
                ("table_columns_to_match_set", {"column_set": list(batch.columns)}),
                ("table_column_count_to_equal", {"value": 3}),
                ("table_row_count_to_equal", {"value": 300}),
                ("column_mean_to_be_between", {"column": "age", "min_value": 10, "max_value": 99}),
                ("column_values_to_be_between", {"column": "age", "min_value": 40, **graz}),
                ("column_max_to_be_between", {"column": "since", "min_value": "2030-01-01"}),
            )
        ]
        checked = enforce_suite(batch, {"expectations": own})
        young = int(((batch["city"] == "Graz") & (batch["age"] < 40)).sum())
        assert [r.success for r in checked.results] == [False, False, True, False, True, True, False, False]
        assert checked.results[6].offending == young
        assert len(checked.results[1].row_positions) == 300

    def test_leaves_nothing_behind(self, tmp_path):
        script = (
            "import pandas as pd\n"
            "from burnish.tasks.validate import enforce_suite, learn_suite\n"
            "frame = pd.DataFrame({'x': range(100), 'c': ['a', 'b'] * 50})\n"
            "print(enforce_suite(frame.assign(c='z', x='?'), learn_suite(frame)).success)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"
        assert done.stderr == ""
        assert list(tmp_path.iterdir()) == []


class TestFiles:
    @pytest.mark.parametrize("name", ["suite.json", "suite.yaml", "suite.yml"])
    def test_round_trip(self, suite, tmp_path, name):
        assert load_suite(save_suite(suite, tmp_path / name)) == suite

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("s.json", b"{", "broken JSON at line 1"),
            ("s.yaml", b"a: [1", "broken YAML at line"),
            ("s.yaml", b"!!python/object/apply:os.system [ls]", "broken YAML"),
            ("s.json", b"\xff\xfe\x00", "UTF-8"),
            ("s.json", b"[1]", "'expectations'"),
            ("s.yaml", b"", "'expectations'"),
        ],
    )
    def test_refuses(self, tmp_path, name, text, words):
        (tmp_path / name).write_bytes(text)
        with pytest.raises(InputError, match=words) as refusal:
            load_suite(tmp_path / name)
        assert "\n" not in str(refusal.value)

    def test_refuses_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load_suite(tmp_path / "none.yaml")
