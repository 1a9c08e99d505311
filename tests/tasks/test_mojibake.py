import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.mojibake import find_mojibake, recover


@given(st.text(st.characters(min_codepoint=0xC0, max_codepoint=0x17F), min_size=1, max_size=10))
def test_utf8_read_as_latin1_is_recovered(text: str) -> None:
    assert recover(text.encode("utf-8").decode("latin-1")) == text


def test_right_text_is_left_alone_and_lost_bytes_have_no_repair() -> None:
    column = read_columns(pd.DataFrame({"a": ["Märzen", "Łódź", "日本", "na\ufffdve", "plain"]}))[0]
    assert [(column.texts[each.code], each.repair) for each in find_mojibake(column)] == [("na\ufffdve", None)]
