"""Scanning image files: pixels, hashes, flags and findings, row by row, whatever some files are like."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from burnish.tasks.findings import InputError
from burnish.tasks.image_quality import FLAGS
from burnish.tasks.images import BATCH, measure_images


def picture(seed, width=24, height=20, channels=1):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    colour = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
    page = colour if channels == 3 else np.ascontiguousarray(colour[..., 0])
    page = page.copy()
    page[height // 3 : height // 2, width // 4 : width // 2] = 255 - page[height // 3 : height // 2, :1][:, :1]
    return page


def write(folder, pages, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{row:04d}{suffix}" for row in range(len(pages))]
    for name, page in zip(names, pages, strict=True):
        Image.fromarray(page).save(folder / name)
    return names


def test_rows_are_aligned_whatever_the_threads(tmp_path):
    pages = [picture(seed) for seed in range(BATCH + 30)]
    names = write(tmp_path, pages)
    one = measure_images(tmp_path, names, size=20, threads=1)
    four = measure_images(tmp_path, names, size=20, threads=4)
    assert np.array_equal(one.pixels, four.pixels)
    pd.testing.assert_frame_equal(one.quality, four.quality)
    backwards = measure_images(tmp_path, names[::-1], size=20)
    assert np.array_equal(one.pixels[::-1], backwards.pixels)
    pd.testing.assert_frame_equal(one.quality[::-1].reset_index(drop=True), backwards.quality)


def test_size_is_the_median_shorter_side_in_steps_of_four(tmp_path):
    assert measure_images(tmp_path, write(tmp_path, [picture(1, 30, 23)] * 3)).pixels.shape == (3, 20, 20, 1)
    assert measure_images(tmp_path, write(tmp_path, [picture(1, 300, 230)] * 3)).pixels.shape == (3, 32, 32, 1)
    assert measure_images(tmp_path, ["0000.png"], largest=128).pixels.shape == (1, 128, 128, 1)
    assert measure_images(tmp_path, write(tmp_path, [picture(1, 9, 6)] * 3)).pixels.shape == (3, 16, 16, 1)
    assert measure_images(tmp_path, ["0000.png"], size=48).pixels.shape == (1, 48, 48, 1)
    with pytest.raises(InputError, match="at least 8"):
        measure_images(tmp_path, ["0000.png"], size=4)


def test_pixels_of_the_wanted_size_are_not_touched(tmp_path):
    pages = [picture(seed, 32, 32) for seed in range(4)]
    assert np.array_equal(measure_images(tmp_path, write(tmp_path, pages)).pixels[..., 0], np.stack(pages))


def test_one_colour_image_makes_all_of_them_rgb(tmp_path):
    names = write(tmp_path, [picture(0, 32, 32), picture(1, 32, 32, channels=3)])
    pixels = measure_images(tmp_path, names).pixels
    assert pixels.shape == (2, 32, 32, 3)
    assert np.array_equal(pixels[0, ..., 0], picture(0, 32, 32))
    assert np.array_equal(pixels[1], picture(1, 32, 32, channels=3))


def test_content_hash_sees_pixels_not_files(tmp_path):
    page = picture(3)
    names = write(tmp_path, [page, page.T, page + 1])
    Image.fromarray(page).save(tmp_path / "same.bmp")
    Image.fromarray(np.stack([page] * 3, axis=2)).save(tmp_path / "same.webp", lossless=True)
    hashes = measure_images(tmp_path, [*names, "same.bmp", "same.webp"]).quality["content_hash"]
    assert hashes[0] == hashes[3] == hashes[4]
    assert hashes[:3].nunique() == 3
    assert hashes.str.len().eq(64).all()


def test_unreadable_images_cost_their_row_only(tmp_path):
    names = write(tmp_path, [picture(seed) for seed in range(5)])
    (tmp_path / "zero.png").write_bytes(b"")
    (tmp_path / "half.png").write_bytes((tmp_path / names[0]).read_bytes()[:80])
    scan = measure_images(tmp_path, ["zero.png", *names, "half.png", "absent.png", np.nan], ids=list("abcdefghi"))
    quality = scan.quality
    assert quality["unreadable"].tolist() == [True] + [False] * 5 + [True] * 3
    assert quality["unreadable_reason"][0] == "empty file"
    assert quality["unreadable_reason"][8] == "no image path"
    assert quality["unreadable_reason"].isna().tolist() == [False] + [True] * 5 + [False] * 3
    bad = quality["unreadable"].to_numpy()
    assert (scan.pixels[bad] == 0).all()
    assert (quality.loc[bad, "content_hash"] == "").all()
    assert (quality.loc[bad, "perceptual_hash"] == 0).all()
    assert not quality.loc[bad, list(FLAGS)].to_numpy().any()
    finding = scan.findings[0]
    assert (finding.code, finding.count, finding.ids) == ("images.unreadable", 4, ("a", "g", "h", "i"))
    assert "empty file" in finding.explanation


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"none of the 2 images .* can be read .*'a\.png'"):
        measure_images(tmp_path, ["a.png", "b.png"])
    with pytest.raises(InputError, match="there is no image"):
        measure_images(tmp_path, [])
    with pytest.raises(InputError, match="leaves the data folder"):
        measure_images(tmp_path, ["../a.png"])


def test_columns_and_types(tmp_path):
    quality = measure_images(tmp_path, write(tmp_path, [picture(seed) for seed in range(3)])).quality
    assert quality["perceptual_hash"].dtype == np.uint64
    assert all(quality[flag].dtype == bool for flag in (*FLAGS, "unreadable"))
    assert quality[["width", "height"]].to_numpy().tolist() == [[24, 20]] * 3
    assert quality["content_hash"].dtype == "str"
    assert quality["unreadable_reason"].dtype == "str"


def test_twelve_bit_images_use_the_whole_scale(tmp_path):
    for row in range(3):
        Image.fromarray(picture(row, 32, 32).astype(np.uint16) * 16).save(tmp_path / f"{row}.tiff")
    pixels = measure_images(tmp_path, [f"{row}.tiff" for row in range(3)]).pixels
    expected = np.stack([picture(row, 32, 32) for row in range(3)])
    assert np.abs(pixels[..., 0].astype(int) - expected).max() <= 1


def test_all_is_well_is_said(tmp_path):
    findings = measure_images(tmp_path, write(tmp_path, [picture(seed) for seed in range(20)])).findings
    assert [(finding.code, finding.severity) for finding in findings] == [("images.quality", "ok")]


def test_a_flag_is_a_finding_with_ids(tmp_path):
    pages = [picture(seed) for seed in range(40)]
    pages[7] = np.full((20, 24), 200, np.uint8)
    findings = measure_images(tmp_path, write(tmp_path, pages)).findings
    assert [(finding.code, finding.ids) for finding in findings] == [("images.blank", ("0007.png",))]


def test_progress_counts_to_the_end(tmp_path):
    seen = []
    names = write(tmp_path, [picture(0, 8, 8)] * (BATCH + 5))
    measure_images(tmp_path, names, progress=seen.append)
    assert seen == [BATCH, BATCH + 5]


def test_large_images_are_judged_at_their_own_size(tmp_path):
    rng = np.random.default_rng(0)
    pages = [np.kron(rng.integers(0, 256, (20, 30), dtype=np.uint8), np.ones((15, 15), np.uint8)) for _ in range(20)]
    pages[4] = np.asarray(Image.fromarray(pages[4]).resize((60, 40)).resize((450, 300), Image.Resampling.BICUBIC))
    quality = measure_images(tmp_path, write(tmp_path, pages)).quality
    assert quality.index[quality["blurry"]].tolist() == [4]


def test_a_whole_batch_may_be_unreadable(tmp_path):
    names = write(tmp_path, [picture(seed, 32, 32) for seed in range(3)])
    scan = measure_images(tmp_path, [f"absent-{row}.png" for row in range(BATCH)] + names)
    assert scan.quality["unreadable"].sum() == BATCH
    assert scan.quality["brightness"].notna().sum() == 3
    assert scan.quality["content_hash"].dtype == "str"
