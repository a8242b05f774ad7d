"""Keys that the gateway makes for itself: one, whole, and for its owner alone."""

from __future__ import annotations

import errno
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.secret import KEY_BYTES, NoKey, key_in


def test_who_asks_at_the_same_time_gets_the_same_whole_key(tmp_path):
    path = tmp_path / "state" / "some.key"
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: key_in(path), range(64)))
    (key,) = found
    assert len(key) == KEY_BYTES
    assert path.read_bytes() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["some.key"]


def test_no_key_is_made_unasked(tmp_path):
    with pytest.raises(NoKey, match="cannot be read: No such file"):
        key_in(tmp_path / "some.key", make=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("found", [b"", b"x" * (KEY_BYTES - 1), b"x" * (KEY_BYTES + 1)])
def test_what_is_no_key_is_told_and_stays(tmp_path, found):
    path = tmp_path / "some.key"
    path.write_bytes(found)
    with pytest.raises(NoKey, match="is not a key of 32 bytes") as caught:
        key_in(path)
    assert "xx" not in str(caught.value)
    assert path.read_bytes() == found


def test_a_place_where_no_key_can_be_made_is_named(tmp_path):
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(NoKey, match=r"`.*some\.key` cannot be made"):
        key_in(tmp_path / "state" / "some.key")


def test_where_files_have_one_name_only_a_key_is_made_all_the_same(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    path = tmp_path / "some.key"
    assert key_in(path) == key_in(path) == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["some.key"]
