"""What does a company look for besides what ships? Its own words and patterns, from its policies.

Law: a detector that cannot be proved does not load. Each stands with texts that it finds (`hits`)
and texts that it leaves alone (`misses`); a pattern that can take long on some text is refused,
because it would stop everybody's requests on the day that somebody sends such a text.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

import regex
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.detectors import catalogue
from gateway.documents import Strict, suggest
from gateway.model import Severity

ENTITY = r"^[A-Z][A-Z0-9_]{1,39}$"
"""Names of entities stand in labels of redacted text, which end at 40 characters."""

MOST_TERMS, LONGEST_TERM = 10_000, 100

LONGEST = 1_000
"""Longest match of a pattern in code points; what is longer is not one value."""

NEAR_BEFORE, NEAR_AFTER = 120, 60
"""Code points around a match in which a word of `near` must stand."""

SLOW = 0.25
"""Seconds that a pattern may take on a window of text that is made to be hard for it."""

_WINDOW = 2_000


def _terms(value: tuple[str, ...]) -> tuple[str, ...]:
    for term in value:
        if len(term) > LONGEST_TERM:
            raise ValueError(f"`{term[:20]}…` is too long; a term has up to {LONGEST_TERM} letters")
        if len(re.findall(r"\w", term)) < 2:
            raise ValueError(f"`{term}` would be found everywhere; a term has two letters or more")
    return value


def _pattern(value: str) -> str:
    try:
        compiled = regex.compile(value)
    except regex.error as error:
        raise ValueError(f"`{value}` is no regular expression: {error}") from None
    if compiled.search("") or compiled.fullmatch(""):
        raise ValueError(f"`{value}` matches nothing at all, so it would match everywhere")
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def group_name(value: str) -> str:
    """A group that exists."""
    known = catalogue.groups()
    if value not in known:
        raise ValueError(f"unknown group `{value}`{suggest(value, known)}")
    return value


def own_name(value: str) -> str:
    """A name that no entity has that ships."""
    if value in catalogue.entity_names():
        raise ValueError(f"`{value}` is a built-in entity; choose another name")
    return value


ONE_OR_MANY = BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
"""One text stands for a list of one."""

type Terms = Annotated[
    tuple[str, ...], Field(max_length=MOST_TERMS), AfterValidator(_terms), ONE_OR_MANY
]
type Patterns = Annotated[
    tuple[Annotated[str, AfterValidator(_pattern)], ...], Field(max_length=100), ONE_OR_MANY
]
type Texts = Annotated[tuple[str, ...], Field(min_length=1), ONE_OR_MANY]


class Custom(Strict):
    """One detector of a company's own; findings name it `custom:` and the entity.

    `keywords` are whole words or phrases, in any letter case unless `match_case` is true. `regex`
    has the syntax of Python's `regex` module; group `value`, if there is one, is what was found.
    With `near`, one of these words must stand near a match. `hits` and `misses` prove it.
    """

    entity: Annotated[str, Field(pattern=ENTITY), AfterValidator(own_name)]
    title: str = ""
    severity: Literal["info", "low", "medium", "high", "critical"] = "high"
    groups: tuple[Annotated[str, AfterValidator(group_name)], ...] = ("company",)
    keywords: Terms = ()
    match_case: bool = False
    regex: Patterns = ()
    near: Terms = ()
    confidence: Annotated[float, Field(ge=0.4, le=1)] = 0.9
    hits: Texts
    misses: Texts

    @model_validator(mode="after")
    def _looks_for_something(self) -> Custom:
        if not self.keywords and not self.regex:
            raise ValueError(f"`{self.entity}` looks for nothing; give `keywords` or `regex`")
        return self

    @property
    def name(self) -> str:
        """The detector, as findings and failures name it."""
        return f"custom:{self.entity}"

    def described(self) -> catalogue.Entity:
        """What rules, redaction and metrics know of its entity."""
        return catalogue.Entity(
            name=self.entity,
            title=self.title or self.entity,
            groups=frozenset(self.groups),
            severity=Severity[self.severity.upper()],
            label=self.entity,
            min_confidence=0.4,
            apart=True,
        )


class Near:
    """Does one of a detector's words stand beside a match?"""

    def __init__(self, words: Sequence[str]) -> None:
        options = "|".join(r"\s+".join(map(regex.escape, word.split())) for word in words)
        self._pattern = regex.compile(rf"(?i)(?<!\w)(?:{options})(?!\w)") if words else None

    def speaks(self, text: str, start: int, end: int) -> bool:
        """True when one does, or when the detector asks for none."""
        if self._pattern is None:
            return True
        left, right = max(0, start - NEAR_BEFORE), end + NEAR_AFTER
        return self._pattern.search(text, left, right) is not None


def entities(custom: Iterable[Custom]) -> Mapping[str, catalogue.Entity]:
    """Every entity by name: those that ship, and the company's own."""
    own = {each.entity: each.described() for each in custom}
    return MappingProxyType({**catalogue.entities(), **own}) if own else catalogue.entities()


# --- proof ---------------------------------------------------------------------------------------


def problems(custom: Custom) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a detector when it runs: places in its document, and messages."""
    from gateway.detectors.own import Own  # noqa: PLC0415  # brings the matcher: only when needed

    stuck = [number for number, one in enumerate(custom.regex) if _takes_long(one, custom)]
    for number in stuck:
        message = (
            f"`{custom.regex[number]}` takes too long on some texts; make repeats exclude what"
            " follows them, and give them bounds"
        )
        yield ("regex", number), message
    if stuck:
        return
    own = Own((custom,))
    for number, text in enumerate(custom.hits):
        if not any(True for _ in own.all(text)):
            yield ("hits", number), f"`{custom.entity}` does not find `{_short(text)}`"
    for number, text in enumerate(custom.misses):
        found = next((text[start:end] for start, end in own.all(text)), None)
        if found is not None:
            yield (
                ("misses", number),
                f"`{custom.entity}` finds `{_short(found)}` in `{_short(text)}`",
            )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _takes_long(pattern: str, custom: Custom) -> bool:
    """True for a pattern that gets stuck on a text near to one of its hits.

    Repeating a piece of a text that matches, and spoiling the end, is what makes a backtracking
    matcher try everything.
    """
    compiled = regex.compile(pattern)
    deadline = time.monotonic() + 5.0
    for hit in custom.hits:
        if compiled.search(hit) is None:
            continue
        for text in _hard(hit[:200]):
            if _stuck(compiled, text):
                return True
            if time.monotonic() > deadline:
                return False  # it has seen enough
    return False


def _stuck(pattern: regex.Pattern[str], text: str) -> bool:
    patience = SLOW
    while True:
        before = time.thread_time()
        try:
            for _ in pattern.finditer(text, timeout=patience):
                pass
        except TimeoutError:
            # The module's timeout is by the wall clock: a busy machine is not the pattern's fault.
            if time.thread_time() - before >= SLOW / 2:
                return True
            patience *= 2
        else:
            return False


def _hard(hit: str) -> Iterator[str]:
    for size in (1, 2, 3, 5, 8):
        for end in range(size, len(hit) + 1, max(1, len(hit) // 25)):
            piece = hit[end - size : end]
            yield hit[:end] + piece * (_WINDOW // size) + "\x01"
    yield hit * (_WINDOW // len(hit) + 1) + "\x01"
    yield f"{hit} " * (_WINDOW // len(hit) + 1) + "\x01"
