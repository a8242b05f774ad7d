import pickle

import pytest

from gateway.model import FileInfo, Locator, Scan, Verdict
from gateway.policy import evaluate
from gateway.policy.executable import FactTest, FileTest, mismatched


def test_a_policy_set_travels_to_workers(policy, exchange, route, finding):
    sent = policy("rules: [{id: a, when: {entity: US_SSN, host: '*.example'}, action: block}]")
    got = pickle.loads(pickle.dumps(sent))
    assert got == sent
    assert evaluate(got, exchange(), route(), Scan((finding(),))).verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    ("value", "holds"),
    [("30", False), ("31", True), ("90", True), ("91", False), ("indefinite", False)],
)
def test_a_fact_in_a_range(value, holds):
    assert FactTest(frozenset(), ((31, 90),)).holds(value) is holds


def test_indefinite_is_above_every_bound_and_unknown_is_no_number():
    assert FactTest(frozenset(), ((31, None),)).holds("indefinite")
    assert not FactTest(frozenset(), ((0, None),)).holds("unknown")


@pytest.mark.parametrize(
    ("declared", "true", "family", "differs"),
    [
        ("image/png", "application/pdf", "document", True),
        ("image/jpg", "image/jpeg", "image", False),
        ("IMAGE/PNG; a=b", "image/png", "image", False),
        ("", "application/pdf", "document", False),
        ("application/octet-stream", "application/pdf", "document", False),
        ("text/x-python", "text/plain", "text", False),
        ("image/png", "text/plain", "text", True),
        ("text/plain", "application/zip", "archive", True),
    ],
)
def test_a_file_that_is_not_what_it_was_declared_to_be(declared, true, family, differs):
    file = FileInfo(Locator("f"), true, family, 1, declared)
    assert mismatched(file) is differs
    assert FileTest(mismatch=True).holds(file) is differs
