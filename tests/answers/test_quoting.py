"""Are as many strings open at a place as a JSON reader opens there?"""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.answers.quoting import Quoting, Tail, escaped

MARK = "MARK"

texts = st.text('a é"\\\n\t\u2028\U0001f426{[:,/', max_size=12)
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    | st.builds(json.dumps, st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2)),
    max_leaves=8,
)  # fmt: skip
documents = st.builds(
    json.dumps,
    st.lists(values, max_size=3) | st.dictionaries(texts, values, max_size=3),
    ensure_ascii=st.booleans(),
    indent=st.sampled_from([None, 1]),
)


ESCAPES = frozenset('"\\/bfnrtu')
OUTSIDE = frozenset("[]{}:,0123456789+-.eEtrufalsn \t\r\n\u2028")


def depth_of(prefix, level=0):
    """Open strings at the end of `prefix`, from a reader of all of it."""
    if level == 6 or prefix.lstrip()[:1] not in ("{", "["):
        return 0
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", prefix, flags=re.DOTALL)
    head, quote, rest = outside.partition('"')
    if not quote or not OUTSIDE.issuperset(head):
        return 0
    whole = re.match(r"(?:[^\\]|\\u[0-9a-fA-F]{4}|\\[^u])*", rest, re.DOTALL)[0]
    said = re.sub(
        r"\\(.)", lambda found: found[0] if found[1] in ESCAPES else "?", whole, flags=re.DOTALL
    )
    return 1 + depth_of(json.loads(f'"{said}"', strict=False), level + 1)


@settings(deadline=None)
@given(documents)
def test_depth_is_what_a_reader_finds_at_every_cut(document):
    quoting = Quoting()
    for at, char in enumerate(document):
        assert quoting.depth == depth_of(document[:at])
        quoting.feed(char)
    assert quoting.depth == 0


@settings(deadline=None)
@given(st.lists(texts, min_size=1, max_size=3), texts, texts)
def test_a_value_put_in_at_any_depth_is_read_as_itself(levels, value, beside):
    document: object = {"beside": beside, "at": MARK}
    for text in levels:
        document = {"text": text, "inner": json.dumps(document, ensure_ascii=False)}
    whole = json.dumps(document, ensure_ascii=False)
    before, _, after = whole.partition(MARK)
    quoting = Quoting()
    quoting.feed(before)
    assert quoting.depth == len(levels) + 1
    read = json.loads(before + escaped(value, quoting.depth) + after)
    for _ in levels:
        read = json.loads(read["inner"])
    assert read["at"] == value


@settings(deadline=None)
@given(documents, st.lists(st.integers(0, 200), max_size=6))
def test_cuts_do_not_matter(document, cuts):
    whole, pieces = Quoting(50), Quoting(50)
    half = document[: len(document) // 2]
    whole.feed(half)
    at = 0
    for cut in sorted(min(cut, len(half)) for cut in cuts):
        pieces.feed(half[at:cut])
        at = cut
    pieces.feed(half[at:])
    assert (whole.depth, whole.innermost) == (pieces.depth, pieces.innermost)


@pytest.mark.parametrize(
    "text",
    [
        'He said "',
        '[1] He said "',
        '[PERSON_x](https://a.example) said "',
        "{'a': \"",
        '[x for x in "',
        '{{ "',
        '<b>"',
        '"',
    ],
)
def test_running_text_has_no_strings(text):
    quoting = Quoting()
    for char in text:
        quoting.feed(char)
    assert quoting.depth == 0 or text == '{{ "'


def test_the_innermost_string_says_what_it_says():
    quoting = Quoting(100)
    quoting.feed('{"cmd": "{\\"url\\": \\"https:\\\\/\\\\/a.example\\\\u002f?q=')
    assert quoting.depth == 2
    assert quoting.innermost == "https://a.example/?q="


@settings(deadline=None)
@given(st.lists(texts), st.integers(1, 30))
def test_a_tail_is_the_last_of_a_text(pieces, reach):
    tail = Tail(reach)
    for piece in pieces:
        tail.add(piece)
    assert str(tail) == "".join(pieces)[-reach:]
    assert tail.last == "".join(pieces)[-1:]
