"""Whatever the pieces, what was to be taken out is not in what leaves, and nothing else changes."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import protocols
from gateway.answers import Ahead, Shape
from gateway.answers.passages import AHEAD, decided, readable
from gateway.model import Looked, Outcome, PartKind, Passage, Severity, Stretch, Verdict

VALUE = "4111 1111 1111 1111"
FOUND = re.compile(r"4111[ ]1111[ ]1111[ ]1111|ABCDEF[0-9]+Z")
CLEAR = Outcome(Verdict.ALLOW, Verdict.ALLOW, Severity.INFO)
WORDS = "some words that say nothing, to be read by nobody. "
LONG = "ABCDEF" + "0123456789" * 9 + "Z"


class Looker:
    """Takes out what `FOUND` matches, as the inspector would; keeps what it was shown."""

    def __init__(self, *, new="[X]"):
        self.shown = []
        self.new = new

    def look(self, passages):
        stretches, upto = [], []
        for number, passage in enumerate(passages):
            self.shown.append(passage)
            text = readable(passage.text, passage.kind)
            spans = [found.span() for found in FOUND.finditer(text)]
            end = decided(passage, spans)
            upto.append(end)
            stretches += [
                Stretch(number, max(start, passage.seen), stop, self.new)
                for start, stop in spans
                if passage.seen < stop <= end and passage.editable
            ]
        return Looked((), CLEAR, tuple(stretches), tuple(upto))


def through(chunks, *, protocol="openai", shape=Shape.EVENTS, looker=None):
    """What leaves, put together."""
    ahead = Ahead(shape, protocols.get(protocol).answers)
    looker = looker or Looker()
    out = []

    def settle():
        while ahead.wanted:
            out.extend(ahead.take_frames())
            ahead.answer(looker.look(ahead.wanted))
        out.extend(ahead.take_frames())

    for chunk in chunks:
        ahead.feed(chunk)
        settle()
    ahead.end()
    settle()
    return b"".join(out)


def event(value, name=""):
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def chat(pieces):
    events = [
        event({"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]})
        for piece in pieces
    ]
    last = event({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [*events, last, b"data: [DONE]\n\n"]


def said(data):
    events = [json.loads(line[6:]) for line in data.decode().split("\n") if line[:7] == "data: {"]
    return "".join(one["choices"][0]["delta"].get("content", "") for one in events)


def cut(text, places):
    ends = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in itertools.pairwise(ends)]


@pytest.mark.parametrize("value", [VALUE, LONG])
def test_value_is_taken_out_wherever_it_is_cut_in_two(value):
    text = WORDS * 9 + value + " " + WORDS * 9
    begin = text.index(value)
    for place in range(begin - 2, begin + len(value) + 2):
        assert said(through(chat([text[:place], text[place:]]))) == text.replace(value, "[X]")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 128, 256, 1000])
@pytest.mark.parametrize("before", range(0, 300, 37))
def test_value_is_taken_out_wherever_the_windows_end(size, before):
    text = ("a " * 200)[:before] + " " + VALUE + " " + WORDS * 8 + VALUE
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert said(through(chat(pieces))) == text.replace(VALUE, "[X]")


@settings(deadline=None)  # machines may be busy
@given(
    parts=st.lists(
        st.sampled_from([WORDS, VALUE + " ", "x", "\n", " \U0001f600", LONG + "\n"]), max_size=20
    ),
    places=st.lists(st.integers(0, 1000), max_size=12),
)
def test_any_text_in_any_pieces_leaves_without_the_values_and_else_as_it_came(parts, places):
    text = " ".join(parts)
    out = through(chat(cut(text, places)))
    assert said(out) == FOUND.sub("[X]", text)


@settings(deadline=None)  # machines may be busy
@given(st.lists(st.integers(1, 400), max_size=40))
def test_answer_without_values_leaves_byte_for_byte(sizes):
    data = b"".join(chat([WORDS, "é\n", WORDS * 5, "{", '"']))
    chunks, at = [], 0
    for size in sizes:
        chunks.append(data[at : at + size])
        at += size
    assert through([*chunks, data[at:]]) == data


def test_text_waits_for_no_more_than_two_windows():
    ahead = Ahead(Shape.EVENTS, protocols.get("openai").answers)
    looker, text, out = Looker(), WORDS * 40, b""
    for at in range(0, len(text), 5):
        ahead.feed(chat([text[at : at + 5]])[0])
        while ahead.wanted:
            ahead.answer(looker.look(ahead.wanted))
        out += b"".join(ahead.take_frames())
        assert at + 5 - len(said(out)) <= 3 * AHEAD


def test_nothing_leaves_that_was_not_looked_at():
    ahead = Ahead(Shape.EVENTS, protocols.get("openai").answers)
    for frame in chat([WORDS * 20, VALUE]):
        ahead.feed(frame)
    ahead.end()
    assert ahead.wanted
    assert not b"".join(ahead.take_frames())


def test_arguments_of_a_tool_stay_json():
    told = json.dumps({"text": f"line\n{VALUE}", "nested": json.dumps({"n": VALUE}), "n": 1})
    told = told.replace('"n": 1', f'"n": {LONG}')
    pieces = [told[at : at + 3] for at in range(0, len(told), 3)]
    events = [
        event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
        for call in ({"index": 0, "function": {"arguments": piece}} for piece in pieces)
    ]
    data = through([*events, chat([])[0]]).decode()
    spelled = "".join(
        json.loads(line[6:])["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
        for line in data.split("\n")
        if "tool_calls" in line
    )
    assert json.loads(spelled) == {
        "text": "line\n[X]",
        "nested": json.dumps({"n": "[X]"}),
        "n": "[X]",
    }


def test_reasoning_leaves_as_it_came_and_is_looked_at():
    delta = {"type": "thinking_delta", "thinking": f"so it is {VALUE} then"}
    data = b"".join(
        event(one, one["type"])
        for one in (
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_stop"},
        )
    )
    looker = Looker()
    assert through([data], protocol="anthropic", looker=looker) == data
    assert [one for one in looker.shown if one.kind is PartKind.REASONING and VALUE in one.text]


def test_text_that_is_said_again_as_a_whole_is_looked_at_once():
    text = f"{WORDS}{VALUE}"
    done = {"type": "response.output_text.done", "text": text, "output_index": 0}
    part = {"type": "response.content_part.done", "part": {"type": "output_text", "text": text}}
    looker = Looker()
    out = through([event(done, done["type"]), event(part, part["type"])], looker=looker)
    assert VALUE not in out.decode()
    assert sum(one.text == text for one in looker.shown) == 1


def test_document_is_held_until_all_of_it_was_looked_at():
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"a {VALUE}"}}]}
    data = json.dumps(body).encode()
    out = through([data[:20], data[20:]], shape=Shape.JSON)
    assert json.loads(out)["choices"][0]["message"]["content"] == "a [X]"


def test_what_no_framing_can_read_is_looked_at():
    looker = Looker()
    through([b")]}'\n\n12\n" + VALUE.encode()], shape=Shape.JSON, looker=looker)
    assert any(VALUE in one.text for one in looker.shown)


def test_key_that_is_not_closed_waits():
    text = "-----BEGIN PRIVATE " + "KEY-----\nMIIE " + "x " * 400
    passage = Passage(text, last=False)
    assert decided(passage, []) == 0
    ended = f"{text}-----END PRIVATE KEY----- " + "x " * 200
    assert decided(Passage(ended, last=False), []) > 0


@settings(deadline=None)  # machines may be busy
@given(
    text=st.text(alphabet="ab \n", max_size=400),
    spans=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60))),
    seen=st.integers(0, 400),
)
def test_no_value_goes_over_what_is_decided(text, spans, seen):
    seen = min(seen, len(text))
    spans = [(a, min(a + n, len(text))) for a, n in spans if a < len(text)]
    end = decided(Passage(text, seen=seen, last=False), spans)
    assert seen <= end <= max(seen, len(text) - AHEAD)
    if end > seen:
        assert not any(start < end < stop for start, stop in spans)
        assert text[end - 1] in " \n"
