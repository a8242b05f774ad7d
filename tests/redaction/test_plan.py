import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.model import (
    Edit,
    Finding,
    Locator,
    Outcome,
    PartKind,
    Redaction,
    Role,
    Scan,
    Severity,
    Verdict,
)
from gateway.redaction import OperatorError, plan

KEY = b"k" * 32
TEXTS = {
    "a": "Card 4111 1111 1111 1111 of ann@example.com, again 4111 1111 1111 1111 now",
    "b": "".join(chr(0x100 + index) for index in range(60)),
}


def finding(start, end, *, place="a", entity="CREDIT_CARD", editable=True):
    return Finding(
        locator=Locator(place),
        role=Role.USER,
        kind=PartKind.TEXT,
        editable=editable,
        entity=entity,
        start=start,
        end=end,
        confidence=0.9,
        detector="d",
        fingerprint="f",
        preview="",
    )


def value_of(found):
    return TEXTS[found.locator.path][found.start : found.end]


def text_of(locator):
    return TEXTS[locator.path]


def planned(findings, calls, order=None):
    redactions = [Redaction(index, *call) for index, call in enumerate(calls)]
    outcome = Outcome(
        Verdict.REDACT,
        Verdict.REDACT,
        Severity.HIGH,
        redactions=tuple(redactions if order is None else [redactions[index] for index in order]),
    )
    return plan(Scan(tuple(findings)), outcome, text_of, key=KEY).edits


def test_separate_findings_are_separate_edits_in_order():
    result = planned(
        [finding(28, 43, entity="EMAIL_ADDRESS"), finding(5, 24)],
        [("replace",), ("partial", (("keep_last", 4),))],
    )
    assert result == (
        Edit(Locator("a"), 5, 24, "*" * 15 + "1111"),
        Edit(Locator("a"), 28, 43, "[EMAIL_ADDRESS]"),
    )


def test_nested_and_overlapping_findings_are_one_edit_with_what_shows_least():
    partial = ("partial", (("keep_last", 4),))
    result = planned(
        [finding(5, 24), finding(10, 30), finding(15, 19)], [partial, ("mask",), partial]
    )
    assert result == (Edit(Locator("a"), 5, 30, "*" * 20),)


def test_of_equal_operators_the_longest_finding_gives_the_label():
    result = planned(
        [finding(5, 20, entity="US_SSN"), finding(6, 30, entity="PERSON")], [("replace",)] * 2
    )
    assert [edit.replacement for edit in result] == ["[PERSON]"]


def test_touching_findings_stay_apart():
    assert len(planned([finding(0, 5), finding(5, 10)], [("mask",)] * 2)) == 2


def test_what_cannot_be_edited_or_is_empty_gives_no_edit():
    assert planned([finding(0, 5, editable=False), finding(7, 7)], [("mask",)] * 2) == ()


def test_places_do_not_mix():
    result = planned([finding(0, 5, place="b"), finding(0, 5)], [("mask",)] * 2)
    assert [edit.locator.path for edit in result] == ["a", "b"]


def test_a_redaction_of_nothing_or_with_nothing_is_an_error():
    with pytest.raises(IndexError):
        planned([], [("mask",)])
    outcome = Outcome(
        Verdict.REDACT, Verdict.REDACT, Severity.LOW, redactions=(Redaction(-1, "mask"),)
    )
    with pytest.raises(IndexError):
        plan(Scan((finding(0, 5),)), outcome, text_of, key=KEY)
    with pytest.raises(OperatorError):
        planned([finding(0, 5)], [("shred",)])


_spans = st.tuples(st.integers(0, 50), st.integers(1, 9)).map(lambda pair: (pair[0], sum(pair)))
_calls = st.sampled_from(
    [
        ("mask",),
        ("replace",),
        ("hash",),
        ("partial", (("keep_last", 4),)),
        ("partial", (("keep_first", 2),)),
    ]
)
_cases = st.lists(
    st.tuples(_spans, st.sampled_from("ab"), st.sampled_from(["PERSON", "US_SSN"]), _calls),
    max_size=12,
)


@settings(max_examples=examples(300), deadline=None)
@given(_cases, st.randoms(use_true_random=False))
def test_edits_never_overlap_and_cover_every_redaction(cases, rng: random.Random):
    findings = [finding(*span, place=place, entity=entity) for span, place, entity, _ in cases]
    calls = [call for *_, call in cases]
    result = planned(findings, calls)
    for one in result:
        for other in result:
            if one is not other and one.locator == other.locator:
                assert one.end <= other.start or other.end <= one.start
    for found in findings:
        (cover,) = (
            edit
            for edit in result
            if edit.locator == found.locator and edit.start <= found.start and found.end <= edit.end
        )
        assert value_of(found) not in cover.replacement
    order = list(range(len(cases)))
    rng.shuffle(order)
    assert planned(findings, calls, order) == result
