"""The fast path gives what Pillow gives, and declines whatever it is not sure of."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

import burnish.tasks.decoding as decoding
from burnish.tasks.decoding import MAX_PIXELS, UnreadableError, decode
from burnish.tasks.plain_images import PNG_START, TURNS, decode_plain

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (23, 37, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(NOISE[:6, :8]).resize((90, 61), Image.Resampling.BICUBIC))


def as_file(pixels, kind, **options):
    file = BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, kind, **options)
    return file.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def text(key):
    info = PngInfo()
    info.add_itxt(key, "x")
    return info


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png, new):
    return png[:33] + new + png[33:]  # after the header


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PNG = as_file(NOISE, "PNG")
PLAIN = {
    "grey.png": as_file(NOISE[..., 0], "PNG"),
    "colour.png": PNG,
    "gamma.png": with_chunk(PNG, chunk(b"gAMA", struct.pack(">I", 100_000))),
    "profile.png": as_file(NOISE, "PNG", icc_profile=PROFILE),
    "text.png": as_file(NOISE, "PNG", pnginfo=text("Software"), dpi=(72, 72)),
    "grey.jpg": as_file(SMOOTH[..., 0], "JPEG"),
    "colour.jpg": as_file(SMOOTH, "JPEG", quality=90),
    "whole.jpg": as_file(SMOOTH, "JPEG", subsampling=0),
    "progressive.jpg": as_file(SMOOTH, "JPEG", progressive=True),
    "rgb.jpg": as_file(SMOOTH, "JPEG", keep_rgb=True),
    "profile.jpg": as_file(SMOOTH, "JPEG", icc_profile=PROFILE, comment="x"),
    **{f"turned{turn}.jpg": as_file(SMOOTH, "JPEG", exif=orientation(turn)) for turn in range(10)},
}
ODD = {
    "alpha.png": as_file(np.dstack([NOISE, NOISE[..., 0]]), "PNG"),
    "grey_alpha.png": as_file(Image.fromarray(NOISE).convert("LA"), "PNG"),
    "palette.png": as_file(Image.fromarray(NOISE).quantize(16), "PNG"),
    "bits.png": as_file(Image.fromarray(NOISE).convert("1"), "PNG"),
    "deep.png": as_file(NOISE[..., 0].astype(np.uint16) * 200, "PNG"),
    "transparent.png": as_file(NOISE, "PNG", transparency=tuple(NOISE[0, 0].tolist())),
    "turned.png": as_file(NOISE, "PNG", exif=orientation(6)),
    "xmp.png": as_file(NOISE, "PNG", pnginfo=text("XML:com.adobe.xmp")),
    "animated.png": as_file(NOISE, "PNG", save_all=True, append_images=[Image.fromarray(255 - NOISE)]),
    "checksum.png": PNG[:-20] + bytes([PNG[-20] ^ 1]) + PNG[-19:],
    "short.png": PNG_START + PNG[8:33] + chunk(b"IDAT", zlib.compress(b"\0" * 50)) + chunk(b"IEND", b""),
    "inks.jpg": as_file(Image.fromarray(SMOOTH).convert("CMYK"), "JPEG"),
    "tail.jpg": as_file(SMOOTH, "JPEG") + b"tail",
    "empty": b"",
    "text": b"no image",
    "jpeg.start": b"\xff\xd8",
}


def outcome(path):
    try:
        return decode(path)
    except UnreadableError as error:
        return str(error)


def without_fast_path(path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(decoding, "decode_plain", lambda *_: None)
        return outcome(path)


def check_same(content, tmp_path, monkeypatch):
    path = tmp_path / "image"
    path.write_bytes(content)
    ours, pillow = outcome(path), without_fast_path(path, monkeypatch)
    if isinstance(pillow, str):
        assert ours == pillow
    else:
        assert np.array_equal(ours.pixels, pillow.pixels)
        assert np.array_equal(ours.raw, pillow.raw)


@pytest.mark.parametrize("name", PLAIN)
def test_everyday_files_are_decoded_as_pillow_does(name, tmp_path, monkeypatch):
    assert decode_plain(PLAIN[name], MAX_PIXELS) is not None
    check_same(PLAIN[name], tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ODD)
def test_all_else_is_declined(name, tmp_path, monkeypatch, capfd):
    assert decode_plain(ODD[name], MAX_PIXELS) is None
    if ODD[name]:
        check_same(ODD[name], tmp_path, monkeypatch)
    assert name == "short.png" or capfd.readouterr().err == ""  # libpng complains there


def test_every_orientation_is_tried():
    assert set(TURNS) == set(range(2, 9))
    shapes = {turn: decode_plain(PLAIN[f"turned{turn}.jpg"], MAX_PIXELS).shape[:2] for turn in range(1, 9)}
    assert all(shape == ((90, 61) if turn >= 5 else (61, 90)) for turn, shape in shapes.items())


@pytest.mark.parametrize("name", ["colour.png", "colour.jpg", "progressive.jpg", "turned6.jpg"])
def test_a_cut_file_is_never_a_picture(name, tmp_path, monkeypatch):
    whole = PLAIN[name]
    for length in {*range(1, len(whole), 37), len(whole) - 1, len(whole) - 2, len(whole) - 12}:
        assert decode_plain(whole[:length], MAX_PIXELS) is None, length
    check_same(whole[: len(whole) // 2], tmp_path, monkeypatch)


def test_a_marker_among_the_pixels_is_not_read_over(tmp_path, monkeypatch):
    whole = PLAIN["colour.jpg"]
    place = len(whole) * 3 // 4
    damaged = whole[:place] + b"\xff\x7a" + whole[place + 2 :]
    assert decode_plain(damaged, MAX_PIXELS) is None
    check_same(damaged, tmp_path, monkeypatch)


def test_large_ones_are_left_to_others():
    assert decode_plain(PNG, 23 * 37) is not None
    assert decode_plain(PNG, 23 * 37 - 1) is None
