import pandas as pd

from burnish.tasks.data_docs import write_data_docs
from burnish.tasks.validate import learn_suite

SCRIPT = "<script>alert(1)</script>"


def test_pages_are_written_with_a_warning(tmp_path):
    frame = pd.DataFrame({"a": ["x", "y"] * 50, "n": range(100)})
    suite = learn_suite(frame.assign(gone=1))
    frame.loc[:30, "a"] = SCRIPT
    finding = write_data_docs(frame, suite, tmp_path / "docs")
    assert (tmp_path / "docs" / "index.html").is_file()
    assert "unescaped" in finding.explanation
    pages = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "docs").rglob("*.html"))
    assert SCRIPT in pages, "Great Expectations escapes cells by now: take the warning out"
