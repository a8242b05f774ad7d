"""Does a value go where it may and nowhere else, and does an answer wait no longer than it must?"""

import itertools
import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import (
    CASES,
    KEYS,
    VAULT,
    event,
    frame,
    issue,
    mint,
    nested,
    parsed,
    run,
    stream,
)

from gateway import protocols
from gateway.answers import AnswerStream, Shape, Vault, framing, leaves, shape_of
from gateway.answers.restore import Tokens
from gateway.encodings.json_text import JsonError
from gateway.model import Issued, Restoring
from gateway.protocols import said

VALUE = 'Jané "JD" O\\Brien'
TOKEN = mint(VALUE)
ISSUED = issue([(VALUE, "PERSON")])


def one(value=VALUE, *, restorable=True, hosts=frozenset()):
    return {mint(value): Issued(mint(value), value, restorable, hosts)}


def delta(text, index=0):
    return event({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": None}]})


def content(data):
    return "".join(
        choice["delta"].get("content") or ""
        for some in parsed(data)
        for choice in some["choices"]
        if "delta" in choice
    )


# --- where values go -------------------------------------------------------------------------------


def test_a_one_way_token_stays():
    data = delta(TOKEN)
    answers = stream(None, one(restorable=False))
    assert run(answers, [data]) == data
    assert (answers.counts.restored, answers.counts.withheld) == (0, 1)


def test_a_token_that_the_client_wrote_itself_stays_as_it_wrote_it():
    data = delta(TOKEN)
    assert (
        run(AnswerStream(Shape.EVENTS, None, (), KEYS, quoted=frozenset([TOKEN])), [data]) == data
    )
    with_vault = AnswerStream(Shape.EVENTS, None, (), KEYS, vault=VAULT, quoted=frozenset([TOKEN]))
    assert run(with_vault, [data], ISSUED) == data
    answers = AnswerStream(Shape.EVENTS, None, ISSUED.values(), KEYS, quoted=frozenset([TOKEN]))
    assert content(run(answers, [data])) == VALUE


@pytest.mark.parametrize(
    ("value", "before", "after", "expected"),
    [
        ("Ann", "", ",x", "Ann,x"),
        ("Lee, Ann", "", ",x", '"Lee, Ann",x'),
        ("Lee, Ann", "a\r\n1,", "\r\n", 'a\r\n1,"Lee, Ann"\r\n'),
        ('Ann "A" Lee', "1;", ";2", '1;"Ann ""A"" Lee";2'),
        ("Lee, Ann", '"', '",x', '"Lee, Ann",x'),
        ('Ann "A"', '1,"Dear ', ' you"', '1,"Dear Ann ""A"" you"'),
        ("Lee, Ann", "1,Dear ", "", "1,Dear Lee, Ann"),
    ],
)
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_a_value_stays_in_its_field_of_a_table(value, before, after, expected, cut):
    token = mint(value)
    answers = AnswerStream(shape_of("text/csv; charset=utf-8"), None, one(value).values(), KEYS)
    data = f"{before}{token}{after}".encode()
    pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
    assert run(answers, pieces).decode() == expected


def test_a_look_alike_and_another_actors_token_stay():
    for stranger in ("PERSON_" + "b" * 18, mint("of somebody else")):
        data = delta(f"{stranger} {TOKEN[:-1]} {TOKEN.lower()}")
        answers = stream(None, ISSUED, vault=True)
        assert run(answers, [data], {}) == data
        assert answers.counts.restored == 0


def test_tokens_issued_later_on_a_connection_are_restored():
    answers = stream(None, {}, shape=Shape.MESSAGE)
    answers.feed(json.dumps({"text": TOKEN}).encode())
    assert TOKEN in answers.take().decode()
    answers.issue(ISSUED.values())
    answers.feed(json.dumps({"text": f"{TOKEN}."}).encode())
    assert json.loads(answers.take())["text"] == f"{VALUE}."


@pytest.mark.parametrize("pieces", [1, 3, 1000])
@pytest.mark.parametrize(
    ("before", "goes"),
    [
        ("I am ", True),
        ("See https://evil.example/ or ask ", True),
        ("![x](https://evil.example/?q=", False),
        ("![x](https://", False),
        ("<img src='https://evil.example/?q=a b ", False),
        ("https://evil.example/?u=https://known.example/", False),
        ("https://known.example/?q=", True),
        ("https://allowed.example/?q=", True),
    ],
)
def test_no_value_goes_into_the_url_of_another_host(before, goes, pieces):
    restoring = Restoring(url_hosts=("allowed.*",))
    text = f"{before}{TOKEN} end"
    size = max(1, len(text) // pieces)
    data = b"".join(delta(text[at : at + size]) for at in range(0, len(text), size))
    answers = stream(None, one(hosts=frozenset(["known.example"])), restoring=restoring)
    assert content(run(answers, [data])) == f"{before}{VALUE if goes else TOKEN} end"


@pytest.mark.parametrize(
    "url", ["https://evil.example/?q=", "https:\\/\\/evil.example\\/", "https://evil.example/a b"]
)
def test_no_value_goes_into_a_url_in_a_tools_arguments(url):
    arguments = (
        '{"a": "{\\"url\\": \\"'
        + url.replace("\\", "\\\\")
        + TOKEN
        + '\\"}", "b": "'
        + TOKEN
        + '"}'
    )
    events = [
        event(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {"tool_calls": [{"index": 0, "function": {"arguments": char}}]},
                    }
                ]
            }
        )
        for char in arguments
    ]
    out = "".join(
        some["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
        for some in parsed(run(stream(None, ISSUED), events))
    )
    read = nested(out)
    assert read["b"] == VALUE
    assert TOKEN in json.dumps(read["a"])


CALL = {"type": "tool_use", "id": "t", "name": "fetch_url", "input": {"name": "save", "q": TOKEN}}
OTHER = {"type": "tool_use", "id": "u", "name": "save", "input": {"name": "fetch_url", "q": TOKEN}}


@pytest.mark.parametrize("turned", [False, True], ids=["name first", "name last"])
def test_a_tool_that_is_not_to_have_values_gets_none(turned):
    blocks = [dict(reversed(some.items())) if turned else some for some in (CALL, OTHER)]
    data = json.dumps({"content": [{"type": "text", "text": TOKEN}, *blocks]}).encode()
    restoring = Restoring(not_in_tools=("fetch*",))
    answers = stream(None, ISSUED, shape=Shape.JSON, protocol="anthropic", restoring=restoring)
    found = json.loads(run(answers, [data]))["content"]
    assert found[0]["text"] == VALUE
    assert {some["name"]: some["input"]["q"] for some in found[1:]} == {
        "fetch_url": TOKEN,
        "save": VALUE,
    }


def test_a_tool_that_is_not_to_have_values_gets_none_in_a_stream_either():
    def block(n, name, told=True):
        start = [
            {
                "type": "content_block_start",
                "index": n,
                "content_block": {"type": "tool_use", "name": name, "input": {}},
            }
        ]
        pieces = [
            {
                "type": "content_block_delta",
                "index": n,
                "delta": {"type": "input_json_delta", "partial_json": some},
            }
            for some in ('{"q": "', TOKEN, '"}')
        ]
        return b"".join(event(some) for some in (start if told else []) + pieces)

    answers = stream(
        None, ISSUED, protocol="anthropic", restoring=Restoring(not_in_tools=("fetch*",))
    )
    out = run(answers, [block(0, "fetch_url"), block(1, "save"), block(2, "?", told=False)])
    found: dict[int, str] = {}
    for some in parsed(out):
        if some["type"] == "content_block_delta":
            found[some["index"]] = found.get(some["index"], "") + some["delta"]["partial_json"]
    assert [json.loads(text)["q"] for text in found.values()] == [TOKEN, VALUE, TOKEN]


def test_policy_may_restore_in_texts_only_or_in_tools_only():
    data = json.dumps({"content": [{"type": "text", "text": TOKEN}, CALL]}).encode()
    for restoring, want in (
        (Restoring(text=False), (TOKEN, VALUE)),
        (Restoring(tools=False), (VALUE, TOKEN)),
    ):
        answers = stream(None, ISSUED, shape=Shape.JSON, protocol="anthropic", restoring=restoring)
        found = json.loads(run(answers, [data]))["content"]
        assert (found[0]["text"], found[1]["input"]["q"]) == want


def test_values_stay_text_in_html():
    value = "<b>&\"'"
    answers = stream(None, one(value), shape=Shape.MARKUP)
    assert run(answers, [f"<p>{mint(value)}</p>".encode()]) == b"<p>&lt;b&gt;&amp;&quot;&#x27;</p>"


def test_underscores_escaped_for_markdown_are_understood_at_every_cut():
    text = f"**{TOKEN.replace('_', chr(92) + '_')}** and"
    for cut in range(len(text)):
        data = delta(text[:cut]) + delta(text[cut:])
        assert content(run(stream(None, ISSUED), [data])) == f"**{VALUE}** and"
    inner = json.dumps({"a": text})
    for cut in range(len(inner)):
        out = run(stream(CASES[6], ISSUED), [CASES[6].write([inner[:cut], inner[cut:]])])
        assert CASES[6].read(out)["input"] == {"a": f"**{VALUE}** and"}


# --- stand-ins -------------------------------------------------------------------------------------

SIMILAR = [
    ("jane@acme.com", "EMAIL_ADDRESS"),
    ("4111 1111 1111 1111", "CREDIT_CARD"),
    ("+49 30 123456", "PHONE_NUMBER"),
    ("(030) 123456", "PHONE_NUMBER"),
    ("030123456", "PHONE_NUMBER"),
    ("10.1.2.3", "IP_ADDRESS"),
    ("fe80::1", "IP_ADDRESS"),
    ("123e4567-e89b-12d3-a456-426614174000", "ID"),
    ("1980-02-03", "DATE_OF_BIRTH"),
    ("03.02.1980", "DATE_OF_BIRTH"),
    ("/home/jane/plans.docx", "FILE_PATH"),
    ("/home/jane/plans", "FILE_PATH"),
    ("C:\\Users\\jane\\plans.docx", "FILE_PATH"),
]


@pytest.mark.parametrize("vault", [False, True], ids=["exchange", "vault"])
@pytest.mark.parametrize(("value", "entity"), SIMILAR)
def test_a_stand_in_cut_anywhere_is_restored(value, entity, vault):
    issued = issue([(value, entity)], "similar")
    (token,) = issued
    assert not token.startswith(entity)
    for after in (" and", ".", ".\n", ", 5", ""):
        text = f"It is {token}{after}"
        for cut in range(len(text) + 1):
            for again in (cut, min(cut + 1, len(text))):
                data = delta(text[:cut]) + delta(text[cut:again]) + delta(text[again:])
                answers = stream(None, issued, vault=vault, labels=Vault.of(["PERSON"]))
                assert content(run(answers, [data], issued)) == f"It is {value}{after}", (
                    cut,
                    after,
                )


@pytest.mark.parametrize("vault", [False, True], ids=["exchange", "vault"])
@pytest.mark.parametrize(("value", "entity"), SIMILAR)
def test_what_only_begins_like_a_stand_in_is_let_go(value, entity, vault):
    issued = issue([(value, entity)], "similar")
    (token,) = issued
    for cut in range(1, len(token)):
        data = delta(f"x {token[:cut]}") + delta("! go")
        answers = stream(None, issued, vault=vault, labels=Vault.of(["PERSON"]))
        assert run(answers, [data], {}) == data


def test_numbers_next_to_a_stand_in_are_not_taken_for_it():
    issued = issue([("10.1.2.3", "IP_ADDRESS")], "similar")
    (token,) = issued
    for text in (f"1{token}", f"{token}1", f"a{token}", f"{token}.1"):
        for cut in range(len(text) + 1):
            data = delta(text[:cut]) + delta(text[cut:])
            assert run(stream(None, issued), [data]) == data, (text, cut)


# --- how long it waits -----------------------------------------------------------------------------


def taken(answers, *chunks):
    out = b""
    for chunk in chunks:
        answers.feed(chunk)
        out += answers.take()
    return out


def test_only_what_may_become_a_token_waits():
    answers = stream(None, ISSUED)
    assert taken(answers, delta("Hello P")) == b""
    assert content(taken(answers, delta("eople"))) == "Hello People"
    assert content(taken(answers, delta("and"))) == "and"
    assert taken(answers, delta(TOKEN[:9])) == b""
    assert content(taken(answers, delta(TOKEN[9:]))) == VALUE


FINISH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
TOOL = event(
    {
        "choices": [
            {"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}
        ]
    }
)
FILTER = event({"choices": [{"index": 0, "content_filter_results": {}, "finish_reason": None}]})


@pytest.mark.parametrize("closing", [FINISH, TOOL, event("[DONE]"), event({"error": {}}, "error")])
def test_an_end_or_another_text_lets_go_of_what_waits(closing):
    answers = stream(None, ISSUED)
    data = delta("Hello P")
    assert taken(answers, data) == b""
    assert taken(answers, closing) == data + closing


def test_another_choice_and_the_notes_of_a_filter_do_not():
    answers = stream(None, ISSUED)
    assert taken(answers, delta("Hello P"), FILTER, b": ping\n\n", delta("x", 1)) == b""
    assert content(taken(answers, delta(TOKEN[1:]))) == f"Hello {VALUE}x"


def test_the_end_of_a_block_lets_go():
    for protocol, begin, end in (
        ("anthropic", event({"type": "content_block_delta", "index": 1, "delta": {"text": "P"}}), event({"type": "content_block_stop", "index": 1})),
        ("cohere", event({"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "P"}}}}), event({"type": "content-end", "index": 1})),
        ("openai", event({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "P"}), event({"type": "response.output_item.done", "output_index": 1})),
        ("gemini", event({"candidates": [{"content": {"parts": [{"text": "P"}]}}]}), event({"candidates": [{"finishReason": "STOP"}]})),
    ):  # fmt: skip
        answers = stream(None, ISSUED, protocol=protocol)
        assert taken(answers, begin) == b""
        assert taken(answers, end) == begin + end
    answers = stream(None, ISSUED, protocol="bedrock", shape=Shape.EVENT_STREAM)
    begin = frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "P"}})
    end = frame("contentBlockStop", {"contentBlockIndex": 1})
    assert taken(answers, begin) == b""
    assert taken(answers, end) == begin + end
    answers = stream(None, ISSUED, protocol="ollama", shape=Shape.LINES)
    line = b'{"response": "P", "done": true}\n'
    assert taken(answers, line) == line


def test_patience_ends():
    answers = stream(None, ISSUED)
    first = delta("P")
    assert taken(answers, first) == b""
    others = [delta("x", 1) for _ in range(100)]
    out = taken(answers, *others[:47])
    assert out == b""
    assert taken(answers, *others[47:]) == first + b"".join(others)


def test_silence_lets_go():
    answers = stream(None, ISSUED, shape=Shape.MESSAGE, protocol="generic")
    message = json.dumps({"text": "Hello P"}).encode()
    assert taken(answers, message) == b""
    answers.flush()
    assert answers.take() == message


def test_what_waits_is_bounded():
    answers = stream(None, ISSUED)
    first = delta("P")
    large = event({"choices": [{"index": 1, "delta": {"x": "y" * 600_000}}]})
    assert taken(answers, first, large) == b""
    assert taken(answers, large) == first + 2 * large


def test_texts_that_are_remembered_are_bounded():
    answers = stream(None, ISSUED)
    data = b"".join(delta("P", n) for n in range(2000))
    tracemalloc.start()
    out = taken(answers, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    answers.end()
    assert out + answers.take() == data
    assert peak < 8 << 20


# --- odd events ------------------------------------------------------------------------------------


def test_keys_in_any_order_and_twice():
    data = event('{"choices":[{"delta":{"content":"a ' + TOKEN[:5] + '"},"index":0}]}')
    data += event(
        '{"choices":[{"delta":{"content":"'
        + TOKEN[5:]
        + '","content":"'
        + TOKEN[5:]
        + '"},"index":0}]}'
    )
    out = run(stream(None, ISSUED), [data])
    assert TOKEN[5:] not in content(out)
    twice = event(
        '{"choices":[{"index":0,"delta":{"content":"'
        + TOKEN
        + '"}}],"choices":[{"index":0,"delta":{"content":"'
        + TOKEN
        + '"}}]}'
    )
    assert TOKEN not in run(stream(None, ISSUED), [twice]).decode()


def test_numbers_that_are_no_json_do_not_matter():
    data = event(
        '{"choices":[{"index":0,"logprob":-Infinity,"x":NaN,"delta":{"content":"NaN, '
        + TOKEN
        + '"}}]}'
    )
    out = run(stream(None, ISSUED), [data])
    assert content(out) == f"NaN, {VALUE}"
    assert out.startswith(b'data: {"choices":[{"index":0,"logprob":-Infinity,"x":NaN,')


def test_a_letter_that_is_escaped_for_no_reason_is_still_a_letter():
    spelled = "".join(f"\\u{ord(char):04x}" for char in TOKEN)
    for cut in range(0, len(spelled), 6):
        data = b"".join(
            event(f'{{"choices":[{{"index":0,"delta":{{"content":"{some}"}}}}]}}')
            for some in (spelled[:cut], spelled[cut:])
        )
        assert content(run(stream(None, ISSUED), [data])) == VALUE


def test_reasoning_items_are_kept():
    data = json.dumps({"output": [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": TOKEN}], "encrypted_content": TOKEN},
        {"type": "message", "content": [{"type": "output_text", "text": TOKEN}]},
    ]}).encode()  # fmt: skip
    out = json.loads(run(stream(None, ISSUED, shape=Shape.JSON), [data]))
    assert out["output"][0] == json.loads(data)["output"][0]
    assert out["output"][1]["content"][0]["text"] == VALUE


def test_a_document_over_the_limit_passes_as_it_is(monkeypatch):
    monkeypatch.setattr(framing, "MAX_FRAME", 1 << 16)
    data = json.dumps({"x": "y" * (1 << 17), "text": TOKEN}).encode()
    answers = stream(None, ISSUED, shape=Shape.JSON)
    assert run(answers, [data[at : at + 1000] for at in range(0, len(data), 1000)]) == data


def test_a_picture_is_not_read_but_a_token_beside_one_is_restored():
    picture = "A" * (2 << 20)
    data = event({"type": "image", "b64": picture})
    assert run(stream(None, ISSUED), [data]) == data
    out = run(stream(None, ISSUED), [event({"type": "image", "b64": picture, "prompt": TOKEN})])
    assert parsed(out) == [{"type": "image", "b64": picture, "prompt": VALUE}]


def test_the_shape_is_told_by_the_content_type():
    assert shape_of("text/event-stream; charset=utf-8") is Shape.EVENTS
    assert shape_of("application/vnd.api+json") is Shape.JSON
    assert shape_of("application/x-amz-json-1.0") is Shape.JSON
    assert shape_of("application/json-seq") is Shape.LINES
    for kind in (
        "application/connect+json",
        "application/grpc-web+json",
        "image/png",
        "application/octet-stream",
    ):
        assert shape_of(kind) is Shape.OPAQUE


# --- what comes out is what came -------------------------------------------------------------------

anything = st.one_of(
    st.binary(max_size=300),
    st.text('{}[]":,\\nPERSON_bcd data:\r\n0', max_size=120).map(str.encode),
    st.builds(
        lambda text: event({"choices": [{"index": 0, "delta": {"content": text}}]}),
        st.text(max_size=20),
    ),
)


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("vault", [False, True], ids=["exchange", "vault"])
@settings(deadline=None)
@given(
    data=st.lists(anything, max_size=6),
    protocol=st.sampled_from(["openai", "anthropic", "gemini", "generic", "bedrock"]),
)
def test_anything_without_a_token_passes_byte_for_byte(shape, vault, data, protocol):
    issued = ISSUED | issue(SIMILAR, "similar")
    answers = stream(
        None, issued, shape=shape, protocol=protocol, vault=vault, labels=Vault.of(["PERSON"])
    )
    assert run(answers, data, {}) == b"".join(data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(deadline=None)
@given(
    cuts=st.lists(st.integers(0, 80), max_size=8),
    wire=st.lists(st.integers(0, 6000), max_size=8),
    vault=st.booleans(),
)
def test_any_pieces_in_any_chunks_are_restored(case, cuts, wire, vault):
    value = "Jané 'JD' \\ 🎈"
    issued = issue([(value, "PERSON")])
    (token,) = issued
    text = (
        json.dumps({"a": token, "b": json.dumps([token, "PERS"])})
        if case.arguments
        else f"a {token}{token} PERSON"
    )
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    data = case.write([text[at:to] for at, to in itertools.pairwise(places)])
    edges = [0, *sorted(min(cut, len(data)) for cut in wire), len(data)]
    chunks = [data[at:to] for at, to in itertools.pairwise(edges)]
    out = json.dumps(case.read(run(stream(case, issued, vault=vault), chunks, issued)))
    said_before = json.dumps(case.read(data))
    assert out == said_before.replace(token, json.dumps(value)[1:-1])


values = st.recursive(
    st.text("abP_", max_size=4) | st.integers(0, 3) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "delta", "content", "text", "index", "thought", "parts", "candidates",
                         "tool_calls", "function", "arguments", "name", "v", "p", "type", "thinking", "message", "x"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize(
    "protocol", ["openai", "anthropic", "gemini", "generic", "bedrock", "cohere", "ollama"]
)
@settings(deadline=None)
@given(value=values)
def test_both_ways_to_read_an_event_give_the_same_pieces(protocol, value):
    answers = protocols.get(protocol).answers
    tokens = Tokens((), KEYS)
    payload = json.dumps(value)
    table = answers.table(leaves.kind_of(value, answers))
    fast = leaves.pieces(value, leaves.interest(table), apart=answers.apart)
    try:
        slow = leaves.spanned(payload, value, table, tokens, answers)
    except JsonError:
        return

    def key(leaf):
        return (leaf.place, leaf.indexes, leaf.text, leaf.path, leaf.said)

    assert sorted(map(repr, map(key, fast))) == sorted(
        repr(key(leaf)) for leaf in slow if leaf.said.piece or leaf.said.names
    )
    assert said.GENERIC.apart


# --- cost ------------------------------------------------------------------------------------------


def took(work):
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def test_the_number_of_tokens_hardly_matters():
    data = [delta(f"Some words, {n} of them, and more. ") for n in range(300)]
    many = issue([(f"jane{n}@acme.com", "EMAIL_ADDRESS") for n in range(2500)], "similar")
    many |= issue([(f"Jane {n}", "PERSON") for n in range(2500)])
    few = dict(list(many.items())[:1] + list(many.items())[-1:])
    slow, fast = stream(None, many), stream(None, few)
    assert took(lambda: taken(slow, *data)) < 5 * took(lambda: taken(fast, *data))


def test_empty_pieces_while_something_waits_cost_nothing_more():
    def work(count):
        parts = [{"text": "P"}, *({"text": ""} for _ in range(count))]
        data = event({"candidates": [{"content": {"parts": parts}}]})
        return lambda: run(stream(None, ISSUED, protocol="gemini"), [data] * 3)

    assert took(work(10_000)) < 40 * took(work(1000))


def test_many_tokens_in_one_document_take_linear_time():
    def work(count):
        data = json.dumps([{"text": f"{TOKEN} "} for _ in range(count)]).encode()
        return lambda: run(stream(None, ISSUED, shape=Shape.JSON), [data])

    assert took(work(2000)) < 40 * took(work(200))
