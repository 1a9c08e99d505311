"""A run as the report sees it: a summary with every key, an examples table and thumbnails of real handwritten digits.

`python tests/tasks/example_run.py PAGE.html` writes the page, to look at it.
"""

import io
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits

LOOKALIKE = {0: 6, 1: 7, 2: 3, 3: 8, 4: 9, 5: 6, 6: 0, 7: 1, 8: 3, 9: 4}


def rate(count: int, total: int) -> dict[str, Any]:
    """Wilson's interval at 95%, as metrics.error_rate gives it."""
    p, z = count / total, 1.959964
    middle, half = p + z * z / (2 * total), z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    low, high = ((middle + sign * half) / (1 + z * z / total) for sign in (-1, 1))
    return {"value": p, "low": max(0.0, low), "high": min(1.0, high), "count": count, "total": total}


def gap(value: float, half: float, *, material: bool, known: bool = True, of: str = "") -> dict[str, Any]:
    ends = {"value": value, "low": value - half, "high": value + half}
    return (ends if known else dict.fromkeys(ends)) | {"material": material, "known": known, "from": of}


def finding(
    code: str, title: str, severity: str, explanation: str = "", method: str = "", advice: str = "", ids: Any = ()
):
    return {
        "code": code,
        "title": title,
        "severity": severity,
        "explanation": explanation,
        "method": method,
        "advice": advice,
        "count": len(ids),
        "ids": list(ids),
    }


def measurement(wrong: int, total: int, classes: list[str], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    k = len(classes)
    per = total // k
    confusion = np.diag([per] * k)
    for _ in range(wrong):
        i = int(rng.integers(k))
        j = LOOKALIKE.get(i % 10, 0) if rng.random() < 0.7 else int(rng.integers(k))
        if i != j and j < k:
            confusion[i, j] += 1
            confusion[i, i] -= 1
    recall = np.diag(confusion) / confusion.sum(1)
    precision = np.diag(confusion) / confusion.sum(0)
    f_beta = 2 * precision * recall / (precision + recall)
    mean = {"precision": float(precision.mean()), "recall": float(recall.mean()), "f_beta": float(f_beta.mean())}
    harmonic = {
        "precision": float(1 / np.mean(1 / precision)),
        "recall": float(1 / np.mean(1 / recall)),
        "f_beta": float(1 / np.mean(1 / f_beta)),
    }
    return {
        "error": rate(wrong, total),
        "accuracy": rate(total - wrong, total),
        "log_loss": 0.31 * wrong / 12,
        "per_class": [
            {
                "class": c,
                "support": int(confusion[i].sum()),
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f_beta": float(f_beta[i]),
            }
            for i, c in enumerate(classes)
        ],
        "arithmetic": mean,
        "harmonic": harmonic,
        "beta": 1.0,
        "confusion": confusion.tolist(),
        "milliseconds_per_example": 0.021,
    }


def digits_summary() -> dict[str, Any]:
    """A summary of a run on the digits, every key filled."""
    classes = [str(d) for d in range(10)]
    rng = np.random.default_rng(0)
    noise = np.eye(10) * 0.92
    for i, j in LOOKALIKE.items():
        noise[i, j] += 0.055
    noise += rng.random((10, 10)) * 0.006 * (1 - np.eye(10))
    noise /= noise.sum(1, keepdims=True)
    parts = {"train": 1055, "train_dev": 56, "dev": 370, "test": 369}
    steps = [
        finding(
            "diagnosis.data_mismatch",
            "Make training data look like the phone's",
            "warning",
            "The model does well on scanner images it has never seen (3.6% wrong) and badly on dev (8.4%): it learnt "
            "the scanner, not the digits.",
            "Dev error minus train-dev error, with a 95% interval that leaves out nought.",
            "Collect 200 or more phone images for training, or turn on augment: noise, which copies the phone's blur.",
        ),
        finding(
            "labels.review",
            "Judge the 43 suspects in dev and test",
            "info",
            "They make up to a third of the measured error, and no machine may change the labels it is judged by.",
            "Four voices: out-of-fold model, clusters, neighbours, dynamics.",
            "burnish review reports/digits/2026-11-22T05-00-00",
            ids=["3/img_0193.png", "8/img_1204.png"],
        ),
        finding(
            "diagnosis.variance",
            "Regularise after that",
            "info",
            "Train-dev error is 1.3 points above train error.",
            "Train-dev error minus train error.",
            "Raise train.weight_decay, or add augmentation.",
        ),
    ]
    findings = [
        finding(
            "labels.issues",
            "138 training labels are probably wrong (13%)",
            "warning",
            "Wrong labels teach wrong things.",
            "Four voices.",
            "Look at the gallery.",
            ids=["3/img_0193.png", "8/img_1204.png", "1/img_0007.png"],
        ),
        finding(
            "mismatch.differs",
            "Phone and scanner images do not look alike",
            "warning",
            "A model tells them apart with AUC 0.94.",
            "Classifier two-sample test.",
            "",
        ),
        finding(
            "images.blank",
            "2 images are blank",
            "warning",
            "Nothing can be learnt from them.",
            "Standard deviation of grey.",
            "",
            ids=["0/img_1800.png", "4/img_1801.png"],
        ),
        finding("split.even", "Every label × source cell is within 0.8 examples of its share", "ok"),
        finding("outliers.not_applicable", "Limits do not apply: images have no numeric columns", "not_applicable"),
        finding("diagnosis.no_human", "Avoidable bias cannot be told: no human error was given", "cannot_tell"),
    ]
    errors = {
        "human": rate(7, 1000),
        "bayes": 0.007,
        "train": rate(8, 1055),
        "train_dev": rate(2, 56),
        "dev": rate(31, 370),
        "dev_by_source": {"scanner": rate(8, 296), "phone": rate(23, 74)},
        "test": rate(28, 369),
        "test_as_given": rate(52, 369),
    }
    rounds = [
        {
            "round": i,
            "trained_on": n,
            "relabelled": r,
            "dropped": d,
            "changed": c,
            "changed_share": c / 1055,
            "dev_error": rate(w, 370),
            "train_error": rate(t, 1055),
            "stopped": "labels stopped moving" if i == 3 else None,
        }
        for i, (n, r, d, c, w, t) in enumerate(
            [(1055, 0, 0, 0, 58, 90), (1049, 104, 6, 110, 39, 14), (1049, 118, 6, 17, 32, 9), (1049, 120, 6, 3, 31, 8)]
        )
    ]
    categories = [
        ("source: phone", 23),
        ("mislabelled (suspect)", 12),
        ("blurry", 9),
        ("low confidence", 8),
        ("outlier", 3),
        ("blank", 2),
    ]
    return {
        "name": "digits",
        "run": "2026-11-22T05-00-00",
        "burnish": "0.1.0",
        "kind": "images",
        "seed": 0,
        "device": "cpu",
        "threads": 2,
        "headline": [
            "138 of 1,055 training labels are probably wrong",
            "test error 14.1% as given, 7.6% after cleaning",
        ],
        "findings": findings,
        "dataset": {
            "path": "data/digits",
            "rows": 1850,
            "classes": classes,
            "class_counts": dict.fromkeys(classes, 185),
            "sources": {"scanner": 1480, "phone": 370},
            "attributes": 0,
            "missing_labels": 0,
            "unreadable": 1,
        },
        "splits": {
            "sizes": parts,
            "by_source": {p: {"scanner": round(n * 0.8), "phone": n - round(n * 0.8)} for p, n in parts.items()},
            "by_label": {p: dict.fromkeys(classes, n // 10) for p, n in parts.items()},
            "largest_cell_deviation": 0.8,
            "leaks": 0,
        },
        "validation": {
            "success": True,
            "checks": 3,
            "failed": 1,
            "critical": 0,
            "suite": "validation/suite.json",
            "results": [
                {
                    "expectation": "expect_column_values_to_be_unique",
                    "column": "id",
                    "severity": "critical",
                    "success": True,
                    "observed": 0,
                    "examples": [],
                    "ids": [],
                },
                {
                    "expectation": "expect_column_values_to_be_in_set",
                    "column": "label",
                    "severity": "critical",
                    "success": True,
                    "observed": {"missing": 0},
                    "examples": [],
                    "ids": [],
                },
                {
                    "expectation": "expect_column_values_to_be_between",
                    "column": "width",
                    "severity": "warning",
                    "success": False,
                    "observed": {"unexpected": 1, "share": 0.00054},
                    "examples": [640],
                    "ids": ["7/img_0412.png"],
                },
            ],
        },
        "outliers": {"method": "winsorize", "columns": [], "rows": 12, "rows_share": 12 / 1850},
        "duplicates": {"exact": 5, "near": 3, "conflicting": 1, "groups": 8},
        "images": {"blurry": 3, "dark": 0, "bright": 0, "blank": 2, "odd_size": 0, "odd_aspect": 0, "unreadable": 1},
        "labels": {
            "issues": 181,
            "issues_by_split": {"train": 138, "train_dev": 0, "dev": 22, "test": 21},
            "estimated_noise_rate": 0.081,
            "noise_matrix": noise.tolist(),
            "voices": {
                "model": {"agrees": 0.93},
                "clusters": {"agrees": 0.86},
                "neighbours": {"agrees": 0.91},
                "dynamics": {"agrees": 0.92},
            },
            "model": "linear+mlp",
            "actions": {"keep": 1669, "relabel": 120, "drop": 6, "review": 55},
            "train_actions": {"keep": 917, "relabel": 120, "drop": 6, "review": 12},
            "waiting_by_split": {"train": 12, "dev": 22, "test": 21},
            "top_confusions": [{"given": str(j), "suggested": str(i), "count": 20 - i} for i, j in LOOKALIKE.items()],
        },
        "rounds": rounds,
        "metrics": {
            "train": measurement(8, 1055, classes, 1),
            "train_dev": measurement(2, 56, classes, 2),
            "dev": measurement(31, 370, classes, 3),
            "test": measurement(28, 369, classes, 4),
        },
        "test_without_suspects": measurement(15, 348, classes, 5),
        "errors": errors,
        "diagnosis": {
            "avoidable_bias": gap(0.0006, 0.007, material=False, of="train error − human error"),
            "variance": gap(0.028, 0.047, material=False, of="train-dev error − train error"),
            "data_mismatch": gap(0.0481, 0.031, material=True, of="dev error − train-dev error"),
            "dev_overfit": gap(-0.008, 0.038, material=False, of="test error − dev error"),
            "verdict": "data_mismatch",
            "title": "Data mismatch: it learnt the scanner, and is judged on the phone",
            "explanation": "Training images come from the scanner; a fifth of what you care about comes from the "
            "phone, where 31% goes wrong against 2.7% on the scanner. More scanner images, a bigger model or longer "
            "training will not change that.",
            "next_steps": steps,
        },
        "mismatch": [
            {
                "a": "train",
                "b": "train_dev",
                "auc": 0.51,
                "low": 0.44,
                "high": 0.58,
                "p_value": 0.41,
                "verdict": "same",
                "drivers": [],
            },
            {
                "a": "train",
                "b": "dev:phone",
                "auc": 0.94,
                "low": 0.91,
                "high": 0.97,
                "p_value": 0.0001,
                "verdict": "differs",
                "drivers": ["sharpness", "noise"],
            },
            {
                "a": "dev",
                "b": "test",
                "auc": 0.55,
                "low": 0.42,
                "high": 0.67,
                "p_value": 0.2,
                "verdict": "cannot_tell",
                "drivers": [],
            },
        ],
        "error_categories": [
            {
                "category": c,
                "count": n,
                "share_of_errors": n / 31,
                "error_now": 31 / 370,
                "error_if_solved": (31 - n) / 370,
                "low": rate(31 - n, 370)["low"],
                "high": rate(31 - n, 370)["high"],
            }
            for c, n in categories
        ],
        "misclassified": 31,
        "slices": [
            {"slice": "source = phone", "count": 74, "errors": 23, "error": rate(23, 74), "p_value": 1e-9},
            {"slice": "source = phone and label = 8", "count": 9, "errors": 5, "error": rate(5, 9), "p_value": 0.0021},
        ],
        "augmentation": {
            "method": "noise",
            "copies": 1,
            "recipe": {"blur": {"sigma": [0.4, 1.1]}, "gauss": 0.0813, "shift": 1},
        },
        "weights": {
            "components": ["weight_class", "weight_source", "weight_quality", "weight_hard"],
            "min": 0.0,
            "max": 2.25,
            "heaviest": ["8/img_0088.png", "3/img_0031.png"],
        },
        "training": {
            "model": "small convolutional network",
            "parameters": 23_946,
            "epochs": 24,
            "best_epoch": 17,
            "candidates": [
                {"model": "small convolutional network", "log_loss": 0.2104, "error": 0.061}
                | {"behind": 0.0, "low": 0.0, "high": 0.0},
                {"model": "linear", "log_loss": 0.2521, "error": 0.083}
                | {"behind": 0.0417, "low": 0.0312, "high": 0.0522},
            ],
            "history": [
                {"epoch": e, "train_loss": 2.3 * math.exp(-e / 5), "dev_error": 0.07 + 0.8 * math.exp(-e / 3)}
                for e in range(1, 25)
            ],
        },
        "seconds": {
            "read": 1.3,
            "validate": 4.2,
            "features": 6.0,
            "mislabels": 11.8,
            "train": 48.3,
            "analyse": 3.1,
            "report": 0.9,
        },
        "versions": {"python": "3.11.9", "torch": "2.13.0"},
        "config": {"name": "digits", "data": {"path": "data/digits"}, "rounds": 3},
    }


def digits_examples(size: int = 181) -> tuple[pd.DataFrame, np.ndarray]:
    """The suspects and as many sound examples, with their 8 × 8 pixels."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    truth = digits.target[: 2 * size]
    issue = np.arange(2 * size) < size
    given = np.array([LOOKALIKE[int(t)] if wrong else t for t, wrong in zip(truth, issue, strict=True)])
    quality = np.where(issue, rng.beta(1, 9, 2 * size), rng.beta(9, 1, 2 * size))
    split = np.where(np.arange(2 * size) % 5 == 3, "dev", np.where(np.arange(2 * size) % 5 == 4, "test", "train"))
    action = np.where(~issue, "keep", np.where(split != "train", "review", np.where(quality > 0.3, "drop", "relabel")))
    voices = {
        f"voice_{v}": np.clip(quality + rng.normal(0, 0.12, 2 * size), 0, 1)
        for v in ("model", "clusters", "neighbours", "dynamics")
    }
    frame = pd.DataFrame(
        {
            "id": [f"{g}/img_{i:04d}.png" for i, g in enumerate(given)],
            "label": given.astype(str),
            "source": np.where(rng.random(2 * size) < 0.2, "phone", "scanner"),
            "split": split,
            "label_quality": quality,
            "suggested_label": truth.astype(str),
            "label_issue": issue,
            "action": action,
        }
        | voices
    )
    frame.loc[frame.index % 7 == 0, "voice_clusters"] = np.nan
    return frame, np.round(255 - digits.images[: 2 * size] * 255 / 16).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format="PNG", optimize=True)
    return target.getvalue()


def previews(images: np.ndarray) -> list[tuple[bytes, bytes]]:
    noise = np.random.default_rng(0).normal(0, 30, images[:6].shape)
    return [(png(a), png(np.clip(a + n, 0, 255).astype(np.uint8))) for a, n in zip(images[:6], noise, strict=True)]


if __name__ == "__main__":
    from burnish.tasks.headline import headline
    from burnish.tasks.report import render_report

    table, pixels = digits_examples()
    facts = digits_summary()
    facts["headline"] = headline(facts)
    page = render_report(facts, table, thumbnails=lambda i: png(pixels[i]), previews=previews(pixels))
    Path(sys.argv[1]).write_text(page, encoding="utf-8")
    print("\n".join(facts["headline"]), f"{len(page.encode()):,} bytes", sep="\n")
