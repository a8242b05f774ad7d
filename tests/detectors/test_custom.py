"""A company's own detectors: what may be written, and that each is proved before it is used."""

from __future__ import annotations

import time

import pytest

from gateway.detectors import Custom, Settings, entities, problems
from gateway.documents import DocumentError, load

GOOD = r"""
custom:
- entity: PROJECT_NAME
  keywords: [Bluebird, Operation Nightjar]
  hits: [the bluebird budget]
  misses: [bluebirds sing]
- entity: TICKET
  title: Number of a ticket
  severity: low
  groups: [technical]
  regex: 'ticket (?P<value>PRJ-\d{5})\b'
  near: customer
  confidence: 0.7
  hits: customer ticket PRJ-12345
  misses: [ticket PRJ-12345, customer ticket PRJ-1]
min_confidence: {TICKET: 0.5}
disabled: [PROJECT_NAME]
"""


def test_what_is_written_is_known_by_name():
    made = load(GOOD, Settings, source="p.yaml")
    known = made.entities()
    assert {"PROJECT_NAME", "TICKET"} == set(known) - set(entities())
    assert known["PROJECT_NAME"].groups == {"company"}
    assert known["TICKET"].title == "Number of a ticket"
    assert known["TICKET"].apart
    assert made.min_confidence == {"TICKET": 0.5}
    for custom in made.custom:
        assert list(problems(custom)) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("PROJECT_NAME\n", "US_SSN\n", "3:3", "is a built-in entity"),
        ("PROJECT_NAME\n", "project\n", "3:3", "should match pattern"),
        ("keywords:", "keyword:", "4:3", "did you mean `keywords`?"),
        ("[Bluebird, Operation Nightjar]", "[Bluebird, x]", "4:3", "has two letters or more"),
        ("[Bluebird, Operation Nightjar]", f"[{'x' * 101}]", "4:3", "too long"),
        ("[Bluebird, Operation Nightjar]", "[]", "3:3", "looks for nothing"),
        ("[technical]", "[techncal]", "10:", "did you mean `technical`?"),
        ("severity: low", "severity: lo", "9:3", "is not one of"),
        (r"PRJ-\d{5})\b'", r"PRJ-\d{5}'", "11:3", "no regular expression"),
        (r"'ticket (?P<value>PRJ-\d{5})\b'", "'(a|b)*'", "11:3", "match everywhere"),
        ("confidence: 0.7", "confidence: 0.1", "13:3", "greater than or equal"),
        ("  misses: [bluebirds sing]\n", "", "3:3", "`misses` is missing"),
        ("hits: [the bluebird budget]", "hits: []", "5:3", "at least 1"),
        ("{TICKET: 0.5}", "{TICKETS: 0.5}", "16:1", "did you mean `TICKET`?"),
        ("disabled: [PROJECT_NAME]", "disabled: [PROJECT]", "17:1", "unknown entity `PROJECT`"),
    ],
)
def test_mistakes_are_told_with_their_place(old, new, place, says):
    assert old in GOOD
    with pytest.raises(DocumentError) as error:
        load(GOOD.replace(old, new, 1), Settings, source="p.yaml")
    told = [str(problem) for problem in error.value.problems]
    assert any(says in line and line.startswith(f"p.yaml:{place}") for line in told), told


def custom(**values):
    return Custom(**{"entity": "OWN", "hits": ("x",), "misses": ("y",), **values})


def test_a_hit_that_is_not_found_and_a_miss_that_is_are_told():
    detector = custom(
        keywords=("bluebird",), hits=("bluebird", "bluebirds"), misses=("blue", "a Bluebird!")
    )
    assert list(problems(detector)) == [
        (("hits", 1), "`OWN` does not find `bluebirds`"),
        (("misses", 1), "`OWN` finds `Bluebird` in `a Bluebird!`"),
    ]
    strict = custom(
        keywords=("Bluebird",), match_case=True, hits=("Bluebird",), misses=("bluebird",)
    )
    assert list(problems(strict)) == []


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [(r"(\w+\s?)+$", "foo bar"), (r"(?:x+x+)+y", "xxy")],
)
def test_a_pattern_that_can_get_stuck_is_refused(pattern, hit):
    started = time.process_time()
    told = list(problems(custom(regex=(pattern,), hits=(hit,), misses=("?",))))
    assert [place for place, _ in told] == [("regex", 0)]
    assert "takes too long" in told[0][1]
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [(r"\bPRJ-\d+\b", "PRJ-123"), (r"[a-z0-9-]{1,30}\.acme\.example", "a.acme.example"),
     (r"(?i)kunde(?:nnr)?\.?\s*:?\s*(?P<value>\d{6})", "Kundennr.: 123456"),
     (r"größe \d+", "größe 12"), (r"\x41-\d", "A-1")],
)  # fmt: skip
def test_ordinary_patterns_pass(pattern, hit):
    assert list(problems(custom(regex=(pattern,), hits=(hit,), misses=("?",)))) == []


def test_settings_of_several_documents_are_joined():
    first = load(GOOD, Settings, source="a.yaml")
    second = load(
        "internal: {hosts: [Acme.example], packages: com.acme}\nsecrets: false",
        Settings,
        source="b",
    )
    third = load("internal: {hosts: [acme.example, b.example]}\ndisabled: []", Settings, source="c")
    merged = Settings.merged([first, second, third])
    assert [each.entity for each in merged.custom] == ["PROJECT_NAME", "TICKET"]
    assert merged.internal.hosts == ("acme.example", "b.example")
    assert merged.internal.packages == ("com.acme",)
    assert merged.disabled == frozenset()
    assert not merged.secrets
    assert merged.min_confidence == {"TICKET": 0.5}
    assert Settings.merged([]) == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("internal: {hosts: ['https://x']}", "is not a domain"),
        ("internal: {packages: ['a b']}", "begins no package names"),
        ("internal: {host: x}", "did you mean `hosts`?"),
    ],
)
def test_names_of_internal_things_are_checked(text, says):
    with pytest.raises(DocumentError, match=r"p\.yaml:1:\d+: ") as error:
        load(text, Settings, source="p.yaml")
    assert says in str(error.value)
