"""A finished run as `burnish review` and `burnish apply` find it, made in a moment: files only, nothing is learnt.

Twelve examples of three classes; six are suspects: two wait in dev, one in train, one in test has no label, one was
relabelled and one dropped by the machine. One id reads as a formula, one class as HTML.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

CLASSES = ("-dog", "<b>cat</b>", "hen")
DOG, CAT, HEN = CLASSES
ROWS = 12
WAITING = ["=e3", "e1", "e5", "e7"]  # worst first
AUTOMATIC = ["e9", "e10"]
SHEET = [
    "id", "split", "source", "label", "suggested_label", "label_quality", "action", "reason", "voice_model",
    "voice_neighbours", "decision", "new_label",
]  # fmt: skip


def examples_table(kind: str) -> pd.DataFrame:
    """The examples table of the run."""
    table = pd.DataFrame({"id": [f"e{i}" for i in range(ROWS)], "label": [CLASSES[i % 3] for i in range(ROWS)]})
    table.loc[3, "id"] = "=e3"
    table["source"], table["group"] = "all", np.nan
    if kind == "images":
        table["image"] = [f"pictures/{i}.png" for i in range(ROWS)]
    table["split"] = [
        "train",
        "dev",
        "train",
        "dev",
        "train",
        "train",
        "dev",
        "test",
        "test",
        "train",
        "train",
        "train",
    ]
    table["label_quality"], table["suggestion_quality"], table["suggested_label"] = 0.95, 0.95, table["label"]
    table["voice_model"], table["voice_neighbours"] = 0.9, np.nan
    table["label_issue"], table["action"], table["reason"] = False, "keep", ""
    table["final_label"] = table["label"]
    for row, quality, action in ((3, 0.01, "review"), (1, 0.02, "review"), (5, 0.3, "review"), (9, 0.0, "relabel")):
        other = CLASSES[(row + 1) % 3]
        named = ["label_quality", "suggestion_quality", "suggested_label", "label_issue", "action", "reason"]
        table.loc[row, named] = [quality, 1 - quality, other, True, action, f"looks like {other}"]
    table.loc[9, "final_label"] = table.loc[9, "suggested_label"]
    table.loc[7, ["label", "final_label", "label_quality", "action", "reason"]] = [
        None,
        None,
        np.nan,
        "review",
        "no label",
    ]
    table.loc[10, ["final_label", "label_quality", "action", "reason"]] = [None, 0.05, "drop", "blank"]
    text = ["id", "label", "source", "suggested_label", "action", "reason", "final_label", "split"]
    return table.astype(dict.fromkeys([*text, *(["image"] if kind == "images" else [])], "str"))


def make_run(folder: Path, kind: str = "table") -> Path:
    """Write data and run folder; give the latter."""
    table = examples_table(kind)
    data = pd.DataFrame({"id": table["id"], "kind": table["label"], "size": np.arange(ROWS) / 4, "note": "<i>x</i>"})
    config = {"path": str(folder / "data.csv"), "label": "kind", "id": "id"}
    if kind == "images":
        (folder / "pictures").mkdir(parents=True)
        rng = np.random.default_rng(0)
        for i in range(ROWS):
            Image.fromarray(rng.integers(0, 255, (20, 20), dtype=np.uint8)).save(folder / f"pictures/{i}.png")
        data = data[["id", "kind"]].assign(image=table["image"])
        config["image"] = "image"
    run = folder / "run"
    (run / "cleaned").mkdir(parents=True)
    data.to_csv(folder / "data.csv", index=False)
    (run / "cleaned/data.csv").write_text("as it was\n")
    (run / "config.yaml").write_text(json.dumps({"name": "zoo", "data": config}))
    table.to_parquet(run / "examples.parquet", index=False)
    labels = {"issues": 4, "issues_by_split": {"train": 2, "dev": 2}, "actions": {"review": 4}}
    summary = {"name": "zoo", "kind": kind, "dataset": {"rows": ROWS, "classes": list(CLASSES)}, "labels": labels}
    (run / "summary.json").write_text(json.dumps(summary | {"review": None, "findings": []}))
    np.save(run / "neighbours.npy", np.array([[(i + 1) % ROWS, (i + 2) % ROWS, -1] for i in range(ROWS)], np.int32))
    waiting = table[table["action"] == "review"].sort_values("label_quality", kind="stable")
    from burnish.tasks.cleaned import escape_formulas

    escape_formulas(waiting.assign(decision="", new_label="")[SHEET]).to_csv(run / "review.csv", index=False)
    return run


def answers(run: Path) -> dict[str, tuple[str, str]]:
    """What review.csv says on disk: id → decision, new label; rows without an answer left out."""
    sheet = pd.read_csv(run / "review.csv", dtype=str, keep_default_na=False)
    ids = sheet["id"].str.removeprefix("'")
    said = zip(ids, sheet["decision"], sheet["new_label"], strict=True)
    return {id: (decision, label) for id, decision, label in said if decision}
