"""Which markings and notices does a text bear? The entries of `company.yaml`, read and run.

Law: an entry that cannot be proved does not load into the tests; the ordinary words of a marking,
in a sentence, are none.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import regex
from pydantic import Field, field_validator

from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import Expression
from gateway.detectors.probes import Probe, Raw, matches
from gateway.detectors.settings import Settings
from gateway.documents import Strict, load, read

_FILE = Path(__file__).with_name("company.yaml")

RESERVED = "license:all-rights-reserved"
"""The detector of copyright lines that make a text a company's own."""

BEFORE = 120
"""Code points before the end of an entry's shape in which a match begins."""

REACH = 400
"""Longest match in code points."""

_MACROS = {
    "{LEAD}": (r"""^[ \t>*#|=_~/\[(<!"“•.;\-–—]{0,14}(?:(?:Page \d+|\w+)[ \t]*[-–—|·:][ \t]*)?"""),
    "{TAIL}": r"""(?=[ \t*#|=_~/\])>!"”•.\r\-–—]*$|[ \t]*[-–—|·:/(,][^\n.?!]{0,60}$)""",
    "{KEY}": (
        r"""^[ \t>*#|_"'/;-]{0,10}(?i:(?:(?:security|data|document|information|doc)[ _-]?)?"""
        r"""(?:classification|sensitivity|marking|klassifizierung|schutzklasse|vertraulichkeit)"""
        r"""(?:[ _-](?:level|label|marking))?)["'*_]*[ \t]*[:=|][ \t"'*_]*(?i:"""
    ),
    "{END}": r""")["'*_ \t]*(?=[.,;|(/\r]|$)""",
}

OPEN = regex.compile(
    r"(?i)apache|\bMIT\b|\bBSD\b|\bGPL|\bLGPL|general public|free software|open source|permission is"
    r"|redistribution|SPDX-License-Identifier: *(?!LicenseRef|UNLICENSED|Propr)\w|creative commons|mozilla"
)
"""Words of open licences."""

_RESERVED = regex.compile(r"(?i)all rights reserved|alle rechte vorbehalten|tous droits réservés")
_AROUND = 1_500
"""Code points after a copyright line in which a licence may open it."""


class Entry(Strict):
    """One detector with its proof."""

    name: Annotated[str, Field(pattern=r"^(?:marking|license):[a-z-]+$")]
    entity: Annotated[str, Field(pattern=r"^[A-Z][A-Z_]+$")]
    confidence: Annotated[float, Field(gt=0, le=1)]
    shape: str
    regex: tuple[str, ...]
    hits: Annotated[tuple[str, ...], Field(min_length=1)]
    misses: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("regex")
    @classmethod
    def _written_out(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        full = []
        for pattern in value:
            for macro, meaning in _MACROS.items():
                pattern = pattern.replace(macro, meaning)  # noqa: PLW2901  # one after the other
            try:
                regex.compile(pattern, regex.MULTILINE)
            except regex.error as error:
                raise ValueError(f"`{pattern}` is no regular expression: {error}") from None
            full.append(pattern)
        return tuple(full)


class _Document(Strict):
    detectors: tuple[Entry, ...]


@functools.cache
def entries() -> tuple[Entry, ...]:
    """All entries. Raises `DocumentError` with every problem."""
    return load(read(_FILE), _Document, source=_FILE.name).detectors


class NoticeProbe:
    """One entry."""

    def __init__(self, entry: Entry) -> None:
        self.name = entry.name
        self.entity = entry.entity
        self.strongest = entry.confidence
        self.vocabulary = Vocabulary(())
        self.expressions = (Expression(entry.shape, before=BEFORE),)
        self._patterns = tuple(regex.compile(one, regex.MULTILINE) for one in entry.regex)

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`."""
        for pattern in self._patterns:
            for match in matches(pattern, text, start, end, reach=REACH):
                first, last = match.span()
                held = match[0]
                first += len(held) - len(held.lstrip(' \t>*#|=_~/[(<!"“•.;-–—'))
                yield Raw(min(first, last - 1), last, self.strongest, self.entity, self)


class CopyrightProbe(NoticeProbe):
    """Copyright lines.

    One that reserves all rights, and that no open licence follows, says that a text is a company's
    own.
    """

    def __init__(self, entry: Entry, *, disabled: frozenset[str]) -> None:
        super().__init__(entry)
        self._disabled = disabled
        renamed = {"name": RESERVED, "entity": "PROPRIETARY_NOTICE"}
        self._reserved = NoticeProbe(entry.model_copy(update=renamed))

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`."""
        for raw in super().find(text, start, end, around):
            after = text[raw.start : raw.end + _AROUND]
            reserved = _RESERVED.search(after, 0, raw.end - raw.start + 80)
            own = reserved is not None and OPEN.search(after) is None
            probe = self._reserved if own else self
            if probe.entity not in self._disabled:
                yield Raw(raw.start, raw.end, self.strongest, probe.entity, probe)


def probes(settings: Settings) -> list[Probe]:
    """The probes of all entries that `settings` wants."""
    made: list[Probe] = []
    for entry in entries():
        if entry.name == "license:copyright":
            if not {"LICENSE_HEADER", "PROPRIETARY_NOTICE"} <= settings.disabled:
                made.append(CopyrightProbe(entry, disabled=settings.disabled))
        elif entry.entity not in settings.disabled:
            made.append(NoticeProbe(entry))
    return made
