"""Make the digits demo: real handwritten digits as PNG files, with planted faults whose truth is known.

Writes into `made/` beside this file: `images/<label>/<id>.png`, the table `examples.csv` (id, image, label, source)
and `truth.csv` (id, image, true_label, planted), which no stage of the pipeline reads.
Two sources: a clean flatbed "scanner" (80%) and a "phone" (20%): blurred, noisy, moved, unevenly lit.
Source of the digits: scikit-learn's copy of UCI's Optical Recognition of Handwritten Digits, 1,797 images of 8×8.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
MADE = HERE / "made"
SEED = 20

LOOK_ALIKE = {0: 6, 1: 7, 2: 3, 3: 8, 4: 9, 5: 6, 6: 5, 7: 1, 8: 3, 9: 4}
PHONE_SHARE = 0.20
FLIPPED_SHARE = 0.08
BLANKS = 12
EXACT_COPIES, NEAR_COPIES, COPIES_UNDER_ANOTHER_LABEL = 12, 8, 6
PAPER, INK, INK_SIZE, MARGIN = 240.0, 30.0, 24, 4


def draw(digits: NDArray[np.float64]) -> NDArray[np.float32]:
    """Draw 8×8 digits (0..16) as dark ink on 32×32 paper, smoothly enlarged, with a margin."""
    drawn = np.full((len(digits), INK_SIZE + 2 * MARGIN, INK_SIZE + 2 * MARGIN), PAPER, dtype=np.float32)
    inside = slice(MARGIN, MARGIN + INK_SIZE)
    for page, digit in zip(drawn, digits, strict=True):
        ink = cv2.resize(digit.astype(np.float32) / 16, (INK_SIZE, INK_SIZE), interpolation=cv2.INTER_CUBIC)
        page[inside, inside] -= (PAPER - INK) * ink.clip(0, 1)
    return drawn


def scan(page: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A scanner: next to no noise."""
    return page + rng.normal(0, 1.5, page.shape).astype(np.float32)


def photograph(page: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A phone: moved by up to 2 px, out of focus, dimmer, less contrast, and noisy."""
    across, down = rng.uniform(-2, 2, 2)
    matrix = np.float32([[1, 0, across], [0, 1, down]])
    moved = cv2.warpAffine(page, matrix, page.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), rng.uniform(1.0, 1.6))
    light = rng.uniform(0.65, 0.85)
    return 40 + light * 0.8 * soft + rng.normal(0, rng.uniform(6, 12), page.shape).astype(np.float32)


def take_pictures(pages: NDArray[np.float32], phone: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Picture each page with its own device."""
    taken = [
        photograph(page, rng) if by_phone else scan(page, rng) for page, by_phone in zip(pages, phone, strict=True)
    ]
    return np.stack(taken).round().clip(0, 255).astype(np.uint8)


def flip_labels(true: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Give 8% of the digits the label of their look-alike."""
    given = true.copy()
    for row in rng.choice(len(true), round(FLIPPED_SHARE * len(true)), replace=False):
        given[row] = LOOK_ALIKE[int(true[row])]
    return given


def plant_blanks(rng: np.random.Generator) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Pages that nobody wrote on, under a random label."""
    phone = rng.random(BLANKS) < PHONE_SHARE
    pages = np.full((BLANKS, INK_SIZE + 2 * MARGIN, INK_SIZE + 2 * MARGIN), PAPER, dtype=np.float32)
    facts = pd.DataFrame({"label": rng.integers(0, 10, BLANKS), "true_label": "", "planted": "blank"})
    return take_pictures(pages, phone, rng), facts.assign(source=np.where(phone, "phone", "scanner"))


def plant_copies(
    pictures: NDArray[np.uint8], facts: pd.DataFrame, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Copy some rightly labelled pictures: exactly or a shade lighter; the first six under their look-alike's label."""
    right = np.flatnonzero(facts["planted"] == "none")
    rows = rng.choice(right, EXACT_COPIES + NEAR_COPIES, replace=False)
    copies = pictures[rows].astype(np.float32)
    copies[EXACT_COPIES:] += 3 + rng.normal(0, 1, copies[EXACT_COPIES:].shape)
    copied = facts.iloc[rows].reset_index(drop=True).assign(planted="duplicate")
    moved = rng.permutation(len(rows))[:COPIES_UNDER_ANOTHER_LABEL]
    copied.loc[moved, "label"] = copied.loc[moved, "label"].map(LOOK_ALIKE)
    return copies.round().clip(0, 255).astype(np.uint8), copied


def make() -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Make every picture and what is true of it, in an order that says nothing."""
    rng = np.random.default_rng(SEED)
    digits = load_digits()
    true = digits.target.astype(np.int64)
    phone = rng.random(len(true)) < PHONE_SHARE
    pictures = take_pictures(draw(digits.images), phone, rng)
    given = flip_labels(true, rng)
    facts = pd.DataFrame(
        {
            "label": given,
            "true_label": true.astype(str),
            "planted": np.where(given != true, "mislabel", "none"),
            "source": np.where(phone, "phone", "scanner"),
        }
    )
    copies, copied = plant_copies(pictures, facts, rng)
    blanks, empty = plant_blanks(rng)
    pictures = np.concatenate([pictures, copies, blanks])
    facts = pd.concat([facts, copied, empty], ignore_index=True)
    order = rng.permutation(len(facts))
    facts = facts.iloc[order].reset_index(drop=True)
    facts["id"] = [f"digit-{row:04d}" for row in range(len(facts))]
    facts["image"] = "images/" + facts["label"].astype(str) + "/" + facts["id"] + ".png"
    return pictures[order], facts


def is_complete(made: Path, recipe: str) -> bool:
    """Whether `made` was written to its end by this very recipe, and no picture is missing."""
    stamp = made / "complete.txt"
    if not stamp.is_file() or stamp.read_text() != recipe:
        return False
    table = pd.read_csv(made / "examples.csv", usecols=["image"])
    return all((made / image).is_file() for image in table["image"])


def write(made: Path = MADE) -> Path:
    """Write the demo data into `made`, unless it is there; give the table's path."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if is_complete(made, recipe):
        return made / "examples.csv"
    (made / "complete.txt").unlink(missing_ok=True)
    shutil.rmtree(made / "images", ignore_errors=True)
    pictures, facts = make()
    for label in sorted(facts["label"].unique()):
        (made / "images" / str(label)).mkdir(parents=True)
    for picture, image in zip(pictures, facts["image"], strict=True):
        Image.fromarray(picture).save(made / image)
    facts[["id", "image", "label", "source"]].to_csv(made / "examples.csv", index=False, lineterminator="\n")
    facts[["id", "image", "true_label", "planted"]].to_csv(made / "truth.csv", index=False, lineterminator="\n")
    (made / "complete.txt").write_text(recipe)
    return made / "examples.csv"


if __name__ == "__main__":
    print(write())
