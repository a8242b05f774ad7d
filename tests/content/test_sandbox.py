"""The sandbox: it always ends in time, keeps what was said, and lets nothing else happen."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.content import protections, sandbox
from gateway.content.reading import Entry, Fact, Missed, Region, Stop, Text
from gateway.model import UnreadReason

SAID = [
    Text(
        "page[1].note[0]",
        "Ann \ud800 \u65e5\u672c",
        hidden=True,
        label="l",
        boxes=((0, 3, (1, 2, 3, 4)),),
    ),
    Fact("pages", 3),
    Fact("face_share", 0.5, "entry[1]"),
    Fact("label", "Confidential"),
    Fact("macros", value=True),
    Entry("entry[1]", "application/pdf", "document", 12, mismatch=True),
    Missed("entry[2]", UnreadReason.ENCRYPTED, 7, "zip"),
    Region("picture.face[0]", "face", (1, 2, 30, 40), 0.99),
]


def run(work, *, seconds=5.0, memory=256 << 20, output=1 << 24):
    return list(sandbox.run(work, sandbox.Bounds(seconds, memory, output)))


def open_files():
    return len(os.listdir("/proc/self/fd"))


def children():
    """Processes that this one has started; other tests may have left some to themselves."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {child for task in tasks for child in task.read_text().split()}


def test_all_that_is_said_arrives_as_it_was():
    assert run(lambda: iter(SAID)) == SAID


def test_no_file_stays_open_and_no_child_is_left():
    before, others = open_files(), children()
    for _ in range(5):
        run(lambda: iter(SAID))
    generator = sandbox.run(lambda: iter(SAID * 1000), sandbox.Bounds(5, 1 << 28, 1 << 24))
    next(generator)
    generator.close()
    assert open_files() == before
    assert children() == others


def crash():
    yield SAID[0]
    ctypes.string_at(0)


def exhaust():
    yield SAID[0]
    hold = [bytearray(1 << 20)]
    while True:
        hold.append(bytearray(16 << 20))


def refuse():
    yield SAID[0]
    raise Stop(UnreadReason.EXPANDS_TOO_FAR, "ratio")


def fail():
    yield SAID[0]
    raise KeyError("content of the file")


@pytest.mark.parametrize(
    ("work", "reason", "detail"),
    [
        (crash, UnreadReason.CRASHED, "died"),
        (exhaust, UnreadReason.CRASHED, "memory"),
        (refuse, UnreadReason.EXPANDS_TOO_FAR, "ratio"),
        (fail, UnreadReason.CRASHED, "died"),
    ],
)
def test_what_was_said_before_the_end_stays_said(work, reason, detail):
    assert run(work) == [SAID[0], Missed("", reason, detail=detail)]


def test_a_child_that_hangs_is_ended():
    def hang():
        yield SAID[0]
        while True:
            pass

    started = time.monotonic()
    assert run(hang, seconds=0.2) == [SAID[0], Missed("", UnreadReason.TIMED_OUT, detail="time")]
    assert time.monotonic() - started < 4


def test_output_is_bounded():
    def chatter():
        while True:
            yield Text("page[0]", "x" * 100_000)

    assert run(chatter, output=1 << 20)[-1] == Missed("", UnreadReason.TOO_LARGE, detail="text")


ATTEMPTS = {
    "read a file": lambda: open("/etc/passwd").close(),
    "write a file": lambda: open("/tmp/leakgate-escape", "w").close(),
    "list": lambda: os.listdir("/"),
    "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "socket pair": socket.socketpair,
    "fork": os.fork,
    "run a program": lambda: os.execv(sys.executable, [sys.executable, "-V"]),
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "limits of its parent": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (9, 9)),
    "raise its limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
}


@pytest.mark.skipif(
    "seccomp" not in protections(), reason="the kernel or machine does not offer seccomp filters"
)
@pytest.mark.parametrize("name", sorted(ATTEMPTS))
def test_a_child_can_only_compute(name):
    def attempt():
        try:
            ATTEMPTS[name]()
        except (PermissionError, OSError, ValueError):
            return
        yield SAID[0]

    assert run(attempt) == []


def test_what_protects_is_said():
    assert "limits" in protections()


def frame(kind, head, text=b""):
    raw = json.dumps(head).encode()
    return sandbox._HEAD.pack(kind, len(raw), len(text)) + raw + text


@pytest.mark.parametrize(
    "raw",
    [
        b"\0" * 40,
        b"T" + b"\xff" * 40,
        frame(b"X", []),
        frame(b"T", ["Ann Miller", False, "", [], False]),
        frame(b"T", ["page[0]", 1, "", [], False]),
        frame(b"T", ["page[0]", False, "", [[0, 1, [1, 2, 3]]], False]),
        frame(b"T", ["page[0]", False, "", [], False], b"\xff"),
        frame(b"T", {"a": 1}),
        frame(b"F", ["ann", 1, ""]),
        frame(b"F", [["pages"], 1, ""]),
        frame(b"F", ["pages", [1], ""]),
        frame(b"M", ["", "ann", 1, ""]),
        frame(b"M", ["", "crashed", 1, "Ann@Example"]),
        frame(b"E", ["entry[0]", "ann/miller", "document", 1, False]),
        frame(b"E", ["entry[0]", ["a"], "document", 1, False]),
        b"T" + (9).to_bytes(4, "little") + (0).to_bytes(4, "little") + b"[" * 9,
    ],
)
def test_a_child_that_was_taken_over_says_nothing_of_its_own_choice(raw, monkeypatch):
    monkeypatch.setattr(sandbox._Writer, "put", lambda self, _said: self._write(raw))
    assert run(lambda: iter([SAID[0]])) == [Missed("", UnreadReason.CRASHED, detail="garbled")]


def test_a_region_of_an_unknown_kind_is_garbled():
    said = run(lambda: iter([Region("picture.face[0]", "soul", (1, 2, 3, 4), 0.5)]))
    assert said == [Missed("", UnreadReason.CRASHED, detail="garbled")]


WORKER = """
import json
from gateway.content import sandbox
from gateway.content.reading import Text

def work():
    try:
        json.no_such_thing
    except AttributeError:
        yield Text("place", "as ever")

print([said.text for said in sandbox.run(work, sandbox.Bounds(5.0, 256 << 20, 1 << 16))])
"""


def test_a_child_of_a_worker_can_say_that_an_attribute_is_missing():
    """Workers are started with `python -c`; there Python 3.13 asks for the working directory."""
    result = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True)
    assert result.stdout.strip() == "['as ever']", result.stderr
