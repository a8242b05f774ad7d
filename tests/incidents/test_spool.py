from __future__ import annotations

import errno
import os
import random
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.tables import sqlite
from support.thorough import examples

from gateway.incidents import spool as journal
from gateway.incidents.record import to_json
from gateway.incidents.spool import Spool, SpoolFull

MIB = 1 << 20


def drain(spool: Spool, limit: int = 50) -> list[str]:
    """Commit everything; the ids in order."""
    ids: list[str] = []
    while (batch := spool.read(limit)) is not None:
        ids += [incident.id for incident in batch.incidents]
        spool.commit(batch)
    return ids


def segments(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.seg"))


def aside(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.glob("*.corrupt")))


def abandon(spool: Spool) -> None:
    """Leave the folder as a killed process does: the lock goes, the files stay."""
    os.close(spool._own.lock)
    if spool._fd >= 0:
        os.close(spool._fd)
    spool._closed = True


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "spool"


def test_incidents_come_out_in_order_and_equal(directory, incident):
    spool = Spool.open(directory, MIB)
    sent = [incident(n) for n in range(7)]
    for one in sent:
        spool.append(one)
    batch = spool.read(100)
    assert batch is not None
    assert list(batch.incidents) == sent
    spool.close()


def test_without_commit_the_same_is_read_again(directory, incident):
    spool = Spool.open(directory, MIB)
    spool.append(incident(1))
    assert spool.read(10) == spool.read(10)
    assert drain(spool) == ["inc-1"]
    assert spool.read(10) is None
    spool.close()


def test_depth_counts_what_waits(directory, incident):
    spool = Spool.open(directory, MIB)
    for n in range(5):
        spool.append(incident(n))
    depth = spool.depth()
    assert (depth.records, depth.capacity) == (5, MIB)
    assert depth.size == sum(path.stat().st_size for path in segments(directory))
    batch = spool.read(3)
    assert batch is not None
    spool.commit(batch)
    assert spool.depth().records == 2
    drain(spool)
    assert (spool.depth().records, spool.depth().size) == (0, 0)
    spool.close()


def test_segments_rotate_and_go_when_stored(directory, incident):
    spool = Spool.open(directory, MIB, segment_bytes=2000)
    for n in range(20):
        spool.append(incident(n))
    assert len(segments(directory)) > 5
    assert drain(spool, limit=3) == [f"inc-{n}" for n in range(20)]
    assert len(segments(directory)) == 1
    spool.append(incident(99))
    assert drain(spool) == ["inc-99"]
    spool.close()
    assert list(directory.iterdir()) == []


def test_a_full_spool_refuses_and_takes_again_when_drained(directory, incident):
    line = len(to_json(incident(0))) + journal.HEADER + 1
    spool = Spool.open(directory, 10 * line)
    for n in range(10):
        spool.append(incident(n))
    with pytest.raises(SpoolFull, match="spool_max_bytes") as caught:
        spool.append(incident(0))
    assert caught.value.errno == errno.ENOSPC
    assert drain(spool) == [f"inc-{n}" for n in range(10)]
    spool.append(incident(5))
    assert drain(spool) == ["inc-5"]
    # What is on disk stays near the bound.
    assert sum(path.stat().st_size for path in segments(directory)) <= 13 * line
    spool.close()


def test_the_next_process_takes_over_what_a_dead_one_left(directory, incident):
    first = Spool.open(directory, MIB)
    for n in range(4):
        first.append(incident(n))
    batch = first.read(2)
    assert batch is not None
    first.commit(batch)
    abandon(first)

    second = Spool.open(directory, MIB)
    assert second.depth().records == 2
    second.append(incident(9))
    assert drain(second) == ["inc-2", "inc-3", "inc-9"]
    second.close()
    assert list(directory.iterdir()) == []


def test_a_living_owner_keeps_its_folder(directory, incident):
    first = Spool.open(directory, MIB)
    first.append(incident(1))
    second = Spool.open(directory, MIB)
    assert second.read(10) is None
    assert second.adopt() == 0
    second.close()
    assert drain(first) == ["inc-1"]
    first.close()


def test_a_neighbour_that_dies_later_is_taken_over(directory, incident):
    first, second = Spool.open(directory, MIB), Spool.open(directory, MIB)
    first.append(incident(1))
    abandon(first)
    assert second.adopt() == 1
    assert drain(second) == ["inc-1"]
    second.close()


def test_closing_leaves_what_is_unstored(directory, incident):
    first = Spool.open(directory, MIB)
    first.append(incident(1))
    first.close()
    with pytest.raises(OSError, match="closed"):
        first.append(incident(2))
    second = Spool.open(directory, MIB)
    assert drain(second) == ["inc-1"]
    second.close()


def test_capacity_counts_what_was_taken_over(directory, incident):
    line = len(to_json(incident(0))) + journal.HEADER + 1
    first = Spool.open(directory, MIB)
    for n in range(9):
        first.append(incident(n))
    first.close()
    second = Spool.open(directory, 9 * line)
    with pytest.raises(SpoolFull):
        second.append(incident(9))
    assert len(drain(second)) == 9
    second.append(incident(9))
    second.close()


def test_a_torn_end_is_set_aside_and_the_rest_is_read(directory, incident):
    first = Spool.open(directory, MIB)
    for n in range(3):
        first.append(incident(n))
    abandon(first)
    (segment,) = segments(directory)
    segment.write_bytes(segment.read_bytes()[:-20])

    second = Spool.open(directory, MIB)
    assert drain(second) == ["inc-0", "inc-1"]
    assert (second.depth().torn, second.depth().corrupt) == (1, 0)
    assert b'"id":"inc-2"' in aside(directory)
    second.close()


def test_a_corrupt_record_is_set_aside_and_blocks_nothing(directory, incident):
    first = Spool.open(directory, MIB)
    for n in range(3):
        first.append(incident(n))
    abandon(first)
    (segment,) = segments(directory)
    whole = segment.read_bytes()
    segment.write_bytes(whole.replace(b'"id":"inc-1"', b'"id":"inc-7"'))

    second = Spool.open(directory, MIB)
    assert drain(second) == ["inc-0", "inc-2"]
    assert (second.depth().torn, second.depth().corrupt) == (0, 1)
    assert b'"id":"inc-7"' in aside(directory)
    second.close()


def test_a_record_of_another_version_is_set_aside(directory, incident, monkeypatch):
    first = Spool.open(directory, MIB)
    with monkeypatch.context() as patch:
        patch.setattr(
            journal.record,
            "to_json",
            lambda one: to_json(one).replace(b'"schema":1', b'"schema":9'),
        )
        first.append(incident(1))
    first.append(incident(2))
    assert drain(first) == ["inc-2"]
    assert first.depth().corrupt == 1
    assert b'"schema":9' in aside(directory)
    first.close()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_costs_at_most_the_damaged_lines(data, incident):
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        first = Spool.open(directory, MIB, segment_bytes=1500)
        for n in range(6):
            first.append(incident(n))
        abandon(first)
        damaged = data.draw(st.sampled_from(segments(directory)))
        before = damaged.read_bytes()
        at = data.draw(st.integers(0, len(before) - 1))
        length = data.draw(st.integers(1, 40))
        after = before[:at] + data.draw(st.binary(max_size=60)) + before[at + length :]
        damaged.write_bytes(after)
        hurt = {
            line.split(b'"id":"')[1].split(b'"')[0].decode()
            for line in before.splitlines(keepends=True)
            if line not in after
        }

        second = Spool.open(directory, MIB)
        ids = drain(second, limit=data.draw(st.integers(1, 9)))
        assert set(ids) >= {f"inc-{n}" for n in range(6)} - hurt
        assert len(ids) == len(set(ids))
        if hurt and after:
            lost = {f"inc-{n}" for n in range(6)} - set(ids)
            assert not lost or second.depth().corrupt + second.depth().torn > 0 or at == 0
        assert (second.depth().records, second.depth().size) == (0, 0)
        second.close()


@settings(max_examples=examples(60), deadline=None)
@given(garbage=st.binary(min_size=1, max_size=3000), limit=st.integers(1, 20))
def test_garbage_is_set_aside_to_the_last_byte(garbage, limit):
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "1-dead").mkdir()
        (directory / "1-dead" / f"{1:016d}.seg").write_bytes(garbage)
        spool = Spool.open(directory, MIB)
        assert drain(spool, limit) == []
        kept = aside(directory)
        assert kept == garbage or kept == garbage + b"\n"
        spool.close()


@pytest.mark.parametrize("text", [b"", b"junk", b"1 99999 00000000", b"\xff\x00", b"7 0 deadbeef"])
def test_a_damaged_cursor_reads_again_rather_than_losing(directory, incident, text):
    first = Spool.open(directory, MIB)
    for n in range(3):
        first.append(incident(n))
    batch = first.read(1)
    assert batch is not None
    first.commit(batch)
    abandon(first)
    next(directory.rglob("cursor")).write_bytes(text)
    second = Spool.open(directory, MIB)
    assert drain(second) == ["inc-0", "inc-1", "inc-2"]
    second.close()


def test_threads_append_whole_lines(directory, incident):
    spool = Spool.open(directory, 8 * MIB, segment_bytes=10_000)

    def write(base: int) -> None:
        for n in range(base, base + 100):
            spool.append(incident(n))

    threads = [threading.Thread(target=write, args=(base,)) for base in (0, 100, 200)]
    for thread in threads:
        thread.start()
    seen = []
    while any(thread.is_alive() for thread in threads):
        seen += drain(spool)
    seen += drain(spool)
    assert sorted(seen) == sorted(f"inc-{n}" for n in range(300))
    assert (spool.depth().corrupt, spool.depth().torn) == (0, 0)
    spool.close()


def test_nobody_else_can_read_the_journal(directory, incident):
    spool = Spool.open(directory, MIB)
    spool.append(incident(1))
    spool.set_aside(incident(2))
    for path in directory.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 or path.name == "cursor", path
    spool.close()


@pytest.mark.parametrize("sync", ["always", "batch"])
def test_syncing_covers_closed_and_open_segments(directory, incident, sync, monkeypatch):
    flushed: list[int] = []
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)

        def spy(fd: int, real=real) -> None:
            flushed.append(os.fstat(fd).st_ino)
            real(fd)

        monkeypatch.setattr(os, name, spy)
    spool = Spool.open(directory, MIB, sync=sync, segment_bytes=1000)
    for n in range(4):
        spool.append(incident(n))
    if sync == "batch":
        assert flushed == []
        spool.sync()
    assert {path.stat().st_ino for path in segments(directory)} <= set(flushed)
    spool.close()


# --- faults --------------------------------------------------------------------------------------


def test_a_short_write_is_taken_back_and_raises(directory, incident, monkeypatch):
    spool = Spool.open(directory, MIB)
    spool.append(incident(1))
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[: len(data) // 2]))
        with pytest.raises(OSError, match="only part"):
            spool.append(incident(2))
    spool.append(incident(3))
    assert drain(spool) == ["inc-1", "inc-3"]
    assert spool.depth().torn == 0
    spool.close()


def test_a_half_line_that_cannot_be_taken_back_ends_its_segment(directory, incident, monkeypatch):
    spool = Spool.open(directory, MIB)
    spool.append(incident(1))
    real = os.write

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[: len(data) // 2]))
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="only part"):
            spool.append(incident(2))
    spool.append(incident(3))
    assert drain(spool) == ["inc-1", "inc-3"]
    assert spool.depth().torn == 1
    assert (spool.depth().records, spool.depth().size) == (0, 0)
    spool.close()


def test_a_failing_flush_takes_the_line_back(directory, incident, monkeypatch):
    spool = Spool.open(directory, MIB, sync="always")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="broken"):
            spool.append(incident(1))
    spool.append(incident(2))
    assert drain(spool) == ["inc-2"]
    spool.close()


def test_a_deleted_segment_is_noticed_before_anything_is_lost(directory, incident):
    spool = Spool.open(directory, MIB)
    spool.append(incident(1))
    segments(directory)[0].unlink()
    spool.append(incident(2))
    assert drain(spool) == ["inc-2"]
    assert (spool.depth().records, spool.depth().size) == (0, 0)
    shutil.rmtree(directory)
    with pytest.raises(OSError, match="No such file"):
        spool.append(incident(3))
    spool.close()


def test_a_stored_batch_is_not_held_up_by_a_cursor_that_cannot_be_written(
    directory, incident, monkeypatch
):
    spool = Spool.open(directory, MIB, segment_bytes=1000)
    for n in range(6):
        spool.append(incident(n))

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    assert len(drain(spool, limit=2)) == 6
    assert len(segments(directory)) == 1
    spool.close()


def test_an_unreadable_folder_holds_up_nobody(directory, incident, monkeypatch):
    first = Spool.open(directory, MIB)
    first.append(incident(1))
    abandon(first)
    second = Spool.open(directory, MIB)
    second.append(incident(2))
    broken = first._own.folder
    real = journal._lines

    def lines(path, start, end):
        if path.parent == broken:
            raise OSError(errno.EIO, "broken")
        return real(path, start, end)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_lines", lines)
        batch = second.read(10)
        assert batch is not None
        assert [one.id for one in batch.incidents] == ["inc-2"]
        second.commit(batch)
        with pytest.raises(OSError, match="broken"):
            second.read(10)
    assert drain(second) == ["inc-1"]
    second.close()


WRITER = """
import dataclasses, sys
from pathlib import Path
from gateway.incidents.record import from_json
from gateway.incidents.spool import Spool

incident = from_json(sys.stdin.buffer.readline())
spool = Spool.open(Path(sys.argv[1]), 1 << 26, segment_bytes=20_000)
{before}
print("ready", flush=True)
number = 0
while True:
    try:
        spool.append(dataclasses.replace(incident, id=f"{{sys.argv[2]}}-{{number}}"))
    except OSError as error:
        print("refused", error.errno, flush=True)
        break
    print(f"{{sys.argv[2]}}-{{number}}", flush=True)
    number += 1
"""

CARRYING = """
from gateway.incidents.recorder import Recorder
from gateway.incidents.store import Store
Recorder(spool, Store.open(sys.argv[3]), batch=20, idle=0.001).start()
"""

LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
"""


def writer(directory: Path, name: str, incident: object, *, before: str = "", url: str = ""):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(before=textwrap.dedent(before)), directory, name, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(to_json(incident) + b"\n")
    process.stdin.flush()
    assert select.select([process.stdout], [], [], 30)[0]
    assert process.stdout.readline() == b"ready\n"
    return process


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> list[str]:
    """Ids that the process said were on file when it was killed in full flight."""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    assert process.stdin is not None
    assert process.stdout is not None
    said = process.stdout.read()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    # The last line may have been cut in the pipe; it is not a promise then.
    return said[: said.rfind(b"\n") + 1].decode().split()


def test_a_killed_writer_loses_nothing_and_the_store_has_it_once(directory, incident, tmp_path):
    from gateway.incidents.recorder import Recorder
    from gateway.incidents.store import Store

    url = sqlite(tmp_path / "incidents.db")
    chance = random.Random(20261)
    promised: list[str] = []
    for turn in range(3):
        # Each writer also carries the leftovers of those before it, and is killed while at it.
        process = writer(directory, f"w{turn}", incident(), before=CARRYING, url=url)
        said = kill_after(process, chance.uniform(0.005, 0.06))
        assert said
        promised += said
    spool = Spool.open(directory, 1 << 26)
    store = Store.open(url)
    recorder = Recorder(spool, store, idle=0.01)
    recorder.start()
    assert recorder.flush(timeout=20)
    assert recorder.stop()
    with store.engine.connect() as connection:
        stored = [row[0] for row in connection.exec_driver_sql("SELECT id FROM incidents")]
    assert set(promised) <= set(stored)
    # Beyond the promises at most the one incident per writer that it could not tell of any more.
    assert len(stored) <= len(promised) + 3
    # Linux may end a write at a page's edge when the process is killed in it: a torn end is no
    # promise, but it is all that may be damaged.
    assert spool.depth().corrupt == 0
    spool.close()
    store.close()
    assert [path for path in directory.iterdir() if path.suffix != ".corrupt"] == []


def test_a_file_size_limit_refuses_and_keeps_what_was_promised(directory, incident):
    process = writer(directory, "w", incident(), before=LIMITED)
    assert process.stdin is not None
    assert process.stdout is not None
    said = process.stdout.read().decode().split()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert said[-2:] == ["refused", str(errno.EFBIG)] or said[-2:] == ["refused", str(errno.ENOSPC)]
    spool = Spool.open(directory, 1 << 26)
    assert drain(spool) == said[:-2]
    assert spool.depth().torn == 0
    spool.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB; mounting needs root and the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("cannot mount a small disk here; the file size limit covers the same code")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_refuses_and_recovers_when_drained(small_disk, incident):
    spool = Spool.open(small_disk / "spool", MIB, segment_bytes=40_000)
    kept = []

    def fill() -> None:
        for n in range(10_000):
            spool.append(incident(n))
            kept.append(f"inc-{n}")

    with pytest.raises(OSError) as caught:
        fill()
    assert caught.value.errno == errno.ENOSPC
    assert not isinstance(caught.value, SpoolFull)
    assert len(kept) > 50
    assert drain(spool) == kept
    spool.append(incident(10_000))
    assert drain(spool) == ["inc-10000"]
    assert (spool.depth().corrupt, spool.depth().torn) == (0, 0)
    spool.close()
