"""The file: whole lines, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import os
import stat

import pytest
from pydantic import TypeAdapter

from gateway.exporters.document import Lines
from gateway.exporters.lines import LinesSink
from gateway.exporters.sink import Undelivered


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.jsonl"


@pytest.fixture
def sink(path):
    return LinesSink(
        TypeAdapter(Lines).validate_python({"name": "x", "kind": "file", "to": str(path)})
    )


def ids(path):
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_the_file_is_its_owners_alone(sink, path, incident):
    asyncio.run(sink.send([incident(1)]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_moved_away_is_begun_anew(sink, path, incident):
    asyncio.run(sink.send([incident(1)]))
    moved = path.rename(path.with_suffix(".1"))
    asyncio.run(sink.send([incident(2)]))
    assert (ids(moved), ids(path)) == (["inc-1"], ["inc-2"])


def test_a_full_disk_leaves_no_half_line(sink, path, incident, monkeypatch):
    asyncio.run(sink.send([incident(1)]))
    write, calls = os.write, []

    def full(number, data):
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(number, data[:100])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Undelivered) as caught:
        asyncio.run(sink.send([incident(2)]))
    assert caught.value.cause == "file"
    assert not caught.value.at_fault
    monkeypatch.undo()
    assert len(calls) == 2
    assert ids(path) == ["inc-1"]
    asyncio.run(sink.send([incident(2)]))
    assert ids(path) == ["inc-1", "inc-2"]


def test_no_link_and_no_pipe_is_followed(sink, path, incident, tmp_path):
    target = tmp_path / "target"
    target.write_text("")
    path.symlink_to(target)
    with pytest.raises(Undelivered):
        asyncio.run(sink.send([incident(1)]))
    assert target.read_text() == ""
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Undelivered):
        asyncio.run(sink.send([incident(1)]))
