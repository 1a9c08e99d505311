"""A batch of 1 M rows × 30 columns held against its contract, beside Great Expectations alone, same expectations.

The batch: 10 real columns, 6 of whole numbers, 6 of categories, 2 of booleans, 2 of dates, postcodes, notes, ids and
labels, with missing values, drawn at random. The contract is learnt by Burnish from 100,000 other rows. Great
Expectations gets the frame in the types it wants, and is asked once as it comes (result format SUMMARY) and once for
verdicts alone (BOOLEAN_ONLY), which is the fastest it can be asked. Once the batch keeps its contract, once 6 of its
columns are broken. Every verdict must be the same, or the program ends in an error.

Each runs in a process of its own that reads the frame from Parquet; imports and reading are not timed. Memory is the
peak of that process less what it held when the check began. End to end is a whole process: `burnish check` on the
Parquet file, without and with its search for wrong cells, and a script that reads it with pandas and validates.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from measured import cores, print_table, resident_kib

BAR, AIM = 1.3, 1.0
CONFIG = "data: {{path: {path}, label: label, id: id}}\nvalidate: {{suite: suite.json}}\n"


def make_batch(n: int, seed: int, broken: bool = False) -> pd.DataFrame:
    """Draw a batch; broken, six columns are of another scale, set, form, type, or mostly missing."""
    rng = np.random.default_rng(seed)
    made: dict[str, object] = {"id": pd.Series([f"r{row:07d}" for row in range(n)], dtype="str")}
    for i in range(10):
        values = rng.lognormal(1, 0.5, n) if i % 2 else rng.normal(size=n)
        made[f"real{i}"] = np.where(rng.random(n) < 0.02 * (i % 3), np.nan, values)
    made |= {f"whole{i}": rng.integers(0, 10 ** (i + 1), n) for i in range(6)}
    for i, count in enumerate((3, 7, 20, 50, 200, 400)):
        made[f"kind{i}"] = pd.Series(
            np.array([f"value {j}" for j in range(count)])[rng.integers(0, count, n)], dtype="str"
        )
    made |= {"yes0": rng.random(n) < 0.5, "yes1": rng.random(n) < 0.1}
    for i in range(2):
        made[f"day{i}"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700 * 86_400, n), unit="s")
    made["postcode"] = pd.Series([f"{code:05d}" for code in rng.integers(0, 99_999, n)], dtype="str")
    made["note"] = pd.Series([f"called {times} times" for times in rng.integers(0, 10**6, n)], dtype="str")
    made["label"] = pd.Series(np.where(rng.random(n) < 0.3, "yes", "no"), dtype="str")
    batch = pd.DataFrame(made)
    if broken:
        some = rng.random(n) < 0.2
        batch["real0"] = batch["real0"] * 100
        batch["real1"] = batch["real1"].mask(rng.random(n) < 0.5)
        batch["whole2"] = batch["whole2"] - 10_000
        batch["kind3"] = batch["kind3"].where(~some, "other")
        batch["postcode"] = batch["postcode"].str.lstrip("0")
        batch["label"] = batch["label"].where(~some, "maybe")
    return batch


def read_batch(path: Path) -> pd.DataFrame:
    """Read with pandas, dates in the only unit that Great Expectations compares fast."""
    frame = pd.read_parquet(path)
    return frame.astype(dict.fromkeys(frame.select_dtypes("datetime"), "datetime64[ns]"))


def check_ours(frame: pd.DataFrame, suite: dict) -> dict[int, bool]:
    from burnish.tasks.validate import enforce_suite

    return {result.number: result.success for result in enforce_suite(frame, suite, frame["id"]).results}


def check_theirs(frame: pd.DataFrame, suite: dict, result_format: str = "SUMMARY") -> dict[int, bool]:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    numbered = [each | {"meta": {"number": number}} for number, each in enumerate(suite["expectations"], start=1)]
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("batch")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    results = batch.validate(
        gx.ExpectationSuite(name="peer", expectations=numbered), result_format=result_format
    ).results
    return {result.expectation_config.meta["number"]: bool(result.success) for result in results}


def check_theirs_briefly(frame: pd.DataFrame, suite: dict) -> dict[int, bool]:
    return check_theirs(frame, suite, "BOOLEAN_ONLY")


CHECKS = {"ours": check_ours, "GX": check_theirs, "GX, verdicts alone": check_theirs_briefly}


def run_child(who: str, folder: Path, batch: str, whole: bool) -> None:
    """Check one batch; print the verdicts, the seconds, and the memory on top of what was held before."""
    warnings.simplefilter("ignore")
    suite = json.loads((folder / "suite.json").read_text())
    if not whole:
        CHECKS[who](make_batch(500, 9), suite)  # imports and caches
    frame = read_batch(folder / f"{batch}.parquet")
    gc.collect()
    pa.default_memory_pool().release_unused()
    before = held_kib()
    reset_peak()
    began = time.perf_counter()
    verdicts = CHECKS[who](frame, suite)
    seconds, peak = time.perf_counter() - began, resident_kib(os.getpid())
    print(json.dumps({"verdicts": verdicts, "seconds": seconds, "gib": (peak - before) / 2**20}))


def held_kib() -> int:
    """Give the memory this process holds now."""
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


def reset_peak() -> None:
    """Forget the peak so far, as reading may have needed more."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(who: str, folder: Path, batch: str) -> dict:
    command = [sys.executable, __file__, "--folder", str(folder), "--child", who, "--batch", batch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{who} on the {batch} batch failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_frame(folder: Path, batch: str) -> list[list[object]]:
    """Check a frame in every way; seconds and memory, where the verdicts are the same."""
    found = {who: measure(who, folder, batch) for who in CHECKS}
    if any(each["verdicts"] != found["GX"]["verdicts"] for each in found.values()):
        raise SystemExit(f"the verdicts on the {batch} batch differ: {found}")
    failed, rows = sum(not verdict for verdict in found["GX"]["verdicts"].values()), []
    for key, unit, bar in (("seconds", "s", f"≤ {BAR}, aim {AIM:g}"), ("gib", "GiB more", "")):
        values = [found[who][key] for who in CHECKS]
        ratio = f"{values[0] / values[1]:.2f}"
        rows.append([f"{batch}, {failed} fail: {unit}", *(f"{value:.2f}" for value in values), ratio, bar])
    return rows


def measure_process(command: list[str], folder: Path) -> tuple[float, float]:
    """Give the seconds and the peak GiB of a whole process."""
    began, peak = time.perf_counter(), 0
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
        while process.poll() is None:
            peak = max(peak, resident_kib(process.pid))
            time.sleep(0.05)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}:\n{(folder / 'said').read_text()}")
    return seconds, peak / 2**20


def measure_whole(folder: Path) -> list[list[object]]:
    """Time whole processes: the contract alone, and `burnish check` as it comes, which also looks for wrong cells."""
    (folder / "c.yaml").write_text(CONFIG.format(path="good.parquet"))
    command = [sys.executable, "-m", "burnish.flows.cli", "check", "c.yaml"]
    alone, ours = measure_process([*command, "--set", "cells.search=false"], folder), measure_process(command, folder)
    child = [sys.executable, str(Path(__file__).resolve()), "--folder", str(folder), "--child", "GX", "--whole"]
    theirs = measure_process(child, folder)
    rows = []
    for at, (name, bar) in enumerate((("seconds", f"≤ {BAR}, aim {AIM:g}"), ("peak GiB", ""))):
        ratio = f"{alone[at] / theirs[at]:.2f}"
        rows.append([name, f"{alone[at]:.1f}", f"{ours[at]:.1f}", f"{theirs[at]:.1f}", ratio, bar])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--part", choices=["frame", "whole"], help="one of the two tables; default: both")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child", choices=list(CHECKS), help=argparse.SUPPRESS)
    parser.add_argument("--batch", default="good", help=argparse.SUPPRESS)
    parser.add_argument("--whole", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(options.child, options.folder, options.batch, options.whole)
        return
    from burnish.tasks.validate import learn_suite

    with tempfile.TemporaryDirectory(prefix="burnish-check-") as name:
        folder = Path(name)
        suite = learn_suite(make_batch(100_000, 1), id_column="id", label_column="label")
        (folder / "suite.json").write_text(json.dumps(suite))
        make_batch(options.rows, 0).to_parquet(folder / "good.parquet")
        size = f"{len(suite['expectations'])} expectations on {options.rows:,} × 30, {cores()} cores"
        if options.part != "whole":
            make_batch(options.rows, 0, broken=True).to_parquet(folder / "broken.parquet")
            header = ["batch", "ours", "GX", "GX, verdicts alone", "ours / GX", "to reach"]
            print_table(f"A frame: {size}", header, [*measure_frame(folder, "good"), *measure_frame(folder, "broken")])
        if options.part != "frame":
            header = [
                "what",
                "the contract alone",
                "burnish check as it comes",
                "pandas + GX",
                "alone / GX",
                "to reach",
            ]
            print_table(f"Whole processes, from Parquet: {size}", header, measure_whole(folder))


if __name__ == "__main__":
    main()
