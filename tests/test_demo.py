"""The demo, run for real: what it shows has to be true, and it has to notice when it is not."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.gateway import warm

from gateway import demo
from gateway.incidents.record import FiredRule, Incident
from gateway.model import Severity, Verdict

COMMAND = Path(sys.executable).with_name("leakgate")
ANSI = re.compile(r"\x1b\[\d+m")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """One run of the command at 120 columns, its state kept; gives the process and the folder."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [COMMAND, "demo", "--keep"],
        env={
            "PATH": os.environ["PATH"],
            "COLUMNS": "120",
            "TMPDIR": str(folder),
            "LEAKGATE_STATE": str(warm()),  # compiled detectors are taken from there
            "https_proxy": "http://127.0.0.1:9",  # the demo's own proxy counts, not this one
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    state = next(folder.glob("leakgate-demo-*"), None)
    return done, state


def section(shown, number):
    text = shown[0].stdout
    start = text.index(f"\n{number}  ")
    end = text.find(f"\n{number + 1}  ", start)
    return text[start : end if end > 0 else len(text)]


def columns(text, title):
    """The text under one title, of a section printed side by side."""
    lines = text.splitlines()
    at = next(index for index, line in enumerate(lines) if title in line)
    right = "│" in lines[at].split(title)[0]
    cells = []
    for line in lines[at + 1 :]:
        if "│" not in line:
            break
        cells.append(line.split("│")[1 if right else 0].strip())
    return " ".join(cell for cell in cells if cell)


def test_every_request_ends_as_it_should(shown):
    done, _ = shown
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every request ended as it should." in done.stdout
    assert "NOT AS EXPECTED" not in done.stdout


def test_nothing_else_is_printed(shown):
    done, _ = shown
    assert done.stderr == ""
    assert not ANSI.search(done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_a_clean_prompt_leaves_as_it_was(shown):
    text = section(shown, 1)
    assert "(byte for byte what was sent)" in columns(text, "LEFT THE COMPANY")
    assert columns(text, "INCIDENT") == "none"
    assert columns(text, "CAME BACK").startswith("HTTP 200")


def test_customer_data_is_taken_out_and_recorded(shown):
    text = section(shown, 2)
    sent, left = columns(text, "SENT"), columns(text, "LEFT THE COMPANY")
    card, number = re.search(r"\d{4} \d{4} \d{4} \d{4}", sent), re.search(r"\d{3}-\d\d-\d{4}", sent)
    assert card
    assert number
    assert card[0] not in left
    assert number[0] not in left
    assert re.search(r"US_SSN_[b-z]{18}", left)
    assert number[0] in columns(text, "CAME BACK")
    assert "[CREDIT_CARD]" in left
    incident = columns(text, "INCIDENT")
    assert "critical, rewritten" in incident
    assert "rule cards: redact" in incident
    assert f"found 1 CREDIT_CARD ••••{card[0][-4:]}" in re.sub(" +", " ", incident)


def test_a_key_in_a_tool_result_is_taken_out(shown):
    text = section(shown, 3)
    assert "PRIVATE KEY-----" in columns(text, "SENT")
    assert "PRIVATE KEY-----" not in columns(text, "LEFT THE COMPANY")
    assert "[PRIVATE_KEY]" in columns(text, "LEFT THE COMPANY")
    assert "rule secrets: redact" in columns(text, "INCIDENT")


@pytest.mark.parametrize(("number", "rule"), [(4, "bulk-files"), (5, "avatar-services")])
def test_refused_uploads_leave_nothing(shown, number, rule):
    text = section(shown, number)
    assert columns(text, "LEFT THE COMPANY") == "nothing"
    assert columns(text, "CAME BACK").startswith("HTTP 400  x-should-retry: false")
    assert f"rule {rule}: block" in columns(text, "INCIDENT")


def test_the_incidents_that_are_shown_are_in_the_database(shown):
    done, state = shown
    listed = subprocess.run(
        [COMMAND, "incidents", "list", "--state", str(state)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    ids = set(re.findall(r"([0-9a-f]{16})  \w+, (?:refused|rewritten)", done.stdout))
    assert len(ids) == 4
    assert all(identity in listed.stdout for identity in ids)


def test_no_state_is_left_behind_unless_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(demo.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(demo.uvloop, "run", lambda coroutine: coroutine.close() or 0)
    assert demo.run(keep=False, out=io.StringIO()) == 0
    assert not list(tmp_path.iterdir())


def test_a_failed_request_makes_the_demo_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(demo.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(demo.uvloop, "run", lambda coroutine: coroutine.close() or 2)
    assert demo.run(keep=False, out=io.StringIO()) == 1


# --- the judge: each way to be wrong is noticed ---------------------------------------------------


def incident(enforcement, rule):
    values = {each.name: "" for each in dataclasses.fields(Incident)}
    values |= {"enforcement": enforcement, "severity": Severity.HIGH, "findings": (), "unread": ()}
    values["rules"] = (FiredRule(rule, "enforce", Verdict.BLOCK, Severity.HIGH),)
    return Incident(**values)


CASES = {case.want: case for case in demo.cases()}


def ending(case, **changes):
    """How `case` has to end."""
    body = case.body
    for value in case.removed:
        body = body.replace(value.encode(), b"[GONE]")
    left = demo.Received(case.host, case.path, body, body)
    good = demo.Ending(
        status=400 if case.want == "refuse" else 200,
        said="",
        retry="false" if case.want == "refuse" else "",
        seconds=0.0,
        left=() if case.want == "refuse" else (left,),
        incidents=() if case.want == "forward" else (incident(case.want, case.rule),),
    )
    return dataclasses.replace(good, **changes)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_good_ending_passes(case):
    assert demo.judge(case, ending(case)) == []


@pytest.mark.parametrize("want", ["rewrite", "refuse"])
def test_a_value_that_leaves_is_noticed(want):
    case = next(each for each in demo.cases() if each.want == want and each.removed)
    leak = demo.Received(case.host, case.path, b"", f"x-note: {case.removed[-1]}".encode())
    assert "a value that had to stay here has left" in demo.judge(case, ending(case, left=(leak,)))


@pytest.mark.parametrize(
    ("want", "changes"),
    [
        ("forward", {"left": ()}),
        ("forward", {"incidents": (incident("forward", "x"),)}),
        ("forward", {"status": 502}),
        ("rewrite", {"left": ()}),
        ("rewrite", {"incidents": ()}),
        ("rewrite", {"incidents": (incident("rewrite", "other"),)}),
        ("refuse", {"status": 200}),
        ("refuse", {"retry": ""}),
        ("refuse", {"incidents": ()}),
        ("refuse", {"left": (demo.Received("h", "/", b"", b""),)}),
    ],
)
def test_any_other_ending_is_noticed(want, changes):
    case = CASES[want]
    assert demo.judge(case, ending(case, **changes))


def test_a_forwarded_request_that_was_changed_is_noticed():
    case = CASES["forward"]
    left = demo.Received(case.host, case.path, case.body + b" ", case.body)
    assert demo.judge(case, ending(case, left=(left,)))


def test_a_stored_value_is_noticed(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\0\1a secret value\2")
    assert demo.stored(tmp_path, ["secret value"]) == [tmp_path / "deep" / "file"]
    assert demo.stored(tmp_path, ["another value"]) == []


# --- the screen -----------------------------------------------------------------------------------


def drawn(width, *, colour=False):
    out = io.StringIO()
    screen = demo.Screen(out, width=width, colour=colour)
    screen.heading("Title")
    screen.pair(("SENT", "a number 123\n\n" + "y" * 90), ("LEFT", "a number [GONE]"), differ=True)
    screen.text("word " * 60)
    return out.getvalue()


@pytest.mark.parametrize("width", [10, 40, 71, 72, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal(width):
    lines = drawn(width).splitlines()
    assert max(map(len, lines)) <= max(40, min(width, 120))
    assert ("│" in "".join(lines)) == (width >= 72)
    assert "".join(lines).count("y") == 90


@pytest.mark.parametrize("width", [60, 90])
def test_colour_marks_what_differs_and_changes_no_text(width):
    text = drawn(width, colour=True)
    assert "\x1b[31m123\x1b[0m" in text
    assert "\x1b[32m[GONE]\x1b[0m" in text
    assert "\x1b[31mnumber" not in text
    assert ANSI.sub("", text) == drawn(width)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("out", "environment", "colour"),
    [
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": ""}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
    ],
)
def test_colour_only_where_it_is_wanted(out, environment, colour, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = out()
    demo.Screen.on(stream).heading("Title")
    assert bool(ANSI.search(stream.getvalue())) is colour


def test_what_is_sent_is_new_each_time_and_well_formed():
    one, two = demo.cases(), demo.cases()
    numbers = [{cell for cell in each[3].private if cell[0].isdigit()} for each in (one, two)]
    assert len(numbers[0]) == 30
    assert not numbers[0] & numbers[1]
    assert one[1].removed != two[1].removed
    card = [int(digit) for digit in one[1].removed[1] if digit.isdigit()]
    assert sum(d if at % 2 else d * 2 - 9 * (d > 4) for at, d in enumerate(card)) % 10 == 0
    assert len(card) == 16
