"""Does a file hold numbers only, and is one that is not right refused?"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registers import folder, store, tables
from gateway.registers.passages import Documents
from gateway.registers.passages import build as build_documents
from gateway.registers.prints import Prints
from gateway.registers.store import RegisterError, Stored
from gateway.registers.tables import Column, Table

PRINTS = Prints(bytes(range(32)))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = [[f"person{n}@corp.example", f"Annabel Milltown{n}"] for n in range(50)]
COLUMNS = [Column("email"), Column("name", "name")]


@pytest.fixture
def kept(tmp_path):
    stored = tables.build(COLUMNS, ROWS, PRINTS)
    return folder.put(tmp_path / "registers", "people", stored, PRINTS, now=NOW)


def test_a_file_holds_no_clear_text(kept):
    data = kept.read_bytes().lower()
    for row in ROWS:
        for cell in row:
            for form in (
                cell,
                cell.replace(" ", ""),
                "".join(filter(str.isalnum, cell)),
                cell.split()[0],
            ):
                for written in (form.encode(), form.encode("utf-16-le"), form.encode("utf-32-le")):
                    assert written.lower() not in data
    text = "the merger with the company of the lake is planned for the spring of next year " * 5
    path = folder.put(kept.parent, "papers", build_documents([[text]], PRINTS), PRINTS, now=NOW)
    assert b"merger" not in path.read_bytes()
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_what_was_put_is_loaded(kept):
    register = folder.load(kept, "people", PRINTS)
    assert isinstance(register.data, Table)
    assert register.about["rows"] == 50
    assert folder.names(kept.parent) == ("people",)
    before = register.mark
    folder.put(kept.parent, "people", tables.build(COLUMNS, ROWS[:9], PRINTS), PRINTS, now=NOW)
    assert folder.load(kept, "people", PRINTS).mark != before
    assert len(register.data.forms) > 50  # the old one is whole for whoever has it


def test_another_key_another_name_and_another_kind_are_refused(kept):
    with pytest.raises(RegisterError, match=r"another `register.key`"):
        folder.load(kept, "people", Prints(bytes(32)))
    with pytest.raises(RegisterError, match="another register"):
        folder.load(kept, "others", PRINTS)
    with pytest.raises(RegisterError, match="is missing"):
        folder.load(kept.with_name("none.register"), "none", PRINTS)


@given(st.integers(0), st.binary(min_size=1, max_size=4), st.booleans())
def test_a_changed_file_is_refused(at, change, cut):
    path = (
        Path(os.environ.get("TMPDIR", "/tmp")) / f"register-{os.getpid()}"
    )  # one file for all examples
    store.write(
        path, Stored({"kind": "table", "name": "x"}, {"a": np.arange(9, dtype="<u4")}), PRINTS
    )
    data = bytearray(path.read_bytes())
    at %= len(data)
    before = bytes(data)
    if cut:
        del data[at:]
    else:
        data[at : at + len(change)] = change
    try:
        if bytes(data) == before:
            return
        path.write_bytes(data)
        with pytest.raises(RegisterError):
            store.read(path, PRINTS)
    finally:
        path.unlink()


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"register-{os.getpid()}"  # as above
    path.write_bytes(data)
    try:
        with pytest.raises(RegisterError):
            store.read(path, PRINTS)
    finally:
        path.unlink()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
)
LISTED = st.lists(
    st.tuples(st.text(max_size=4), st.sampled_from(["<u4", "<u8", "|u1", "<f8", "x"]), st.integers(-9, 99), st.integers(-9, 999)),
    max_size=3,
)  # fmt: skip


@given(
    st.one_of(
        JSON, st.fixed_dictionaries({"about": st.just({"kind": "table"}), "arrays": LISTED | JSON})
    )
)
def test_a_sealed_manifest_of_anything_is_read_or_refused(manifest):
    body = bytes(store._HEAD.size) + (written := json.dumps(manifest).encode())
    body += bytes(store._rounded(len(body)) - len(body)) + bytes(64)
    try:
        stored = store._parsed(memoryview(body), len(written), Path("x"), mark="")
    except RegisterError:
        return
    for kind in (Table, Documents):
        with pytest.raises(RegisterError):
            kind.of(stored)


def test_what_is_in_use_stays_when_something_else_is_put_there(kept):
    mark = folder.load(kept, "people", PRINTS).mark
    held = folder.hold(kept.parent, "people", mark)
    assert held != kept
    kept.write_bytes(b"damaged")
    assert folder.load(held, "people", PRINTS).mark == mark


def test_workers_load_what_the_plan_says_and_nothing_else(kept):
    key = bytes(range(32))
    mark = folder.load(kept, "people", PRINTS).mark
    held = folder.hold(kept.parent, "people", mark)
    plan = folder.RegisterPlan(key, (("people", held, mark),))
    folder.put(kept.parent, "people", tables.build(COLUMNS, ROWS[:9], PRINTS), PRINTS, now=NOW)
    assert folder.load_all(plan).by_name["people"].about["rows"] == 50
    with pytest.raises(RegisterError, match="another register than a moment ago"):
        folder.load_all(folder.RegisterPlan(key, (("people", kept, mark),)))
    folder.release(kept.parent, [])
    assert not held.exists()


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "register.key"
    with pytest.raises(RegisterError, match="cannot be read"):
        folder.key(path)
    made = folder.key(path, make=True)
    assert folder.key(path, make=True) == folder.key(path) == made
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    path.write_bytes(b"short")
    with pytest.raises(RegisterError, match="32 bytes"):
        folder.key(path)
