"""Noise fitted to phone images, on the digits, trained on scanner images: does it look like a phone, does it help?

For each seed half of the phone images are dev, half test; the encoder, the noise and the network learn from scanner
images with the labels as given (8% wrong), and the noise is fitted to dev's phone images. The same network is trained
with no copies, with mild noise and with fitted noise, stopped on dev as `burnish run` stops it; errors of phone images
are against the true labels. The fitted recipe's pictures are compared with the phone images of *test*, which the fit
has not seen, by two classifiers: the quadratic ridge of the mismatch test on raw pixels, and one that is nothing like
it, scikit-learn's gradient boosting on `picture_figures`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measured import mean_and_interval, print_table
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from burnish.tasks.augment import augment_images
from burnish.tasks.encoders import fit_patch_encoder
from burnish.tasks.noise_fit import fit_noise
from burnish.tasks.picture_figures import as_grey, picture_figures
from burnish.tasks.recipes import UNCHANGED, Recipe, mild_recipe
from burnish.tasks.train import predict, train_network
from burnish.tasks.two_samples import compare_samples

DIGITS = Path(__file__).resolve().parent.parent / "data" / "digits"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"


def read() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give pixels, labels as given, true labels, and which are of the phone; without the blank pages."""
    table = pd.read_csv(DIGITS / "made" / "examples.csv")
    truth = pd.read_csv(DIGITS / "made" / "truth.csv", keep_default_na=False)
    written = (truth["planted"] != "blank").to_numpy()
    table, truth = table[written], truth[written]
    pixels = np.stack([np.asarray(Image.open(DIGITS / "made" / name)) for name in table["image"]])[..., None]
    true = truth["true_label"].astype(int).to_numpy()
    return pixels, table["label"].to_numpy(), true, (table["source"] == "phone").to_numpy()


def told_apart(ours: np.ndarray, theirs: np.ndarray, seed: int) -> dict[str, float]:
    """Give the AUC of both classifiers."""
    raw = [side.reshape(len(side), -1).astype(float) for side in (ours, theirs)]
    names = [f"pixel {i}" for i in range(raw[0].shape[1])]
    ridge = compare_samples(*raw, names, permutations=1, rng=np.random.default_rng(seed))
    figures = np.concatenate([picture_figures(as_grey(side))[0] for side in (ours, theirs)])
    which = np.repeat([0, 1], [len(ours), len(theirs)])
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    model = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
    said = cross_val_predict(model, figures, which, cv=folds, method="predict_proba")[:, 1]
    return {"ridge": ridge.auc, "boosting": float(roc_auc_score(which, said))}


def one_seed(seed: int, model: str) -> dict[str, float]:
    """Fit noise, look at it, and train with and without it."""
    pixels, given, true, phone = read()
    rng = np.random.default_rng(seed)
    scanner, (dev, test) = (
        rng.permutation(np.flatnonzero(~phone)),
        np.array_split(rng.permutation(phone.nonzero()[0]), 2),
    )
    began = time.perf_counter()
    fitted = fit_noise(pixels[scanner], pixels[dev], seed=seed)
    assert fitted is not None
    figures = {"seconds": time.perf_counter() - began}
    shown = scanner[: 2 * len(test)]
    for name, recipe in (("none", UNCHANGED), ("fitted", fitted.recipe)):
        made = augment_images(pixels[shown], recipe, seed=seed + 1000)
        figures |= {f"{judge} {name}": auc for judge, auc in told_apart(made, pixels[test], seed).items()}
    encoder = fit_patch_encoder(pixels[scanner], seed=seed)
    encoded = {
        part: encoder.transform(pixels[rows]) for part, rows in (("train", scanner), ("dev", dev), ("test", test))
    }

    def errors(recipe: Recipe | None) -> dict[str, float]:
        copies = [] if recipe is None else [encoder.transform(augment_images(pixels[scanner], recipe, seed=seed))]
        x, y = np.concatenate([encoded["train"], *copies]), np.tile(given[scanner], 1 + len(copies))
        trained = train_network(
            x,
            y,
            dev_features=encoded["dev"],
            dev_labels=given[dev],
            classes=tuple("0123456789"),
            model=model,
            seed=seed,
        )
        said = {part: predict(trained, encoded[part]).argmax(1) for part in ("dev", "test")}
        return {part: float((said[part] != true[rows]).mean()) for part, rows in (("dev", dev), ("test", test))}

    for name, recipe in (("none", None), ("mild", mild_recipe()), ("fitted", fitted.recipe)):
        figures |= {f"{part} {name}": error for part, error in errors(recipe).items()}
    print(f"seed {seed}:", {name: round(value, 3) for name, value in figures.items()}, file=sys.stderr, flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default="mlp", choices=["linear", "mlp"])
    options = parser.parse_args()
    subprocess.run([sys.executable, str(DIGITS / "recipe.py")], check=True)
    figures = pd.DataFrame([one_seed(seed, options.model) for seed in range(options.seeds)])

    def shown(name: str) -> str:
        mean, half = mean_and_interval(figures[name].to_list())
        return f"{mean:.3f} ± {half:.3f}"

    print_table(
        f"Scanner images against phone images of test: AUC, {options.seeds} seeds (mean ± 95%)",
        ["classifier", "un-augmented", "fitted noise", "bar", "aim"],
        [
            ["quadratic ridge on pixels", shown("ridge none"), shown("ridge fitted"), "≤ 0.65", "0.55"],
            ["gradient boosting on figures", shown("boosting none"), shown("boosting fitted"), "≤ 0.65", "0.55"],
        ],
    )
    rows = []
    for part in ("dev", "test"):
        ratio = figures[f"{part} fitted"].mean() / figures[f"{part} none"].mean()
        rows.append([part, *(shown(f"{part} {name}") for name in ("none", "mild", "fitted")), f"{ratio:.2f}"])
    print_table(
        f"Error of phone images against the truth, trained on scanner images ({options.model}, {options.seeds} seeds)",
        ["part", "no noise", "mild noise", "fitted noise", "fitted / none (bar 0.6, aim 0.4)"],
        rows,
    )
    print(f"\nThe fit takes {figures['seconds'].mean():.1f} s.")


if __name__ == "__main__":
    main()
