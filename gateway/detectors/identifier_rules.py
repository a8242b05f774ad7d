"""What does a personal identifier look like that Presidio does not know? The rules in
`identifiers/*.yaml`, read and checked.

Law: a rule that cannot be proved, or that could never report anything, does not load.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import regex
from pydantic import Field, ValidationInfo, field_validator, model_validator
from regex import Match

from gateway.detectors import catalogue, rule_files, samples
from gateway.detectors.checksums import CHECKS
from gateway.detectors.context import REACH, words_of
from gateway.documents import suggest

FOLDER = Path(__file__).with_name("identifiers")

LEAST_TO_REPORT = 0.4
"""The floor of `entities.yaml`: a rule that cannot reach it has no effect."""


class Rule(rule_files.Identified):
    """One way of writing one identifier.

    `regex` finds it (syntax of the `regex` module; group `value`, if there is one, is the
    identifier). `check` names a function of `checksums` that the value must pass. `alone` says
    that the shape proves enough to be looked for anywhere; else one of the words `context` must
    stand near, as `context.py` defines near, or end at most `within` code points before the match.
    `confidence` is what a match is worth: of a gated rule with its word, of one that stands alone
    without (a word then raises it). `head` is what the prefilter looks for instead of `regex`,
    where that is more telling: a part of each match. `not` are expressions of values that are
    none, as a whole. `reach` is the longest match in code points.
    """

    entity: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    country: Annotated[str | None, Field(pattern=r"^[a-z]{2}$")] = None
    regex: str
    head: str = ""
    alone: bool = False
    context: tuple[str, ...] = ()
    within: Annotated[int | None, Field(ge=1, le=REACH)] = None
    confidence: Annotated[float, Field(ge=LEAST_TO_REPORT, le=1)] = 0.85
    check: str | None = None
    exclude: Annotated[tuple[str, ...], Field(alias="not")] = ()
    reach: Annotated[int, Field(ge=32, le=4_000)] = 128
    source: str = ""
    hits: Annotated[tuple[str, ...], Field(min_length=1)]
    misses: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("check")
    @classmethod
    def _check_exists(cls, value: str | None) -> str | None:
        if value is not None and value not in CHECKS:
            raise ValueError(f"unknown check `{value}`{suggest(value, CHECKS)}")
        return value

    @model_validator(mode="after")
    def _has_effect(self, told: ValidationInfo) -> Rule:
        if told.context is rule_files.PROVED:
            return self
        for pattern in (self.regex, self.head, *self.exclude):
            try:
                compiled = regex.compile(pattern)
            except regex.error as error:
                raise ValueError(f"`{pattern}` is no regular expression: {error}") from None
        compiled = regex.compile(self.regex)
        if compiled.search(""):
            raise ValueError("`regex` matches nothing at all, so it would match everywhere")
        if not self.alone and not any(map(words_of, self.context)):
            raise ValueError("can have no effect: give words as `context`, or set `alone: true`")
        if self.alone and self.within is not None:
            raise ValueError("`within` has no effect on a rule that stands `alone`")
        for template in (*self.hits, *self.misses):
            samples.expand(template, random.Random(0))  # noqa: S311  # samples, no keys
        return self

    def value(self, match: Match[str]) -> tuple[int, int]:
        """The span of the identifier within a match of `regex`."""
        start, end = match.span("value" if "value" in match.re.groupindex else 0)
        return start, end


@functools.cache
def load_rules(folder: Path | None = None) -> tuple[Rule, ...]:
    """All rules of all files of `folder`, or of those that ship, sorted by id.

    `DocumentError` tells every problem of all files; of those that ship, tests ask for it.
    """
    known = catalogue.entity_names()

    def wrong(rule: Rule) -> Iterator[tuple[str, str]]:
        if rule.entity not in known:
            yield "entity", f"unknown entity `{rule.entity}`{suggest(rule.entity, known)}"

    return rule_files.read_rules(folder or FOLDER, Rule, wrong=wrong, proved=folder is None)


def countries() -> frozenset[str]:
    """The countries that rules are of."""
    return frozenset(rule.country for rule in load_rules() if rule.country is not None)


def sample(rule: Rule, template: str, rng: random.Random) -> str:
    """`template` filled so that the value passes the check of `rule`: drawn until it does.

    Raises `ValueError` when no draw does, as then the template is none of this rule.
    """
    pattern = regex.compile(rule.regex)
    for _ in range(60_000):
        text = samples.expand(template, rng)
        if rule.check is None:
            return text
        for match in pattern.finditer(text):
            start, end = rule.value(match)
            if CHECKS[rule.check](text[start:end]):
                return text
    raise ValueError(f"`{template}` never passes the check `{rule.check}`")
