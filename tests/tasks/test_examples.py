from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.examples import read_examples
from burnish.tasks.findings import InputError

ADULT = Path("/work/shared/data/adult/adult-train.csv")


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 40
    return pd.DataFrame(
        {
            "key": [f"{place:03d}" for place in range(n)],
            "size": rng.normal(size=n).round(3),
            "colour": rng.choice(["red", "blue"], n),
            "sex": rng.choice(["f", "m"], n),
            "site": rng.choice(["north", "south"], n),
            "patient": rng.integers(0, 8, n),
            "note": [f"a longer remark number {place}" for place in range(n)],
            "label": rng.choice(["cat", "dog"], n),
        }
    )


@pytest.fixture
def path(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def codes_of(examples):
    return [finding.code for finding in examples.findings]


def test_a_table_with_its_label_alone(path, frame):
    examples = read_examples(path, label="label")
    assert list(examples.table.columns) == ["id", "label", "source", "group"]
    assert [str(kind) for kind in examples.table.dtypes] == ["str"] * 4
    assert examples.table["id"].is_unique
    assert examples.table["label"].tolist() == frame["label"].tolist()
    assert (examples.table["source"] == "all").all()
    assert examples.table["group"].isna().all()
    assert (examples.kind, examples.root, examples.classes) == ("table", path.parent, ("cat", "dog"))
    assert list(examples.attributes.columns) == [name for name in frame.columns if name != "label"]
    assert examples.attributes["size"].tolist() == frame["size"].tolist()
    assert examples.learn_from == ("size", "colour", "sex", "site", "patient")
    assert codes_of(examples) == ["columns.many_levels"]
    assert examples.codes.tolist() == [("cat", "dog").index(label) for label in frame["label"]]


def test_every_role(path, frame):
    examples = read_examples(
        path, label="label", id="key", source="site", group="patient", text="note", exclude=["sex"]
    )
    assert examples.table["id"].tolist() == frame["key"].tolist()
    assert examples.table["source"].tolist() == frame["site"].tolist()
    assert examples.table["group"].tolist() == frame["patient"].astype(str).tolist()
    assert examples.text == "note"
    assert examples.learn_from == ("size", "colour")
    assert set(examples.attributes.columns) == {"size", "colour", "sex", "site", "patient", "note"}


def test_features_by_name_and_the_rest_still_there(path):
    examples = read_examples(path, label="label", features=["colour"])
    assert examples.learn_from == ("colour",)
    assert "size" in examples.attributes


def test_columns_called_as_ours_do_not_clash(tmp_path, frame):
    ours = frame.rename(
        columns={"size": "split", "colour": "final_label", "sex": "weight", "site": "source", "key": "id"}
    )
    ours = ours.rename(columns={"label": "label_quality", "note": "label", "patient": "<b>a.b c</b>"})
    ours.to_csv(tmp_path / "t.csv", index=False)
    examples = read_examples(tmp_path / "t.csv", label="label_quality")
    assert examples.table["label"].tolist() == frame["label"].tolist()
    assert {"split", "final_label", "weight", "source", "id", "label", "<b>a.b c</b>"} == set(examples.attributes)


def test_no_label_names_the_columns(path):
    with pytest.raises(InputError, match=r"data.label: name the column .*key, size, colour"):
        read_examples(path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"label": "Label"}, "data.label: .*has no column 'Label': did you mean 'label'"),
        ({"label": "label", "id": "kye"}, "data.id: .*did you mean 'key'"),
        ({"label": "label", "features": ["siz"]}, "data.features: .*did you mean 'size'"),
        ({"label": "label", "exclude": ["zzz"]}, "data.exclude: .*no column 'zzz': its columns are key, size"),
        ({"label": "label", "features": ["label"]}, "'label' is named under data.label too"),
        ({"label": "label", "features": ["sex"], "exclude": ["sex"]}, "'sex' is named under data.exclude too"),
        ({"label": "label", "source": "label"}, "data.source: 'label' is the label column already"),
        ({"label": "label", "id": "site"}, "data.id: 2 ids of the id column 'site' .*occur more than once"),
        ({"label": "size"}, "looks like a number to predict"),
        ({"label": "note"}, "looks like an id or free text"),
        ({"label": "label", "features": ["note"]}, "no column left to learn from"),
    ],
)
def test_roles_that_do_not_fit(path, options, says):
    with pytest.raises(InputError, match=says):
        read_examples(path, **options)


def test_missing_labels_and_spellings(tmp_path):
    (tmp_path / "t.csv").write_text("x,label\n" + "1,NA\n2,b\n" * 5 + "3,\n4,-\n5,B\n")
    examples = read_examples(tmp_path / "t.csv", label="label", missing_labels=["-"])
    assert examples.classes == ("B", "NA", "b")
    assert examples.table["label"].isna().sum() == 2
    assert codes_of(examples) == ["labels.missing", "labels.spelling", "labels.rare"]
    assert (examples.codes < 0).sum() == 2


def test_missing_sources_are_a_source_of_their_own(tmp_path):
    (tmp_path / "t.csv").write_text("x,s,label\n1,n,a\n2,,b\n3,n,a\n1,n,b\n")
    examples = read_examples(tmp_path / "t.csv", label="label", source="s")
    assert examples.table["source"].tolist() == ["n", "(missing)", "n", "n"]
    assert "source.missing" in codes_of(examples)


@pytest.mark.parametrize("labels", [[1, 2, 1, 2], [True, False, True, False], pd.Categorical(["b", "a", "b", "a"])])
def test_label_types_of_parquet(tmp_path, labels):
    pd.DataFrame({"x": [1.0, 2.0, 3.5, 1.0], "y": labels}).to_parquet(tmp_path / "t.parquet")
    examples = read_examples(tmp_path / "t.parquet", label="y")
    assert examples.classes == tuple(sorted({str(label) for label in labels}))
    assert str(examples.table["label"].dtype) == "str"


def test_ids_do_not_depend_on_the_label(tmp_path, frame):
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.assign(label=frame["label"].iloc[::-1].to_numpy()).to_csv(tmp_path / "b.csv", index=False)
    one, other = (read_examples(tmp_path / name, label="label").table["id"] for name in ("a.csv", "b.csv"))
    pd.testing.assert_series_equal(one, other)


def test_arrays_beside_the_table(path, tmp_path, frame):
    np.save(tmp_path / "e.npy", np.eye(40, 3, dtype=np.float32))
    np.save(tmp_path / "p.npy", np.full((40, 2), 0.5))
    examples = read_examples(path, label="label", embeddings=tmp_path / "e.npy", probabilities=tmp_path / "p.npy")
    assert examples.embeddings.shape == (40, 3)
    assert examples.probabilities.shape == (40, 2)
    frame[["label"]].to_csv(tmp_path / "bare.csv", index=False)
    bare = read_examples(tmp_path / "bare.csv", label="label", embeddings=tmp_path / "e.npy")
    assert (bare.learn_from, bare.table["id"].is_unique) == ((), True)
    np.save(tmp_path / "e.npy", np.ones((39, 3)))
    with pytest.raises(InputError, match="has 39 rows, the table has 40"):
        read_examples(path, label="label", embeddings=tmp_path / "e.npy")


def make_images(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def test_a_folder_of_class_folders(tmp_path):
    make_images(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    examples = read_examples(tmp_path, label="label", exclude=["sex"])
    assert examples.kind == "images"
    assert examples.table["id"].tolist() == examples.table["image"].tolist()
    assert examples.table["label"].tolist() == ["cat", "cat", "dog", "dog"]
    assert examples.attributes.shape == (4, 0)
    with pytest.raises(InputError, match=r"data.source: .* has no columns"):
        read_examples(tmp_path, source="site")


def test_a_folder_with_one_class(tmp_path):
    make_images(tmp_path, "cat/1.png", "cat/2.png")
    with pytest.raises(InputError, match="every example is 'cat'"):
        read_examples(tmp_path)


def test_a_table_of_images(tmp_path):
    make_images(tmp_path, "img/1.png", "img/2.png", "img/3.png")
    rows = "\n".join(
        f"img/{place}.png,{label},{source}" for place, label, source in [(1, "a", "x"), (2, "b", "y"), (3, "a", "x")]
    )
    (tmp_path / "t.csv").write_text(f"file,label,source\n{rows}\n")
    examples = read_examples(tmp_path / "t.csv", label="label", image="file", source="source")
    assert examples.kind == "images"
    assert examples.table["image"].tolist() == ["img/1.png", "img/2.png", "img/3.png"]
    assert examples.table["id"].tolist() == examples.table["image"].tolist()
    assert (examples.root, list(examples.attributes.columns)) == (tmp_path, ["source"])


def test_reading_twice_gives_the_same(path):
    one, other = read_examples(path, label="label"), read_examples(path, label="label")
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.attributes, other.attributes)
    assert one.findings == other.findings


@pytest.mark.skipif(not ADULT.is_file(), reason="the adult table is not there")
def test_adult(tmp_path):
    with pytest.raises(InputError, match="first line looks like data"):
        read_examples(ADULT, label="income")
    names = "age,workclass,fnlwgt,education,edunum,marital,job,relation,race,sex,gain,loss,hours,country,income\n"
    (tmp_path / "t.csv").write_text(names + ADULT.read_text())
    examples = read_examples(tmp_path / "t.csv", label="income", exclude=["race", "sex"])
    assert examples.classes == (" <=50K", " >50K")
    assert examples.table["id"].is_unique
    assert examples.attributes["workclass"].isna().sum() == 1836
    assert str(examples.attributes["age"].dtype) == "Int64"
    assert len(examples.learn_from) == 12
