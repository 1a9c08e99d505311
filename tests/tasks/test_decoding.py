"""Decoding: every format and depth comes out as a person would see it; broken files come out as a reason."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from burnish.tasks.decoding import MAX_PIXELS, UnreadableError, check_paths, decode
from burnish.tasks.findings import InputError

GREY = np.add.outer(np.arange(20), np.arange(12)).astype(np.uint8) * 8
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], axis=2)


def save(folder, pixels, name, **options):
    path = folder / name
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.webp"])
def test_lossless_formats_give_the_same_pixels(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    for pixels in (GREY, COLOUR):
        assert np.array_equal(decode(save(tmp_path, pixels, name, **options)).pixels, pixels)


def test_jpeg_in_grey_and_colour(tmp_path):
    assert decode(save(tmp_path, GREY, "a.jpg", quality=95)).pixels.shape == (20, 12)
    assert np.abs(decode(save(tmp_path, COLOUR, "b.jpg", quality=95)).pixels.astype(int) - COLOUR).mean() < 6


def test_colour_without_colour_is_grey(tmp_path):
    assert np.array_equal(decode(save(tmp_path, np.stack([GREY] * 3, axis=2), "a.png")).pixels, GREY)


def test_deep_grey_is_scaled_and_not_clipped(tmp_path):
    deep = GREY.astype(np.uint16) * 257
    for name in ("a.png", "a.tiff"):
        decoded = decode(save(tmp_path, deep, name))
        assert np.array_equal(decoded.pixels, GREY)
        assert decoded.deepest == deep.max()
    twelve = GREY.astype(np.uint16) * 16
    assert np.abs(decode(save(tmp_path, twelve, "c.tiff"), depth=12).pixels.astype(int) - GREY).max() <= 1


def test_floats_up_to_one_are_shares_of_white(tmp_path):
    assert np.array_equal(decode(save(tmp_path, (GREY / 255).astype(np.float32), "a.tiff")).pixels, GREY)
    with pytest.raises(UnreadableError, match="not finite"):
        decode(save(tmp_path, np.full((4, 4), np.nan, np.float32), "b.tiff"))


def test_cmyk_palette_and_bits(tmp_path):
    picture = Image.fromarray(COLOUR)
    picture.convert("CMYK").save(tmp_path / "a.tiff")
    assert np.abs(decode(tmp_path / "a.tiff").pixels.astype(int) - COLOUR).max() <= 2
    picture.quantize(64).save(tmp_path / "b.png")
    assert np.abs(decode(tmp_path / "b.png").pixels.astype(int) - COLOUR).mean() < 12
    Image.fromarray(GREY).convert("1").save(tmp_path / "c.png")
    assert set(np.unique(decode(tmp_path / "c.png").pixels)) <= {0, 255}


def test_transparent_parts_are_white(tmp_path):
    seen = np.dstack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 255, np.uint8)])
    seen[:4, :, 3] = 0
    seen[4, :, 3] = 128
    pixels = decode(save(tmp_path, seen, "a.png")).pixels
    assert (pixels[:4] == 255).all()
    assert (pixels[5:] == 0).all()
    assert np.abs(pixels[4].astype(int) - 127).max() <= 1
    Image.fromarray(GREY).save(tmp_path / "b.png", transparency=int(GREY[0, 0]))
    assert decode(tmp_path / "b.png").pixels[0, 0] == 255


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tiff", "a.webp"])
def test_exif_orientation_turns_the_image_upright(tmp_path, name):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    save(tmp_path, GREY, name, exif=exif)
    pixels = decode(tmp_path / name).pixels
    assert pixels.shape == (12, 20)
    assert np.abs(pixels.astype(int) - np.rot90(GREY, -1)).max() <= (0 if name in ("a.png", "a.tiff") else 8)


def test_broken_files_give_a_reason(tmp_path):
    whole = save(tmp_path, np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8), "a.png").read_bytes()
    broken = {
        "truncated.png": whole[: len(whole) // 2],
        "header.png": whole[:20],
        "text.png": b"this is no image",
        "nul.jpg": b"\0" * 500,
        "flipped.png": whole[:60] + bytes(255 - byte for byte in whole[60:120]) + whole[120:],
        "empty.png": b"",
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableError, match=r"."):
            decode(tmp_path / name)
    with pytest.raises(UnreadableError, match="empty"):
        decode(tmp_path / "empty.png")
    with pytest.raises(UnreadableError, match="no such file"):
        decode(tmp_path / "absent.png")
    with pytest.raises(UnreadableError, match="not a file"):
        decode(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableError, match="not a file"):
        decode(tmp_path / "pipe.png")


@pytest.mark.parametrize("side", [10_000, 60_000])
@pytest.mark.filterwarnings("error")
def test_bombs_are_refused_by_their_header(tmp_path, side):
    assert side**2 > MAX_PIXELS

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))
    with pytest.raises(UnreadableError, match="too large"):
        decode(tmp_path / "bomb.png")


@pytest.mark.parametrize("path", ["../a.png", "x/../../a.png", "/etc/passwd", "a\0.png"])
def test_paths_out_of_the_folder_are_refused(tmp_path, path):
    with pytest.raises(InputError, match=r"leaves the data folder"):
        check_paths(tmp_path, ["fine.png", path])


def test_links_out_of_the_folder_are_refused_and_links_inside_are_not(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    save(outside, GREY, "a.png")
    save(inside, GREY, "b.png")
    (inside / "link.png").symlink_to(outside / "a.png")
    (inside / "folder").symlink_to(outside)
    (inside / "fine.png").symlink_to(inside / "b.png")
    check_paths(inside, ["b.png", "fine.png"])
    for path in ("link.png", "folder/a.png"):
        with pytest.raises(InputError, match="link out of the data folder"):
            check_paths(inside, [path])
