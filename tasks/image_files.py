"""Where the images are: a folder of class folders, or a column of paths beside a table. Paths only; nothing is decoded.

A path counts only if it stays in the data folder when every symbolic link is followed: a dataset from elsewhere must
not make Burnish read, thumbnail and copy files of the person who runs it.

Known failure: a hard link to a file outside can't be told from a file inside.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pandas as pd

from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.tables import FORMATS

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_READ = ", ".join(sorted(IMAGE_SUFFIXES))
ENDINGS = 5  # that a sentence names
MANY = 0.1  # of the files passed over: more than strays
_LAYOUT = "expected is one folder a class with the images in it, as in digits/7/0001.png"


def list_class_folders(root: Path) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """List the images of a folder of class folders.

    Parameters
    ----------
    root : Path
        A folder; each folder in it is a class, its images may lie in deeper folders.

    Returns
    -------
    (DataFrame, tuple of Finding)
        Columns `image` (path relative to `root`, with ``/``) and `label` (the class folder's name), sorted by path;
        what was passed over.

    Raises
    ------
    InputError
        No class folders, no images in them, a link that leads out of the folder, a name that is not Unicode.
    """
    within = os.path.realpath(root)
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise InputError(_no_classes_sentence(root))
    images: list[str] = []
    passed: Counter[str] = Counter()
    barren: list[str] = []
    for entry in sorted(root.iterdir()):
        if entry.name not in classes:
            passed[_kind_of(entry.name)] += 1
    for name in classes:
        found = _walk(root, name, within, passed)
        images += found
        if not found:
            barren.append(name)
    if not images:
        others = _endings(passed)
        held = f" (they hold {', '.join(others)} files)" if others else ""
        raise InputError(
            f"{root} has {len(classes)} folders and no image in any of them{held}: {_LAYOUT}; read are {_READ}"
        )
    for path in images:
        _check_unicode(path, root)
    images.sort()
    frame = pd.DataFrame({"image": images, "label": [path.split("/", 1)[0] for path in images]}, dtype="str")
    return frame, _passed_over(passed, barren, len(images))


def check_image_paths(
    paths: pd.Series, ids: pd.Series, root: Path, where: str
) -> tuple[pd.Series, tuple[Finding, ...]]:
    """Check a column of image paths.

    Parameters
    ----------
    paths : Series of str
        Relative to `root`, or absolute and in it; NaN where missing.
    ids : Series of str
        Row-aligned.
    root : Path
        The folder of the table.
    where : str
        Names the column and the file in messages.

    Returns
    -------
    (Series of str, tuple of Finding)
        Paths relative to `root`, "" where there is none; a finding on images that don't exist.

    Raises
    ------
    InputError
        A path leads out of the folder, or no image exists.
    """
    within = os.path.realpath(root)
    given = paths.fillna("").astype("str")
    unique = given.drop_duplicates()
    checked = {path: _relative_path(path, root, within, where) for path in unique}
    exists = {path: bool(inner) and (root / inner).is_file() for path, inner in checked.items()}
    absent = ~given.map(exists).astype(bool)
    if absent.all():
        raise InputError(
            f"{where}: none of the {len(unique):,} images exists ({unique.iloc[0]!r}, …): paths are taken relative to "
            f"the table's folder, {root}"
        )
    relative = pd.Series(given.map(checked), dtype="str")
    if not absent.any():
        return relative, ()
    count = int(absent.sum())
    return relative, (
        Finding(
            code="images.missing",
            title=f"{count:,} of {len(given):,} images do not exist",
            severity="warning",
            explanation="Their examples are kept and shown as unreadable; nothing is learnt from them.",
            method="Paths looked up relative to the table's folder.",
            advice="Put the files there, or take the rows out.",
            count=count,
            ids=tuple(ids[absent.to_numpy()].head(SHOWN_IDS)),
        ),
    )


def _no_classes_sentence(root: Path) -> str:
    names = sorted(entry.name for entry in root.iterdir() if not entry.name.startswith("."))
    tables = [name for name in names if Path(name).suffix.lower() in FORMATS]
    if tables:
        return f"{root} has no class folders but a table, {tables[0]}: point data.path at it"
    images = sum(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in names)
    found = f"{images:,} images and no class folders" if images else "no class folders" if names else "nothing"
    return f"{root} has {found} in it: {_LAYOUT}"


def _walk(root: Path, name: str, within: str, passed: Counter[str]) -> list[str]:
    """List the images under one class folder; links to folders are not followed, so that no loop is walked."""
    _check_link(root / name, root, within)
    found: list[str] = []
    for folder, folders, files in os.walk(root / name):
        for inner in folders:
            if (Path(folder) / inner).is_symlink():
                _check_link(Path(folder) / inner, root, within)
                passed["linked folders"] += 1
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        for file in files:
            path = Path(folder) / file
            if (kind := _kind_of(file)) != "images":
                passed[kind] += 1
                continue
            _check_link(path, root, within)
            found.append(path.relative_to(root).as_posix())
    return found


def _kind_of(name: str) -> str:
    if name.startswith("."):
        return "hidden files"
    suffix = Path(name).suffix.lower()
    return "images" if suffix in IMAGE_SUFFIXES else f"{suffix} files" if suffix else "files without an ending"


def _endings(passed: Counter[str]) -> list[str]:
    """Name the endings of files that were passed over, the commonest first."""
    return [kind.removesuffix(" files") for kind, _ in passed.most_common() if kind.startswith(".")][:ENDINGS]


def _check_link(path: Path, root: Path, within: str) -> None:
    if path.is_symlink() and not _is_inside(os.path.realpath(path), within):
        raise InputError(f"{path} is a link that leaves the data folder {root}: copy what it points at into the folder")


def _is_inside(real: str, within: str) -> bool:
    return real == within or real.startswith(within.rstrip(os.sep) + os.sep)


def _check_unicode(path: str, root: Path) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{root}: the file name {path!r} is not valid UTF-8: rename the file") from None


def _relative_path(path: str, root: Path, within: str, where: str) -> str:
    if not path:
        return ""
    if "\0" in path:
        raise InputError(f"{where}: {path!r} has a NUL in it: give paths of files")
    whole = os.path.realpath(path) if os.path.isabs(path) else os.path.join(within, path)  # noqa: PTH117, PTH118
    # dots are taken away first: the path that is checked must be the path that is opened
    inner = os.path.relpath(whole, within)
    real = os.path.realpath(os.path.join(within, inner))  # noqa: PTH118  (pathlib is four times slower here)
    if inner.startswith(os.pardir) or not _is_inside(real, within):
        raise InputError(f"{where}: {path!r} leaves the data folder {root}: copy the image into the folder")
    return inner.replace(os.sep, "/")


def _counted(kind: str, number: int) -> str:
    """Say how many of a kind.

    >>> _counted("hidden files", 1), _counted(".gif files", 1_200)
    ('1 hidden file', '1,200 .gif files')
    """
    words = kind.replace("files", "file").removesuffix("s") if number == 1 else kind
    return f"{number:,} {words}"


def _passed_over(passed: Counter[str], barren: list[str], taken: int) -> tuple[Finding, ...]:
    findings = []
    count = sum(passed.values())
    if count:
        shown = sorted(passed.most_common(ENDINGS))
        rest = count - sum(number for _, number in shown)
        kinds = ", ".join(_counted(kind, number) for kind, number in shown) + (f", {rest:,} others" if rest else "")
        entries = "entries of the folder are" if count > 1 else "entry of the folder is"
        what = "examples" if count > 1 else "an example"
        lost = sum(number for kind, number in passed.items() if kind != "hidden files")
        findings.append(
            Finding(
                code="images.passed_over",
                title=f"{count:,} {entries} not taken as {what}: {kinds}",
                severity="warning" if lost > MANY * (lost + taken) else "info",
                explanation="Only image files inside class folders are examples.",
                method=f"File names ending in {_READ} inside class folders, not hidden.",
                advice="Move images into their class folder if some lie outside; turn other formats into PNG.",
                count=count,
            )
        )
    if barren:
        hold = "folders hold" if len(barren) > 1 else "folder holds"
        findings.append(
            Finding(
                code="images.empty_class",
                title=f"{len(barren)} class {hold} no image: {', '.join(barren[:5])}",
                severity="warning",
                explanation="A class without examples is no class to Burnish.",
                method="Class folders listed with all folders in them.",
                advice="Fill the folder or remove it.",
                count=len(barren),
            )
        )
    return tuple(findings)
