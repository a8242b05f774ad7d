"""Is a token restored wherever it is cut, in every stream of every protocol?

For each way to answer: the text cut in two at every offset, and in three at every pair of offsets of
a token; and the bytes cut at every place, and one by one. What the client reads is what it would
have read without the gateway.

Of the offsets, the pairs and the places a sample, another for each way to answer;
`LEAKGATE_SWEEP=full` makes all cuts.
"""

import itertools
import json

import pytest
from support.answers import CASES, KEPT, THOUGHT, issue, mint, run, stream, swapped
from support.thorough import some

VALUES = (
    ('Jané "JD" O\\Brien\n🎈', "PERSON"),
    ("j.d@example.org", "EMAIL_ADDRESS"),
    (mint("a token of old"), "IP_ADDRESS"),
)
PLAIN = (("Jané 'JD' O\\Brien 🎈", "PERSON"), *VALUES[1:])
HALF = (("half \ud83d a pair", "US_SSN"),)


def values_of(case):
    # One event of text is one line; and what stands in a text/plain body is what a person reads.
    return PLAIN if case.name in {"plain events", "text"} else VALUES


def text_of(case, tokens):
    if not case.arguments:
        return f"PE {tokens[0]}, IP_{tokens[1]}{tokens[2]} US"
    inner = json.dumps({"n": tokens[0], "m": json.dumps([tokens[1]])})
    return json.dumps({"a": inner, "b": f"é{tokens[2]}", tokens[1]: "http"})


def setting(case):
    issued = issue(values_of(case))
    tokens = list(issued)
    return issued, tokens, text_of(case, tokens), {one.token: one.value for one in issued.values()}


def expected(case, data, values):
    said = case.read(data)
    return {name: some if name in KEPT else swapped(some, values) for name, some in said.items()}


each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def check(case, data, chunks, issued, values, *, vault=False):
    out = run(stream(case, issued, vault=vault), chunks, issued)
    want = expected(case, data, values)
    assert case.read(out) == want
    return out


@each_case
@pytest.mark.parametrize("vault", [False, True], ids=["exchange", "vault"])
def test_a_text_cut_in_two_anywhere_is_restored(case, vault):
    issued, _, text, values = setting(case)
    for cut in some(range(len(text) + 1), 40, seed=case.name):
        data = case.write([text[:cut], text[cut:]])
        check(case, data, [data], issued, values, vault=vault)


@each_case
def test_a_token_cut_in_three_anywhere_is_restored(case):
    issued, tokens, text, values = setting(case)
    start = text.index(tokens[2])
    offsets = range(start, start + len(tokens[2]) + 1)
    pairs = itertools.combinations_with_replacement(offsets, 2)
    for one, two in some(pairs, 40, seed=case.name):
        data = case.write([text[:one], text[one:two], text[two:]])
        check(case, data, [data], issued, values)


@each_case
@pytest.mark.parametrize("vault", [False, True], ids=["exchange", "vault"])
def test_every_character_by_itself_and_every_byte_by_itself_are_restored(case, vault):
    issued, tokens, text, values = setting(case)
    data = case.write(list(text))
    check(case, data, [data], issued, values, vault=vault)
    cut = text.index(tokens[1]) + 5
    data = case.write([text[:cut], text[cut:]])
    whole = check(case, data, [data], issued, values, vault=vault)
    bytewise = [data[at : at + 1] for at in range(len(data))]
    assert check(case, data, bytewise, issued, values, vault=vault) == whole


@each_case
def test_bytes_cut_anywhere_are_the_same(case):
    issued, tokens, _, values = setting(case)
    text = json.dumps({"é": tokens[0]}) if case.arguments else f"é {tokens[0]}"
    cut = text.index(tokens[0]) + 5
    data = case.write([text[:cut], text[cut:]])
    out = check(case, data, [data], issued, values)
    for at in some(range(len(data)), 80, seed=case.name):
        assert run(stream(case, issued), [data[:at], data[at:]]) == out


@each_case
def test_half_a_pair_is_restored_or_replaced_and_never_breaks_the_answer(case):
    issued = issue(HALF)
    (token,) = issued
    text = json.dumps({"a": token}) if case.arguments else f"x {token} y"
    data = case.write([text[:9], text[9:]])
    out = run(stream(case, issued), [data])
    # Where there is no JSON to write half a pair in, a mark stands in for it.
    plain = case.name in {"text", "plain events"}
    value = HALF[0][0].replace("\ud83d", "\ufffd") if plain else HALF[0][0]
    assert case.read(out) == expected(case, data, {token: value})


@each_case
def test_what_has_no_token_passes_byte_for_byte(case):
    issued, _, _, _ = setting(case)
    stranger = "PERSON_" + "b" * 18
    text = (
        f"US PERSON_ {stranger} IP {THOUGHT[:-1]}x é\\n"
        if not case.arguments
        else json.dumps({"a": stranger, "é": "IP"})
    )
    for vault in (False, True):
        data = case.write(list(text))
        assert run(stream(case, issued, vault=vault), [data]) == data
