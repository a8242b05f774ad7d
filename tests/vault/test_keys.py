from __future__ import annotations

import base64
import os
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents import DocumentError
from gateway.vault import keys
from gateway.vault.keys import SETTLING, Keyring

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def secret(number: int) -> str:
    return base64.b64encode(bytes((number * 7 + n * 13) % 256 for n in range(32))).decode()


def line(name: str, number: int, moment: str = "2026-03-01T12:00:00Z") -> str:
    return f"{name} {moment} {secret(number)}\n"


GOOD = line("lookup", 0) + line("k2", 2) + line("k1", 1, "2026-02-01T00:00:00Z")


def told(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(DocumentError) as caught:
        keys.parse(data, "token.keys")
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "token.keys"


# --- the file ------------------------------------------------------------------------------------


def test_a_first_start_makes_keys_for_its_owner_alone_and_a_second_reads_them(path):
    made = keys.ensure(path, NOON)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.ensure(path, NOON + DAY) == made == keys.load(path)
    assert len(made.keys) == 1
    assert made.keys[0].created == NOON
    assert os.listdir(path.parent) == ["token.keys"]


def test_gateways_that_start_at_once_have_the_same_keys(path):
    path.parent.mkdir()
    rings: list[Keyring] = []
    ready = threading.Barrier(8)

    def start() -> None:
        ready.wait()
        rings.append(keys.ensure(path, NOON))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 8
    assert all(ring == rings[0] for ring in rings)
    assert os.listdir(path.parent) == ["token.keys"]


def test_what_is_written_is_on_the_disk_before_it_has_its_name(path, monkeypatch):
    events: list[str] = []
    for name in ("fsync", "link", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, n=name, r=real: (events.append(n), r(*a))[1])
    keys.ensure(path, NOON)
    assert events == ["fsync", "link", "fsync"]
    events.clear()
    keys.rotate(path, NOON)
    assert events == ["fsync", "replace", "fsync"]


def test_a_rotation_adds_in_front_and_keeps_all_else(path):
    before = keys.ensure(path, NOON)
    key = keys.rotate(path, NOON + DAY)
    after = keys.load(path)
    assert after.keys == (key, *before.keys)
    assert after.lookup == before.lookup
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rotations_at_once_lose_no_key(path):
    keys.ensure(path, NOON)
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(keys.rotate(path, NOON).id)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 6
    assert set(made) < {key.id for key in keys.load(path).keys}


def test_a_clock_that_was_put_back_makes_no_file_that_is_refused(path):
    keys.ensure(path, NOON)
    keys.rotate(path, NOON - DAY)
    assert [key.created for key in keys.load(path).keys] == [NOON, NOON]


def test_a_rotation_keeps_rights_and_reaches_the_file_behind_a_link(path, tmp_path):
    keys.ensure(path, NOON)
    path.chmod(0o640)
    link = tmp_path / "mounted"
    link.symlink_to(path)
    keys.rotate(link, NOON + DAY)
    assert link.is_symlink()
    assert len(keys.load(path).keys) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_rotation_by_root_leaves_the_file_with_the_gateways_owner(path):
    keys.ensure(path, NOON)
    os.chown(path, 65534, 65534)
    keys.rotate(path, NOON + DAY)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def test_a_failed_rotation_changes_nothing_and_leaves_nothing(path, monkeypatch):
    keys.ensure(path, NOON)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DocumentError, match="No space left on device"):
        keys.rotate(path, NOON + DAY)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["token.keys"]


def test_a_dropped_key_is_gone_but_never_the_last_one(path):
    first = keys.ensure(path, NOON).keys[0]
    with pytest.raises(DocumentError, match="is the only key"):
        keys.drop(path, first.id)
    second = keys.rotate(path, NOON + DAY)
    assert keys.drop(path, first.id).keys == (second,)
    assert keys.load(path).keys == (second,)
    with pytest.raises(DocumentError, match="no key of that id"):
        keys.drop(path, first.id)


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o620, 0o602, 0o777])
def test_a_file_that_others_read_or_change_is_refused_with_the_fix(path, mode):
    keys.ensure(path, NOON)
    path.chmod(mode)
    with pytest.raises(DocumentError, match=f"chmod 600 {path}"):
        keys.load(path)


def test_a_secret_mounted_for_a_group_is_read(path):
    ring = keys.ensure(path, NOON)
    path.chmod(0o440)
    assert keys.load(path) == ring


def test_a_missing_file_is_made_by_ensure_alone(path):
    for act in (keys.load, lambda p: keys.rotate(p, NOON), lambda p: keys.drop(p, "k1")):
        with pytest.raises(DocumentError, match="No such file"):
            act(path)
    assert not path.exists()


# --- the parser ----------------------------------------------------------------------------------


def test_a_good_file_is_read_as_it_stands():
    ring = keys.parse(b"# a comment\n\n" + GOOD.encode().replace(b"\n", b"\r\n"), "token.keys")
    assert [key.id for key in ring.keys] == ["k2", "k1"]
    assert ring.keys[1].created == datetime(2026, 2, 1, tzinfo=UTC)
    assert base64.b64encode(ring.keys[1].secret).decode() == secret(1)
    assert base64.b64encode(ring.lookup).decode() == secret(0)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["0:0: holds no key", "0:0: has no line `lookup`"]),
        (line("lookup", 0), ["0:0: holds no key"]),
        (line("k1", 1), ["0:0: has no line `lookup`"]),
        (GOOD + "k3\n", ["4:1: is not `ID TIME BASE64`, with one space between"]),
        (GOOD + line("k3 ", 3), ["4:1: is not `ID TIME BASE64`, with one space between"]),
        (GOOD + line("K3", 3), ["4:1: an id is a-z, then at most 31 of a-z, 0-9 and -"]),
        (GOOD + line("k" * 33, 3), ["4:1: an id is a-z, then at most 31 of a-z, 0-9 and -"]),
        (GOOD + line("é", 3), ["4:1: id and time are plain ASCII"]),
        (GOOD + line("k3", 3, "2026-1-1T00:00:00Z"), ["4:1: a time is written `2026-11-26T09:00:00Z`"]),
        (GOOD + line("k3", 3, "2026-01-01"), ["4:1: a time is written `2026-11-26T09:00:00Z`"]),
        (GOOD + "k3 2026-01-01T00:00:00Z QUJD\n", ["4:1: a secret is 32 bytes in base64"]),
        (GOOD + line("k3", 3)[:-2] + "\n", ["4:1: a secret is 32 bytes in base64"]),
        (GOOD + "k3 2026-01-01T00:00:00Z " + "A" * 43 + "=\n", ["4:1: a secret is random bytes"]),
        (GOOD + line("k2", 3), ["4:1: `k2` stands on line 2 already"]),
        (GOOD + line("lookup", 3), ["4:1: `lookup` stands on line 1 already"]),
        (GOOD + line("k3", 1, "2026-01-01T00:00:00Z"), ["4:1: is the same secret as on line 3"]),
        (GOOD + line("k3", 3), ["4:1: `k3` is newer than the key above it; the newest stands first"]),
        ("?\n" + GOOD + "? ?\n", ["1:1: is not", "5:1: is not"]),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_line(text, problems):
    found = told(text)
    assert len(found) == len(problems)
    for wanted in problems:
        assert any(one.startswith(f"token.keys:{wanted}") for one in found)


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda t: t.encode("utf-8", "ignore")))
def test_any_bytes_are_keys_or_the_one_error(data):
    try:
        ring = keys.parse(data, "token.keys")
    except DocumentError:
        return
    assert ring.keys


@given(st.data())
def test_a_file_with_any_byte_changed_is_read_or_refused_and_never_quoted(data):
    raw = bytearray(GOOD.encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255))
    try:
        keys.parse(bytes(raw), "token.keys")
    except DocumentError as error:
        said = str(error)
        quoted = [p for p in bytes(raw).split() if len(p) > 40 and p.decode("latin-1") in said]
        assert quoted == []  # either outcome is right, but not what it says


def test_a_secret_in_the_wrong_column_is_not_quoted():
    found = told(f"{secret(4)} k4 2026-03-01T12:00:00Z\n" + GOOD)
    assert secret(4)[:8] not in "".join(found)


def test_a_file_of_any_size_is_not_read():
    assert told(b"#" * (keys.MAX_FILE_BYTES + 1)) == [
        "token.keys:0:0: is too large to be a file of token keys"
    ]


def test_there_is_an_end_to_rotating(path):
    many = "".join(line(f"k{n}", n, "2026-03-01T12:00:00Z") for n in range(1, 101))
    path.parent.mkdir()
    path.write_text(line("lookup", 0) + many)
    path.chmod(0o600)
    with pytest.raises(DocumentError, match="drop old ones first"):
        keys.rotate(path, NOON)
    assert told(line("lookup", 0) + many + line("k101", 101)) == [
        "token.keys:0:0: holds more than 100 keys; drop old ones"
    ]


# --- what keys are for ---------------------------------------------------------------------------


def test_a_new_key_waits_until_every_gateway_has_read_it(path):
    old = keys.ensure(path, NOON).keys[0]
    assert keys.load(path).current(NOON) == old  # the only one need not wait
    new = keys.rotate(path, NOON + DAY)
    ring = keys.load(path)
    assert ring.current(NOON + DAY) == old
    assert ring.current(NOON + DAY + SETTLING - timedelta(seconds=1)) == old
    assert ring.current(NOON + DAY + SETTLING) == new
    assert ring.left(old.id) == NOON + DAY + SETTLING
    assert ring.left(new.id) is None
    assert ring.left("nobody") is None
    assert keys.drop(path, old.id).current(NOON + DAY) == new


def test_what_is_derived_is_distinct_by_key_and_purpose_and_stays_so(path):
    ring = keys.parse(GOOD.encode(), "token.keys")
    derived = [ring.looking_up()]
    for key in ring.keys:
        derived += [key.minting(), key.sealing()[:32], key.sealing()[32:], key.secret]
    assert len(set(derived)) == len(derived)
    assert {len(each) for each in derived} == {32}
    assert ring.minting() == {key.id: key.minting() for key in ring.keys}
    # Another derivation would make every vault unreadable.
    assert ring.keys[1].minting().hex()[:16] == "eb7ff22991516274"
    assert ring.looking_up().hex()[:16] == "852b3b713cd38a6a"


def test_no_secret_is_shown():
    ring = keys.parse(GOOD.encode(), "token.keys")
    shown = repr(ring) + str(ring) + repr(ring.keys[0])
    assert "k2" in shown
    for key in (ring.lookup, *(key.secret for key in ring.keys)):
        assert repr(key)[2:10] not in shown
        assert key.hex()[:8] not in shown
