"""Are rows read as they stand, and those that are not like the header told?"""

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registers import rows
from gateway.registers.store import RegisterError


def read(path, **options):
    header, found, bad = rows.read(path, **options)
    return header, [list(row) for row in found], bad


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_any_dialect(tmp_path, delimiter, encoding):
    path = tmp_path / "t.csv"
    lines = [delimiter.join(["name", "note"]), delimiter.join(["Ann", f'"a{delimiter} ""b""\nc"'])]
    path.write_text("\r\n".join(lines) + "\r\n", encoding, newline="")
    assert read(path)[:2] == (["name", "note"], [["Ann", f'a{delimiter} "b"\nc']])


def test_bad_rows_are_counted_by_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n3\n\n4,5,6\n7,\xff\n8,9\n")
    _, found, bad = read(path)
    assert found == [["1", "2"], ["8", "9"]]
    assert (bad.count, bad.first) == (3, [3, 5, 6])
    assert read(path, encoding="latin-1")[1][1] == ["7", "ÿ"]


def test_what_is_no_table_is_an_error(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("")
    with pytest.raises(RegisterError, match="no header"):
        read(path)
    path.write_text("a\n")
    with pytest.raises(RegisterError, match="no encoding"):
        read(path, encoding="nonsense")
    with pytest.raises(RegisterError, match="cannot be read"):
        read(tmp_path / "none.csv")
    path.write_bytes(b"PK\x03\x04nonsense")
    with pytest.raises(RegisterError, match="no workbook"):
        read(path)


def test_workbooks(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["name", "number", "empty"])
    book.active.append(["Ann", 12345, None])
    book.save(tmp_path / "t.xlsx")
    assert read(tmp_path / "t.xlsx")[:2] == (["name", "number", "empty"], [["Ann", "12345", ""]])


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_an_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        header, found, _ = read(path)
    except RegisterError:
        return
    assert all(len(row) == len(header) for row in found)


def test_terms_are_lines(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("\ufeffProject Apollo\n\n  Zebra-7 \r\n".encode() + b"\xff\n")
    bad = rows.Bad()
    assert list(rows.terms(path, bad)) == [["Project Apollo"], ["Zebra-7"]]
    assert bad.count == 1
