import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.text_encoding import detect_encoding, line_of, read_utf8


@pytest.fixture
def write(tmp_path):
    def _write(data):
        path = tmp_path / "t.csv"
        path.write_bytes(data)
        return path

    return _write


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "cp1252", "utf-8-sig", "utf-8"])
def test_every_encoding_works_when_it_is_named(write, encoding):
    path = write("größe,été\n1,2\n".encode(encoding))
    assert read_utf8(path, encoding).decode() == "größe,été\n1,2\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_wide_encoding_is_named_in_the_refusal(write, encoding):
    path = write("a,b\n1,2\n".encode(encoding))
    with pytest.raises(InputError, match=f"set data.encoding: {encoding}$"):
        read_utf8(path)
    with pytest.raises(InputError, match=f"set data.encoding: {encoding}$"):
        read_utf8(path, "latin-1")


def test_utf16_without_mark_is_guessed_from_its_nuls(write):
    with pytest.raises(InputError, match=r"data.encoding: utf-16-le"):
        read_utf8(write("a,b\n1,2\n".encode("utf-16-le")))
    with pytest.raises(InputError, match=r"data.encoding: utf-16-be"):
        read_utf8(write("a,b\n1,2\n".encode("utf-16-be")))


def test_byte_order_mark_of_utf8_is_dropped(write):
    assert read_utf8(write(b"\xef\xbb\xbfa,b\n")) == b"a,b\n"


def test_invalid_utf8_says_the_line(write):
    with pytest.raises(InputError, match=r"line 3 .*0xe9.*not valid UTF-8.*latin-1"):
        read_utf8(write(b"a,b\n1,2\n\xe9,3\n"))


def test_wrong_named_encoding_says_the_line(write):
    with pytest.raises(InputError, match=r"line 2 .*not valid ASCII"):
        read_utf8(write("a\né\n".encode()), "ascii")


@pytest.mark.parametrize("name", ["klingon", "rot13", "base64", "a\0b"])
def test_unknown_encoding(write, name):
    with pytest.raises(InputError, match=r"data.encoding.*is no text encoding"):
        read_utf8(write(b"a\n"), name)


@pytest.mark.parametrize("data", [b"", b" \n\n", b"\xef\xbb\xbf"])
def test_nothing_in_it(write, data):
    with pytest.raises(InputError, match=r"is empty|blank space"):
        read_utf8(write(data))


def test_nul_byte(write):
    with pytest.raises(InputError, match="line 2 has a NUL byte"):
        read_utf8(write(b"a,b\n1,\x002\n" + b"1,2\n" * 100))


@pytest.mark.parametrize(("magic", "what"), [(b"PK\x03\x04", "Excel"), (b"PAR1", "Parquet"), (b"\x1f\x8b", "gzip")])
def test_other_formats_are_named(write, magic, what):
    with pytest.raises(InputError, match=what):
        read_utf8(write(magic + b"rest"))


def test_old_macintosh_lines(write):
    assert read_utf8(write(b"a,b\r1,2\r")) == b"a,b\n1,2\n"
    assert read_utf8(write(b"a,b\r\n1,2\r\n")) == b"a,b\r\n1,2\r\n"


def test_detection_does_not_stumble_over_a_cut_character():
    assert detect_encoding("é".encode()[:1]) is None
    assert detect_encoding(b"\xe9,") == "latin-1"
    assert line_of(b"a\nb\nc", 4) == 3
