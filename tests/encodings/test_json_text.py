"""Is every string, key and long number of a JSON text met, at its place and with its rule?"""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.encodings import json_text
from gateway.encodings.json_text import EventKind, JsonError, compile_table, walk, walk_sequence
from gateway.model import UnreadReason

FREE = compile_table({}, "free")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=5)
    | st.lists(st.tuples(st.text(st.characters(exclude_categories=())), inner), max_size=5).map(tuple),
    max_leaves=20,
)  # fmt: skip


def dump(value, spaces: str, ascii_only: bool) -> str:
    """JSON with duplicate keys allowed: an object is a tuple of pairs."""

    def one(item) -> str:
        return json.dumps(item, ensure_ascii=ascii_only)

    match value:
        case tuple():
            inner = f",{spaces}".join(
                f"{one(key)}{spaces}:{spaces}{dump(item, spaces, ascii_only)}"
                for key, item in value
            )
            return "{" + spaces + inner + spaces + "}"
        case list():
            inner = f"{spaces},".join(dump(item, spaces, ascii_only) for item in value)
            return "[" + spaces + inner + spaces + "]"
        case _:
            return one(value)


def leaves(value):
    """Every string and key in order, as the standard parser gives them."""
    match value:
        case list():
            for item in value:
                yield from leaves(item)
        case dict():
            raise AssertionError
        case tuple():
            for key, item in value:
                yield key
                yield from leaves(item)
        case str():
            yield value


@settings(max_examples=examples(200), deadline=None)
@given(values, st.sampled_from(["", " ", "\n\t"]), st.booleans())
def test_every_string_and_key_is_met_in_order_with_its_span(value, spaces, ascii_only):
    text = dump(value, spaces, ascii_only)
    parsed = json.loads(text, object_pairs_hook=tuple)
    events = walk(text, FREE).events
    strings = [event for event in events if event[0] in (EventKind.STRING, EventKind.KEY)]
    assert [event[1] for event in strings] == list(leaves(parsed))
    for _, decoded, start, end, *_ in strings:
        assert text[start - 1] == '"' == text[end]
        assert json.loads(text[start - 1 : end + 1]) == decoded


@settings(max_examples=examples(300), deadline=None)
@given(
    st.text('{}[]",:\\u0 1eE+-.truefalsn\n', max_size=30)
    | st.lists(st.sampled_from(["NaN", "Infinity", "-", "[", ",", "]", "1"]), max_size=7).map(
        "".join
    )
    | values.map(lambda value: dump(value, "", ascii_only=True)).flatmap(
        lambda text: st.integers(0, max(len(text) - 1, 0)).map(
            lambda at: text[:at] + text[at + 1 :]
        )
    )
)
def test_accepts_exactly_what_the_standard_parser_accepts(text):
    try:
        json.loads(text)
        valid = True
    except ValueError:
        valid = False
    try:
        walk(text, FREE)
        accepted = True
    except JsonError:
        accepted = False
    assert accepted == valid


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "[1,]", '{"a":1,}', '{"a" 1}', "{a:1}", "'a'", "[1 2]", "[01]", "[1.]", "[.5]",
     "[+1]", "nan", "-NaN", "[+Infinity]", '"\x01"', '"\\x41"', '"\\u12"', "[]]", "[}", "{]", "nul", "[1]x",
     '{"a":1 "b":2}', "[,1]", "// c\n1", "{1:2}", "\u00a01", "[\u0661]", '"a', '["a"', "tru"],
)  # fmt: skip
def test_malformed_is_an_error_with_a_position_and_no_content(text):
    with pytest.raises(JsonError) as caught:
        walk(text, FREE)
    assert caught.value.reason is UnreadReason.MALFORMED
    assert 0 <= caught.value.position <= len(text)
    assert caught.value.__context__ is None


def test_the_error_keeps_no_document():
    with pytest.raises(JsonError) as caught:
        walk('{"a": "secret\x01words"}', FREE)
    assert caught.value.__context__ is None
    assert "secret" not in repr(caught.value)


def test_rules_follow_the_table():
    table = compile_table(
        {
            "model": "id",
            "messages[].content.**": "say",
            "messages[].content[].type": "id",
            "open.*": "star",
            "open.named": "named",
            "keyed.*.url": "url",
        },
        "free",
        tags=["messages[].role"],
        same={"body": "", "requests[]": ""},
    )
    text = """{"model": "m", "other": {"model": "o"},
        "messages": [{"content": ["a", {"type": "t", "deep": {"text": "d"}}], "role": "user"},
                     {"content": "c", "role": "x"}],
        "body": {"messages": [{"content": "nested", "role": "r"}]},
        "requests": [{"model": "q"}, {"body": {"body": {"model": "far"}}}],
        "open": {"named": "n", "odd": "s"}, "keyed": {"k1": {"url": "u"}}, "[]": "p", "*": "w"}"""
    found = walk(text, table)
    rules = {event[1]: event[4] for event in found.events if event[0] is EventKind.STRING}
    assert rules == {
        "m": "id", "o": "free", "a": "say", "t": "id", "d": "say", "user": "free", "c": "say",
        "x": "free", "nested": "say", "r": "free", "q": "id", "far": "id", "n": "named",
        "s": "star", "u": "url", "p": "free", "w": "free",
    }  # fmt: skip
    tags = {event[1]: tag for event, tag in zip(found.events, found.tags, strict=True)}
    assert tags["a"] == tags["d"] == "user"  # the role field may stand after the content
    assert tags["c"] == "x"
    assert tags["nested"] == "r"
    assert tags["m"] is None


def test_a_tag_can_name_the_object_around_it():
    table = compile_table({}, "free", tags=["m[].author.role^"])
    found = walk('{"m": [{"author": {"role": "user", "x": "in"}, "c": "out"}], "d": "far"}', table)
    tags = {event[1]: tag for event, tag in zip(found.events, found.tags, strict=True)}
    assert (tags["in"], tags["out"], tags["far"]) == ("user", "user", None)
    walk('{"role": "x"}', compile_table({}, "free", tags=["role^"]))


@pytest.mark.parametrize("pattern", ["a.**.b", "a..b", "[", "a]"])
def test_a_pattern_that_is_no_path_is_an_error(pattern):
    with pytest.raises(ValueError, match=re.escape(pattern)):
        compile_table({pattern: "x"}, "free")


def test_keys_that_the_table_spells_out_are_not_met():
    table = compile_table({"known.deep": "x"}, "free")
    events = walk('{"known": {"other": {"deep": 1}}, "odd": 2}', table).events
    assert [event[1] for event in events] == ["other", "odd"]


def test_duplicate_keys_are_all_met():
    found = [event[1] for event in walk('{"a":"1","a":"2","a":{"a":"3"}}', FREE).events]
    assert found == ["a", "1", "a", "2", "a", "a", "3"]


def test_numbers_of_six_digits_and_arrays_of_numbers_are_met():
    events = walk(
        '{"a": 123456, "b": 12345, "c": [1, 2.5e3 , -3], "d": 4.11111, "e": [1,"x"]}', FREE
    ).events
    numbers = [(event[0], event[1]) for event in events if event[0] > EventKind.KEY]
    assert numbers == [
        (EventKind.NUMBER, "123456"),
        (EventKind.NUMBERS, "[1, 2.5e3 , -3]"),
        (EventKind.NUMBER, "4.11111"),
    ]


def test_lone_surrogates_are_kept():
    found = walk(r'["\ud800", "\udc00\ud800", "\ud83d\ude00"]', FREE)
    assert [event[1] for event in found.events] == ["\ud800", "\udc00\ud800", "\U0001f600"]


def test_depth_and_count_are_bounded():
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        deep = opening * 200 + "1" + closing * 200
        walk(deep, FREE)
        with pytest.raises(JsonError) as caught:
            walk(f"[{deep}]", FREE)
        assert caught.value.reason is UnreadReason.TOO_DEEP
    with pytest.raises(JsonError) as caught:
        walk("[" + '"",' * 100 + '""]', FREE, max_values=50)
    assert caught.value.reason is UnreadReason.TOO_DEEP


def test_hostile_nesting_of_a_megabyte_is_quick_to_refuse():
    for text in ("[" * 1_000_000, '{"a":' * 200_000, "[" + "1," * 500_000, '"' + "\\" * 999_999):
        with pytest.raises(JsonError):
            walk(text, FREE)


@pytest.mark.parametrize(
    "text", ['{"a":"1"}\n{"a":"2"}\n', '{"a":"1"}\r\n\r\n{"a":"2"}', '\x1e{"a":"1"}\n\x1e{"a":"2"}\n',
             '{"a":"1"}\x1e{"a":"2"}\x1e', '{"a":"1"}{"a":"2"}', '\ufeff{"a":"1"} {"a":"2"}']
)  # fmt: skip
def test_sequences_of_documents_are_read_to_the_end(text):
    found = walk_sequence(text, FREE)
    assert [event[1] for event in found.events] == ["a", "1", "a", "2"]
    assert len(found.ends) == 2


@pytest.mark.parametrize("text", ["", "\n", '{"a":1}\nwords', "1 2 3", '"a" "b"', '{"a":1}\n{'])
def test_what_is_no_sequence_is_malformed(text):
    with pytest.raises(JsonError):
        walk_sequence(text, FREE)


def test_walk_of_a_long_chat_is_fast(benchmark):
    message = {"role": "user", "content": "Lorem ipsum dolor sit amet,\n consectetur " * 47}
    text = json.dumps({"messages": [message] * 100})
    found = benchmark(lambda: json_text.walk(text, FREE))
    assert len(found.events) == 401
