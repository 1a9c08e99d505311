import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from burnish.tasks.thumbnails import SIDE, as_png, thumbnail


@pytest.mark.parametrize("shape", [(10, 12), (10, 12, 1), (10, 12, 3)])
def test_small_pictures_come_back_as_they_are(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    back = np.asarray(Image.open(io.BytesIO(as_png(pixels))))
    assert (back == pixels.squeeze()).all()


def test_large_pictures_shrink_and_keep_their_shape() -> None:
    back = Image.open(io.BytesIO(as_png(np.zeros((400, 200, 3), np.uint8))))
    assert back.size == (SIDE // 2, SIDE)


def test_what_cannot_be_read_or_lies_outside_has_no_picture(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "bad.png").write_bytes(b"no picture")
    Image.new("L", (4, 4)).save(tmp_path / "outside.png")
    assert thumbnail(tmp_path / "inside", "bad.png") is None
    assert thumbnail(tmp_path / "inside", "../outside.png") is None
    assert thumbnail(tmp_path, "outside.png") is not None
