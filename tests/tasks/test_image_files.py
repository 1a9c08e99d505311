import os

import pandas as pd
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.image_files import check_image_paths, list_class_folders


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "animals"
    for path in (
        "cat/1.png",
        "cat/deep/2.JPG",
        "dog/1.webp",
        "dog/.hidden.png",
        "dog/notes.txt",
        "top.png",
        ".git/x.png",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    return folder


def check(paths, root):
    ids = pd.Series([str(place) for place in range(len(paths))], dtype="str")
    return check_image_paths(pd.Series(paths, dtype="str"), ids, root, "the image column")


def test_class_folders(root):
    frame, findings = list_class_folders(root)
    assert frame["image"].tolist() == ["cat/1.png", "cat/deep/2.JPG", "dog/1.webp"]
    assert frame["label"].tolist() == ["cat", "cat", "dog"]
    assert findings[0].code == "images.passed_over"
    assert findings[0].title.endswith("1 .txt file, 2 hidden files, 1 image")


def test_files_of_another_format_are_named_and_a_warning_where_many(tmp_path):
    for place in range(20):
        path = tmp_path / "cat" / f"{place}.{'gif' if place < 4 else 'png'}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    _, findings = list_class_folders(tmp_path)
    assert (findings[0].severity, findings[0].count) == ("warning", 4)
    assert findings[0].title == "4 entries of the folder are not taken as examples: 4 .gif files"
    for path in tmp_path.glob("cat/[0-2].gif"):
        path.unlink()
    _, findings = list_class_folders(tmp_path)
    assert findings[0].severity == "info"
    assert findings[0].title == "1 entry of the folder is not taken as an example: 1 .gif file"
    for path in tmp_path.glob("cat/*.png"):
        path.unlink()
    with pytest.raises(InputError, match=r"no image in any of them \(they hold \.gif files\).*read are \.bmp, \.jpeg"):
        list_class_folders(tmp_path)


def test_empty_class_is_told(root):
    (root / "bird").mkdir()
    _, findings = list_class_folders(root)
    assert [finding.code for finding in findings] == ["images.passed_over", "images.empty_class"]


def test_layouts_that_are_none(tmp_path):
    with pytest.raises(InputError, match="has nothing in it: expected is one folder a class"):
        list_class_folders(tmp_path)
    (tmp_path / "1.png").touch()
    with pytest.raises(InputError, match="1 images and no class folders"):
        list_class_folders(tmp_path)
    (tmp_path / "labels.csv").touch()
    with pytest.raises(InputError, match=r"no class folders but a table, labels.csv"):
        list_class_folders(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match="no image in any of them"):
        list_class_folders(tmp_path)


@pytest.mark.parametrize("name", ["cat/out.png", "cat/deep/out", "out"])
def test_links_that_leave_the_folder_are_refused_by_name(root, tmp_path, name):
    outside = tmp_path / "secret"
    outside.mkdir()
    target = outside / "a.png"
    target.write_bytes(b"x")
    os.symlink(target if name.endswith(".png") else outside, root / name)
    with pytest.raises(InputError, match=f"{name} is a link that leaves the data folder"):
        list_class_folders(root)


def test_links_inside_the_folder(root):
    os.symlink(root / "cat/1.png", root / "dog/2.png")
    os.symlink(root, root / "dog/loop")
    frame, findings = list_class_folders(root)
    assert "dog/2.png" in frame["image"].tolist()
    assert "1 linked folder" in findings[0].title


def test_names_that_are_not_unicode(root):
    (root / os.fsdecode(b"cat/\xff.png")).write_bytes(b"x")
    with pytest.raises(InputError, match="not valid UTF-8"):
        list_class_folders(root)


def test_paths_of_a_column(root):
    paths, findings = check(["cat/1.png", "./dog//1.webp", str(root / "cat/deep/2.JPG"), "cat/../dog/1.webp"], root)
    assert paths.tolist() == ["cat/1.png", "dog/1.webp", "cat/deep/2.JPG", "dog/1.webp"]
    assert findings == ()


def test_missing_images_are_kept_and_told(root):
    paths, findings = check(["cat/1.png", "cat/none.png", None], root)
    assert paths.tolist() == ["cat/1.png", "cat/none.png", ""]
    assert (findings[0].code, findings[0].count, findings[0].ids) == ("images.missing", 2, ("1", "2"))


def test_no_image_exists(root):
    with pytest.raises(InputError, match=r"none of the 2 images exists .*relative to the table's folder"):
        check(["a.png", "b.png"], root)


@pytest.mark.parametrize(
    "path", ["../secret.png", "/etc/passwd", "cat/../../secret.png", "dog/out.png", "out/secret.png"]
)
def test_paths_that_leave_the_folder_are_refused_by_name(root, tmp_path, path):
    (tmp_path / "secret.png").write_bytes(b"x")
    os.symlink(tmp_path / "secret.png", root / "dog/out.png")
    os.symlink(tmp_path, root / "out")
    with pytest.raises(InputError, match=f"{path}' leaves the data folder"):
        check(["cat/1.png", path], root)


def test_a_way_out_and_in_again_is_made_plain(root):
    paths, _ = check(["../animals/cat/1.png"], root)
    assert paths.tolist() == ["cat/1.png"]


def test_root_behind_a_link(root, tmp_path):
    os.symlink(root, tmp_path / "link")
    paths, _ = check(["cat/1.png", str(tmp_path / "link/dog/1.webp")], tmp_path / "link")
    assert paths.tolist() == ["cat/1.png", "dog/1.webp"]
