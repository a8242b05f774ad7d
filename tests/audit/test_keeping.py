from __future__ import annotations

import stat

import pytest

from gateway.audit import keeping
from gateway.audit.chain import AuditError, Head
from gateway.audit.keeping import Seen


def test_a_key_is_made_once_and_is_its_owners(tmp_path):
    path = tmp_path / "state" / "audit.key"
    with pytest.raises(AuditError, match="cannot be read"):
        keeping.key(path, make=False)
    made = keeping.key(path)
    assert len(made) == 32
    assert keeping.key(path) == keeping.key(path, make=False) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_key_is_told(tmp_path):
    path = tmp_path / "audit.key"
    path.write_bytes(b"short")
    with pytest.raises(AuditError, match="32 bytes"):
        keeping.key(path)
    with pytest.raises(AuditError, match="cannot be made"):
        keeping.key(path / "below")


def test_what_was_seen_only_grows(tmp_path):
    seen = Seen(tmp_path / "audit.seen")
    assert seen.last() is None
    for seq in (3, 7, 5):
        seen.note(Head(seq, bytes([seq]) * 32))
    assert seen.last() == Head(7, bytes([7]) * 32)
    seen.begin(Head(1, bytes(32)))
    assert seen.last().seq == 1
    assert stat.S_IMODE(seen.path.stat().st_mode) == 0o600


def test_a_damaged_or_closed_file_does_not_stop_who_writes(tmp_path):
    seen = Seen(tmp_path / "audit.seen")
    seen.path.write_text("damaged")
    seen.note(Head(3, bytes(32)))
    with pytest.raises(AuditError):
        seen.last()
    Seen(tmp_path / "not" / "there").note(Head(3, bytes(32)))
