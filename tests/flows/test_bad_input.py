"""Bad input through the command line: one sentence on standard error, exit status 2, nothing written.

All but the last test run `main` in this process. Where a run must go past reading, Prefect's decorators are replaced by
ones that do nothing, since starting Prefect takes ten seconds; `test_disk_full_under_prefect` starts it once.
"""

import errno
import html
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from burnish.flows import cli
from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.report import render_report

CONFIG = "data: {path: t.csv, label: kind, id: id}\nrounds: 1\ntrain: {model: linear, epochs: 3}\n"
EMBEDDED = CONFIG.replace("id: id", "id: id, embeddings: e.npy")
FOLDER = "data: {path: images}\nrounds: 1\ntrain: {model: linear, epochs: 3}\n"
LISTED = "data: {path: images/t.csv, label: kind, image: image}\n"
ROWS = 60
SCRIPT = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Ended:
    """How a command ended; `said` is its last line on standard error, `written` are the files it made."""

    status: int
    out: str
    said: str
    written: list[str]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Run a command in `tmp_path`; whatever happens, files that were there stay as they were."""

    def call(*arguments: str) -> Ended:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["burnish", *arguments])
        for name in (*cli.QUIET, "BURNISH_DEBUG"):
            monkeypatch.setenv(name, cli.QUIET.get(name, ""))
        before = contents(tmp_path)
        capsys.readouterr()
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        after = contents(tmp_path)
        assert {name: after.get(name) for name in before} == before
        lines = captured.err.splitlines() or [""]
        return Ended(status, captured.out, lines[-1], sorted(after.keys() - before.keys()))

    return call


@pytest.fixture
def no_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    import burnish.flows.run

    for name in ("flow", "task"):
        monkeypatch.setattr(burnish.flows.run, name, lambda **_: lambda function: function)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(ended: Ended, *phrases: str) -> None:
    """One sentence with these phrases in it, exit status 2, nothing written."""
    assert (ended.status, ended.out, ended.written) == (2, "", [])
    assert ended.said.startswith("error: ")
    for phrase in phrases:
        assert phrase in ended.said


def table(labels: tuple[str, ...] = ("cat", "dog"), header: str = "id,a,b,kind", cells: str = "{i},{a},{b}") -> str:
    """Rows that can be learnt from: `a` depends on the label."""
    rng = np.random.default_rng(0)
    lines = [header]
    for row in range(ROWS):
        label = labels[row % len(labels)]
        values = {"i": row, "a": round(rng.normal(row % len(labels) * 2), 3), "b": round(rng.normal(), 3)}
        lines.append(cells.format(**values) + f",{label}")
    return "\n".join(lines) + "\n"


def write(folder: Path, given: str | bytes | None, config: str = CONFIG) -> None:
    (folder / "c.yaml").write_text(config, encoding="utf-8")
    if given is not None:
        (folder / "t.csv").write_bytes(given.encode() if isinstance(given, str) else given)


def write_images(folder: Path, count: int = 20, classes: str = "ab") -> Path:
    """Class folders of striped pictures."""
    rng = np.random.default_rng(0)
    for place, name in enumerate(classes):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 80, (16, 16)).astype(np.uint8)
            pixels[4 * place : 4 * place + 8] += 120
            Image.fromarray(pixels).save(folder / "images" / name / f"{number}.png")
    (folder / "c.yaml").write_text(FOLDER, encoding="utf-8")
    return folder / "images"


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises a huge picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rest = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rest


GOOD = table()
REFUSED_TABLES: dict[str, tuple[str | bytes | None, tuple[str, ...]]] = {
    "missing file": (None, ("t.csv does not exist",)),
    "empty file": ("", ("t.csv is empty", "needs a header line and rows")),
    "blank file": ("\n\n \n", ("nothing but blank space",)),
    "header only": ("id,a,b,kind\n", ("no rows below it", "add the examples")),
    "trailing comma": (GOOD.replace("cat\n", "cat,\n").replace("dog\n", "dog,\n"), ("comma too many", "remove it")),
    "short row": (GOOD + "60,1.0\n", ("line 62 has 2 cells, the header has 4", "complete the row")),
    "short row amid": (GOOD.replace("\n5,", "\n5\n6,", 1), ("line 7 has 1 cell",)),
    "ragged": (GOOD + "60,1,2,cat,more\n", ("line 62 has 5 cells, the header has 4",)),
    "open quote": (GOOD + '60,"1,2,cat\n61,1,2,dog\n', ("quote opened on line 62 is never closed", "close it")),
    "semicolons": (GOOD.replace(",", ";"), ('set data.delimiter: ";"',)),
    "tabs": (GOOD.replace(",", "\t"), ('set data.delimiter: "\\t"',)),
    "UTF-16": (GOOD.encode("utf-16"), ("set data.encoding: utf-16",)),
    "UTF-16 without mark": (GOOD.encode("utf-16-le"), ("set data.encoding: utf-16-le",)),
    "NUL": (GOOD.replace("cat", "c\0t", 1), ("has a NUL byte", "remove the byte")),
    "NUL bytes only": (bytes(512), ("NUL",)),
    "Latin-1": (GOOD.replace("cat", "chât").encode("latin-1"), ("not valid UTF-8", "set data.encoding")),
    "a picture": (bomb(8, 8), ("t.csv",)),
    "doubled column": (GOOD.replace("id,a,b", "id,a,a"), ("columns 2 and 3 have the same name, 'a'", "rename")),
    "nameless column": (GOOD.replace("id,a,b", "id,,b"), ("column 2 of 4 has no name",)),
    "no label column": (GOOD.replace("kind", "kinds"), ("no column 'kind'", "did you mean 'kinds'?")),
    "label column in capitals": (GOOD.replace("kind", "KIND"), ("did you mean 'KIND'?",)),
    "one class": (table(labels=("cat",)), ("every example is 'cat'", "two classes or more")),
    "no labels": (table(labels=("",)), ("all 60 labels are missing",)),
    "a class a row": (
        table(cells="{i},{a},{b}").replace("cat\n", "\n").replace("dog\n", "\n"),
        ("labels are missing",),
    ),
    "labels are numbers": (table(header="id,b,a,kind").replace(",cat", ".5").replace(",dog", ".7"), ("t.csv",)),
    "doubled ids": (table(cells="7,{a},{b}"), ("1 ids", "occur more than once ('7')", "data.id: null")),
    "an empty id": (GOOD.replace("\n5,", "\n,", 1), ("1 cells of the id column 'id'", "the first in row 6")),
    "nothing but constants": (table(cells="{i},1,"), ("no column left to learn from", "a, b", "give features")),
}


@pytest.mark.parametrize("name", REFUSED_TABLES)
def test_tables_that_cannot_be_read(tmp_path: Path, command: Callable[..., Ended], name: str) -> None:
    given, phrases = REFUSED_TABLES[name]
    write(tmp_path, given)
    refused(command("run", "c.yaml"), "t.csv", *phrases)


REPORTED = {
    "labels spelled NA and nan": (table(labels=("NA", "nan")), "60 rows, 2 classes"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), "all hold"),
    "CR alone": (GOOD.replace("\n", "\r"), "60 rows, 2 classes"),
    "CR LF": (GOOD.replace("\n", "\r\n"), "60 rows, 2 classes"),
    "spellings of one class": (
        table(labels=("cat", " cat", "Cat", "dog")),
        "3 labels are likely 1 class: ' cat' (15), 'Cat' (15), 'cat' (15)",
    ),
    "a class of one": (GOOD + "60,1,1,emu\n", "1 class has one example only: 'emu' [60]"),
    "some labels missing": (table(labels=("cat", "dog", "")), "20 of 60 examples have no label [2, 5, 8"),
    "leading zeros in ids": (table(cells="00{i},{a},{b}", labels=("cat", "dog", "")), "[002, 005, 008"),
    "ids beyond 2^53": (
        table(cells="90071992547409930{i},{a},{b}", labels=("cat", "dog", "")),
        "[900719925474099302, 900719925474099305",
    ),
    "columns missing or constant": (
        table(header="id,a,b,c,d,kind", cells="{i},{a},{b},5,"),
        "2 columns are constant or missing throughout: c, d",
    ),
    "infinities": (GOOD + "60,inf,1,cat\n61,-Infinity,1,dog\n", "2 infinite or huge values are taken as missing: a"),
    "numbers too large to square": (table(cells="{i},{a},{b}e200"), "huge values are taken as missing: b"),
    "dates out of any range": (
        table(header="id,a,b,day,kind", cells="{i},{a},{b},0001-01-01")
        + "60,1,1,9999-12-31,cat\n61,1,1,9999-12-31,dog\n",
        "62 rows, 2 classes",
    ),
    "integers beyond float": (
        table(cells="{i},{a},99999999999999999999{i}"),
        "1 column holds integers beyond 2^53: b",
    ),
    "column names with dots, spaces, HTML": (
        table(header=f"id,a.b c,{SCRIPT},kind", cells="{i},{a},5"),
        f"1 column is constant: {SCRIPT}",
    ),
    "column names of ours": (
        table(header="id,split,weight,label,final_label,kind", cells="{i},{a},{b},x,{a}"),
        "1 column is constant: label",
    ),
}


@pytest.mark.parametrize("name", REPORTED)
def test_what_is_odd_is_reported_and_kept(tmp_path: Path, command: Callable[..., Ended], name: str) -> None:
    given, phrase = REPORTED[name]
    write(tmp_path, given)
    ended = command("check", "c.yaml")
    assert (ended.status, ended.written) == (0, []), ended.said
    assert phrase in ended.out


def test_a_category_of_100_000_levels(tmp_path: Path, command: Callable[..., Ended]) -> None:
    rows = "".join(f"{row % 7},level {row % 100_000},{'cat' if row % 3 else 'dog'}\n" for row in range(100_500))
    write(tmp_path, "a,city,kind\n" + rows, "data: {path: t.csv, label: kind}\n")
    ended = command("check", "c.yaml")
    assert (ended.status, ended.written) == (0, []), ended.said
    assert "too many values for a category: city (100,000 values)" in ended.out


REFUSED_CONFIGS = {
    "unknown key": ("data: {path: t.csv, labell: kind}", ("unknown key data.labell", "did you mean label?")),
    "unknown section": (CONFIG + "trian: {}\n", ("unknown key trian", "did you mean train?")),
    "wrong type": (CONFIG.replace("rounds: 1", "rounds: many"), ("rounds is 'many'", "whole number from 1 to 100")),
    "a list for a path": ("data: {path: [a], label: kind}", ("data.path is ['a']", "must be a path")),
    "a number for a label": ("data: {path: t.csv, label: 5}", ("data.label is 5", "in quotes")),
    "out of bounds": (CONFIG + "split: {train_dev: 2}\n", ("split.train_dev is 2", "a number from 0 to 1")),
    "Python tag": (CONFIG + "x: !!python/object/apply:os.system [touch owned]\n", ("line 4", "python/object/apply")),
    "tag of a name": (CONFIG + "name: !!python/name:os.system\n", ("line 4", "python/name")),
    "tag of their own": ("name: !secret x\n" + CONFIG, ("line 1", "!secret")),
    "key twice": (CONFIG + "rounds: 2\n", ("the key 'rounds' stands twice",)),
    "no YAML": ("data: {path: t.csv\n", ("not valid YAML",)),
    "nothing": ("", ("holds no keys",)),
    "nested deeply": (CONFIG + "x: " + "[" * 3000, ("nested too deeply",)),
    "no such user": ("data: {path: ~nobody-of-this-name/t.csv, label: kind}", ("no such user",)),
    "a part without a share": (CONFIG + "split: {ratios: [1, 0, 0]}\n", ("train, dev and test each need a share",)),
    "train-dev beyond train": (CONFIG + "split: {train_dev: 0.7}\n", ("less than train's 0.6",)),
    "a target without sources": (CONFIG + "split: {target: {source: x}}\n", ("name the column under data.source",)),
    "stratified on labels": (CONFIG + "split: {stratify: [kind]}\n", ("share of each label", "leave it out")),
    "an earlier run that is gone": (CONFIG + "split: {earlier: gone}\n", ("there is no", "finished run's folder")),
    "a name that leaves": (CONFIG + "name: ../x\n", ("name is '../x'",)),
}


@pytest.mark.parametrize("name", REFUSED_CONFIGS)
def test_configurations_that_cannot_be_used(tmp_path: Path, command: Callable[..., Ended], name: str) -> None:
    config, phrases = REFUSED_CONFIGS[name]
    write(tmp_path, GOOD, config)
    refused(command("run", "c.yaml"), *phrases)


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["--set", "epochs"], "section.key=value"),
        (["--set", "=3"], "section.key=value"),
        (["--set", "train.epochs=[1"], "not a YAML value"),
        (["--set", "name=2020-13-45"], "not a YAML value"),
        (["--set", "name=!!python/name:os.system"], "not a YAML value"),
        (["--set", "train.epoch=3"], "did you mean epochs?"),
        (["--set", "rounds.x=3"], "rounds is"),
        (["--set", "train.epochs="], "train.epochs is nothing"),
        (["--set", "data.path=/dev/zero"], "not a regular file"),
        (["--set", "data.delimiter=ab"], "data.delimiter: 'ab' is no delimiter"),
        (["--set", "data.encoding=klingon"], "no text encoding"),
        (["--set", "data.features=[aa]"], "data.features: "),
        (["--set", "data.id=kind"], "is the label column already"),
        (["--set", "data.missing_labels=[cat, dog]"], "all 60 labels are missing"),
        (["--set", "weights.column=aa"], "weights.column: "),
        (["--set", "weights.column=a"], "cannot be a weight, the first in row "),
        (["--set", "data.image=a"], "none of the 60 images exists"),
        (["--fail-on", "two words"], "--fail-on 'two words'"),
        (["--foo"], "No such option: --foo"),
        (["--rounds", "many"], "--rounds"),
    ],
)
def test_arguments_that_cannot_be_used(
    tmp_path: Path, command: Callable[..., Ended], arguments: list[str], phrase: str
) -> None:
    write(tmp_path, GOOD)
    refused(command("run", "c.yaml", *arguments), phrase)


ARRAYS = {
    "another number of rows": (np.eye(59, 3), "has 59 rows, the table has 60"),
    "NaN": (np.full((ROWS, 3), np.nan), "has NaN or infinity"),
    "infinity": (np.r_[np.eye(59, 3), np.full((1, 3), np.inf)], "row 59 (from 0)"),
    "beyond float32": (np.eye(ROWS, 3) * 1e30, "beyond ±1e+15"),
    "one row again and again": (np.ones((ROWS, 3)), "are the same"),
    "one dimension": (np.zeros(ROWS), "has the shape (60,)"),
    "text": (np.full((ROWS, 2), "a"), "not numbers"),
    "objects": (np.array([[{}, {}]] * ROWS, dtype=object), "holds Python objects, which are never loaded"),
}


@pytest.mark.parametrize(
    ("images", "setting", "said"),
    [
        (False, "train.hidden=[]", "give one or more layer widths"),
        (False, "train.device=cuda:99", "train.device is 'cuda:99', which this machine has not"),
        (False, "train.model=cnn", "train.model is cnn, which reads images"),
        (True, "train.model=boosting", "train.model is boosting, which reads columns of a table"),
        (True, "features={encoder: pretrained, backbone_weights: gone.safetensors}", "gone.safetensors does not exist"),
        (True, "features={encoder: pretrained, backbone: resnut}", "features.backbone is 'resnut'"),
    ],
)
def test_what_cannot_be_trained_is_said_before_a_stage(
    tmp_path: Path,
    command: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
    images: bool,
    setting: str,
    said: str,
) -> None:
    monkeypatch.setattr("burnish.flows.run.start_run", lambda *_: pytest.fail("a run was begun"))
    if images:
        write_images(tmp_path)
        write(tmp_path, None, FOLDER)
    else:
        write(tmp_path, table())
    refused(command("run", "c.yaml", "--set", setting), said)


@pytest.mark.parametrize("name", ARRAYS)
def test_embeddings_that_cannot_be_used(tmp_path: Path, command: Callable[..., Ended], name: str) -> None:
    array, phrase = ARRAYS[name]
    write(tmp_path, GOOD, EMBEDDED)
    np.save(tmp_path / "e.npy", array, allow_pickle=True)
    refused(command("run", "c.yaml"), "data.embeddings: ", "e.npy", phrase)


def test_embeddings_that_are_no_array(tmp_path: Path, command: Callable[..., Ended]) -> None:
    write(tmp_path, GOOD, EMBEDDED)
    refused(command("run", "c.yaml"), "does not exist")
    (tmp_path / "e.npy").write_text("hello", encoding="utf-8")
    refused(command("run", "c.yaml"), "is damaged or no .npy file")


def spoil(images: Path) -> list[str]:
    """Add unreadable images to the class a."""
    whole = (images / "a" / "0.png").read_bytes()
    bad = {
        "<b>zero.png": b"",
        "bomb.png": bomb(60_000, 60_000),
        "corrupt.png": whole[:40] + b"xxxx" + whole[44:],
        "small bomb.png": bomb(10_000, 10_000),
        "text.jpg": b"hello",
        "truncated.png": whole[: len(whole) // 2],
    }
    for name, content in bad.items():
        (images / "a" / name).write_bytes(content)
    return [f"a/{name}" for name in sorted(bad)]


def test_bad_images_are_skipped_and_listed(tmp_path: Path, command: Callable[..., Ended], no_prefect: None) -> None:
    bad = spoil(write_images(tmp_path))
    ended = command("run", "c.yaml", "--out", "run")
    assert ended.status == 0, ended.said
    assert all(name.startswith("run/") for name in ended.written)
    summary = json.loads((tmp_path / "run/summary.json").read_text(encoding="utf-8"))
    finding = next(each for each in summary["findings"] if each["code"] == "images.unreadable")
    assert (sorted(finding["ids"]), summary["dataset"]["unreadable"]) == (bad, len(bad))
    assert f"{len(bad)} unreadable" in ended.out
    examples = pd.read_parquet(tmp_path / "run/examples.parquet").set_index("id")
    assert examples.loc[bad, "unreadable"].all()
    assert (examples.loc[bad, "weight"] == 0).all()
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "<b>zero" not in page
    assert html.escape("a/<b>zero.png") in page


def test_images_none_of_which_can_be_read(tmp_path: Path, command: Callable[..., Ended]) -> None:
    for path in write_images(tmp_path, 3).rglob("*.png"):
        path.write_bytes(b"")
    refused(command("check", "c.yaml"), "none of the 6 images", "empty file", "check the files")


def test_a_class_whose_images_cannot_be_read(tmp_path: Path, command: Callable[..., Ended], no_prefect: None) -> None:
    for path in (write_images(tmp_path, 10) / "b").iterdir():
        path.write_bytes(b"")
    ended = command("run", "c.yaml", "--out", "run")
    assert (ended.status, ended.out) == (2, "")
    assert "only the class 'a' has training examples that can be learnt from (10 of 20" in ended.said
    assert all(name.startswith("run/") for name in ended.written)


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.png", "link.png", "b/../../secret.png"])
def test_image_paths_that_leave_the_folder(tmp_path: Path, command: Callable[..., Ended], path: str) -> None:
    images = write_images(tmp_path, 5)
    (tmp_path / "secret.png").write_bytes((images / "a/0.png").read_bytes())
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    paths = [*(f"{name}/{number}.png" for name in "ab" for number in range(5)), path]
    rows = "".join(f"{each},{'x' if place % 2 else 'y'}\n" for place, each in enumerate(paths))
    (images / "t.csv").write_text("image,kind\n" + rows, encoding="utf-8")
    (tmp_path / "c.yaml").write_text(LISTED, encoding="utf-8")
    refused(command("run", "c.yaml"), repr(path), "leaves the data folder")


def test_links_out_of_a_folder_of_class_folders(tmp_path: Path, command: Callable[..., Ended]) -> None:
    images = write_images(tmp_path, 3)
    (images / "a" / "link.png").symlink_to("/etc/hosts")
    refused(command("run", "c.yaml"), "link.png is a link that leaves the data folder")


@pytest.mark.parametrize(
    ("names", "phrase"), [([], "has nothing in it"), (["1.png"], "1 images and no class folders"), (["a/"], "no image")]
)
def test_folders_that_hold_no_classes(
    tmp_path: Path, command: Callable[..., Ended], names: list[str], phrase: str
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "c.yaml").write_text(FOLDER, encoding="utf-8")
    for name in names:
        path = tmp_path / "images" / name
        path.mkdir() if name.endswith("/") else path.write_bytes(b"")
    refused(command("run", "c.yaml"), phrase, "one folder a class")


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["run", "c.yaml", "--out", "file/run"], "cannot write into file/run (Not a directory)"),
        (["run", "c.yaml", "--out", "."], "holds something already"),
        (["init", "t.csv", "--out", "file/c.yaml"], "cannot write file/c.yaml (Not a directory)"),
        (["init", "t.csv", "--out", "c.yaml"], "c.yaml exists already"),
        (["report", "nowhere"], "not a finished run"),
        (["compare", "nowhere", "nowhere"], "not a finished run"),
        (["predict", "nowhere", "t.csv"], "holds no model"),
        (["predict", "nowhere"], "name the new data"),
        (["predict", "nowhere", "--onnx", "m.onnx"], "holds no model"),
        (["predict", "nowhere", "--onnx", "c.yaml"], "c.yaml exists already"),
        (["run", "d.yaml"], "did you mean c.yaml?"),
    ],
)
def test_places_that_cannot_be_used(
    tmp_path: Path, command: Callable[..., Ended], arguments: list[str], phrase: str
) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "file").write_text("", encoding="utf-8")
    refused(command(*arguments), phrase)


def test_a_data_file_that_may_not_be_read(
    tmp_path: Path, command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD)

    def forbid(path: Path, *_: object, **__: object) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("burnish.tasks.tables.read_delimited", forbid)
    refused(command("check", "c.yaml"), "t.csv (Permission denied)")


@pytest.mark.parametrize("writer", ["write_cleaned", "write_labels", "keep_model", "write_manifest", "render_report"])
def test_disk_full(
    tmp_path: Path, command: Callable[..., Ended], no_prefect: None, monkeypatch: pytest.MonkeyPatch, writer: str
) -> None:
    def fill(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    homes = {"write_cleaned": "clean", "write_manifest": "analyse", "render_report": "analyse"}
    monkeypatch.setattr(f"burnish.flows.{homes.get(writer, 'retrain')}.{writer}", fill)
    write(tmp_path, GOOD)
    ended = command("run", "c.yaml", "--out", "run")
    assert (ended.status, ended.out) == (2, "")
    assert ended.said.startswith("error: cannot read or write run (No space left on device); make room")
    assert all(name.startswith("run/") for name in ended.written)


def test_markup_and_formulas_stay_text(
    tmp_path: Path, command: Callable[..., Ended], no_prefect: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = f"id,{SCRIPT},b.c d,split,final_label,weight,label_quality,source,kind"
    cells = f"=cmd{{i}},{{a}},{SCRIPT}{{b}},{{b}},x{{i}},1,@{{b}},phone"
    flipped = table((SCRIPT, "=1+1"), header, cells).splitlines()
    for line in (3, 9, 20, 31, 44):
        text, _, label = flipped[line].rpartition(",")
        flipped[line] = f"{text},{'=1+1' if label == SCRIPT else SCRIPT}"
    write(tmp_path, "\n".join(flipped) + "\n")
    ended = command("run", "c.yaml", "--out", "run")
    assert ended.status == 0, ended.said
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert SCRIPT not in page
    assert html.escape(SCRIPT) in page
    for path in (tmp_path / "run").rglob("*.csv"):
        rows = pd.read_csv(path, dtype="str", keep_default_na=False)
        cells_ = [*rows.columns, *rows.to_numpy().ravel()]
        assert not [cell for cell in cells_ if cell[:1] in ("=", "@", "\t", "\r")], path
    examples = pd.read_parquet(tmp_path / "run/examples.parquet")
    assert set(examples["label"]) == {SCRIPT, "=1+1"}
    assert examples["id"].str.startswith("=cmd").all()
    assert set(examples["split"]) <= {"train", "train_dev", "dev", "test"}
    assert examples["label_quality"].between(0, 1).all()


def test_a_report_escapes_every_value() -> None:
    summary = {"name": SCRIPT, "headline": [SCRIPT], "dataset": {"path": SCRIPT, "classes": [SCRIPT, "b"]}}
    finding = {"code": "x", "title": SCRIPT, "severity": "warning", "explanation": SCRIPT, "ids": [SCRIPT]}
    row = {"id": SCRIPT, "label": SCRIPT, "suggested_label": SCRIPT, "label_issue": True, "label_quality": 0.1}
    examples = pd.DataFrame([row | {"split": "train", "action": "review"}])
    attributes = pd.DataFrame({SCRIPT: [SCRIPT]})
    page = render_report(summary | {"findings": [finding]}, examples, attributes=attributes)
    assert SCRIPT not in page
    assert html.escape(SCRIPT) in page


def test_csv_cells_do_not_run() -> None:
    frame = pd.DataFrame({"=x": ["=1+1", "+1", "-2.5", "@a", "\tb", "plain"]}, dtype="str")
    safe = escape_formulas(frame)
    assert safe.columns.tolist() == ["'=x"]
    assert safe["'=x"].tolist() == ["'=1+1", "+1", "-2.5", "'@a", "'\tb", "plain"]


@pytest.mark.slow
def test_disk_full_under_prefect(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    full = (
        "import errno, os, burnish.flows.prepare as prepare\n"
        "from burnish.flows.cli import main\n"
        "def fill(*_): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "prepare.write_json = fill\n"
        "main()\n"
    )
    argv = [sys.executable, "-c", full, "run", "c.yaml", "--out", "run"]
    environment = os.environ | cli.QUIET | {"PREFECT_HOME": str(tmp_path / "prefect")}
    ended = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1].startswith("error: cannot read or write run (No space left on device)")
