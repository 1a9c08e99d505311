"""Which pictures before and after augmentation the report is given."""

from pathlib import Path

from burnish.flows.analyse import previews_of


def test_previews_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "previews").mkdir()
    for number in range(12):
        for name in ("before", "after"):
            (tmp_path / "previews" / f"{number}-{name}.png").write_text(f"{number} {name}")
    assert previews_of(tmp_path) == [(f"{n} before".encode(), f"{n} after".encode()) for n in range(12)]
