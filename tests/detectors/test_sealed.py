"""Kept files: only what was written with the same key, under the same name, comes back."""

from __future__ import annotations

from gateway.detectors import sealed


def test_what_was_stored_comes_back(tmp_path):
    path = tmp_path / "cache" / "a.hsdb"
    sealed.store(path, b"payload", key=b"k")
    assert sealed.load(path, key=b"k") == b"payload"
    assert [file.name for file in path.parent.iterdir()] == ["a.hsdb"]


def test_anything_else_is_passed_over(tmp_path):
    path = tmp_path / "a.hsdb"
    assert sealed.load(path, key=b"k") is None
    sealed.store(path, b"payload", key=b"k")
    assert sealed.load(path, key=b"other") is None
    path.rename(tmp_path / "b.hsdb")
    assert sealed.load(tmp_path / "b.hsdb", key=b"k") is None
    for data in (b"", b"LGSEAL1\0", (tmp_path / "b.hsdb").read_bytes()[:-1]):
        path.write_bytes(data)
        assert sealed.load(path, key=b"k") is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    sealed.store(tmp_path / "file" / "a", b"payload", key=b"k")
