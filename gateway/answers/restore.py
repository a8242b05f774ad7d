"""What does a token become at its place? The value, or it stays a token.

Law: a value goes only to where the policy lets it: never into a URL of a host that it did not stand
in before, never into a tool that is not to have it, never when its token is one-way. A string that
is not known to be a token of this actor stays as it is.
"""

from __future__ import annotations

import bisect
import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import regex

from gateway.encodings import urls
from gateway.model import Issued, Restoring
from gateway.redaction import standins
from gateway.redaction.tokens import BODY, LETTERS, Hit, Keys

_LONGEST: Final = 128
"""Characters that a token may have, escapes of Markdown included."""

_TAIL = re.compile(rf"[A-Z][A-Z0-9_\\]*[{LETTERS}]{{0,{BODY}}}\Z")


@dataclass(frozen=True, slots=True)
class Vault:
    """Tokens of earlier exchanges may come up: what they may begin with, stand-ins included."""

    labels: tuple[str, ...] = field(repr=False)
    similar: bool = True

    @classmethod
    def of(cls, labels: Iterable[str], *, similar: bool = True) -> Vault:
        """`similar` says whether the policy makes stand-ins."""
        return cls(tuple(sorted(set(labels))), similar)


class Tokens:
    """What is known of the tokens that may come up in one answer.

    `quoted` are tokens that the client itself wrote: it gets them back as it wrote them.
    """

    def __init__(
        self,
        issued: Iterable[Issued],
        keys: Keys,
        *,
        vault: Vault | None = None,
        quoted: frozenset[str] = frozenset(),
    ) -> None:
        self._known: dict[str, Issued | None] = {}
        self._keys = keys
        self._vault = vault
        self._spellings: list[str] = []
        self._first: frozenset[str] = frozenset()
        self._plain: list[str] = []
        self.add(issued, quoted)

    def add(self, issued: Iterable[Issued], quoted: frozenset[str]) -> None:
        """More of them. A token that stands for a value wins over one that was written."""
        for token in quoted:
            self._known.setdefault(token, None)
        self._known |= {one.token: one for one in issued}
        self._spellings = sorted(self._known)
        self._first = frozenset(token[:1] for token in self._spellings)
        self._plain = [one for one in self._spellings if not _is_opaque(one)]

    def hits(self, text: str) -> list[Hit]:
        """Every token in `text`, known or still to be looked up, apart from each other."""
        if self._vault is not None:
            hits = self._keys.ours_in(text)
        else:
            hits = [hit for hit in self._keys.opaque_in(text) if hit.token in self._known]
            for token in self._plain:
                at = text.find(token)
                while at >= 0:
                    if _stands_alone(text, at, at + len(token)):
                        hits.append(Hit(at, at + len(token), token))
                    at = text.find(token, at + len(token))
        hits.sort(key=lambda hit: hit.start)
        apart: list[Hit] = []
        for hit in hits:
            if not apart or hit.start >= apart[-1].end:
                apart.append(hit)
        return apart

    def unknown(self, hits: Iterable[Hit]) -> set[str]:
        """Tokens that have to be looked up first."""
        if self._vault is None:
            return set()
        return {hit.token for hit in hits if hit.token not in self._known}

    def answer(self, found: Mapping[str, str], asked: Iterable[str]) -> None:
        """What the look-up gave for `asked`; what is missing in `found` is no token of the actor's."""
        for token in asked:
            value = found.get(token)
            self._known[token] = None if value is None else Issued(token, value, restorable=True)

    def get(self, token: str) -> Issued | None:
        """What a token stands for; None for one that is nobody's, or not this actor's."""
        return self._known.get(token)

    def pending(self, text: str) -> int:
        """From where on `text` may still become a token when it goes on."""
        begin = max(0, len(text) - _LONGEST)
        for at in range(begin, len(text)):
            if text[at] in self._first and self._is_beginning(text[at:]):
                return at
        if self._vault is not None:
            found = _TAIL.search(text, begin)
            if found is not None:
                for at in range(found.start(), found.end()):
                    if text[at].isupper() and _may_be_label(text[at:], self._vault.labels):
                        return at
            if self._vault.similar:
                at = _standin_begins(text, begin)
                if at < len(text):
                    return at
        # A stand-in such as a phone number is only one when nothing follows that goes on with it.
        for token in self._plain:
            if text.endswith(token):
                return len(text) - len(token)
        return len(text)

    def _is_beginning(self, text: str) -> bool:
        """Whether some known token begins with `text` and is longer."""
        plain = _unescaped(text)
        at = bisect.bisect_left(self._spellings, plain)
        return at < len(self._spellings) and (
            self._spellings[at].startswith(plain)
            and (len(self._spellings[at]) > len(plain) or text.endswith("\\"))
        )


def _may_be_label(text: str, labels: Sequence[str]) -> bool:
    """Whether `text` may be the beginning of an opaque token with one of `labels`, sorted."""
    name, underscore, body = _unescaped(text).rpartition("_")
    if underscore and (not body or body[0].islower()):
        at = bisect.bisect_left(labels, name)
        return len(body) < BODY and at < len(labels) and labels[at] == name
    plain = _unescaped(text)
    at = bisect.bisect_left(labels, plain)
    return at < len(labels) and labels[at].startswith(plain)


_STANDIN = regex.compile("|".join(family.pattern.pattern for family in standins.FAMILIES))


def _standin_begins(text: str, begin: int) -> int:
    """From where on the end of `text` may be the beginning of a stand-in, or is one."""
    while True:
        found = _STANDIN.search(text, begin, partial=True)
        if found is None:
            return len(text)
        if found.partial or found.end() == len(text):
            return int(found.start())
        begin = found.end()


def _is_opaque(token: str) -> bool:
    name, _, body = token.rpartition("_")
    return bool(name) and len(body) == BODY and set(body) <= set(LETTERS)


def _unescaped(text: str) -> str:
    """Without the backslashes that Markdown puts before underscores."""
    return text.replace("\\", "")


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a stand-in is not part of a longer word or number."""
    return not (start and _joins(text[start - 1])) and not (end < len(text) and _joins(text[end]))


def _joins(char: str) -> bool:
    return char.isalnum() or char == "_"


class Decider:
    """What tokens become, by the policy. Counts what it does."""

    def __init__(self, tokens: Tokens, restoring: Restoring) -> None:
        self._tokens = tokens
        self._restoring = restoring
        self.restored = 0
        self.withheld = 0
        self.unknown = 0

    def value(self, token: str, before: str, *, in_tool: bool, tool: str) -> str | None:
        """The value for `token`, which follows on `before`; None when it stays."""
        issued = self._tokens.get(token)
        if issued is None:
            self.unknown += 1
            return None
        if not (
            issued.restorable
            and self._place(in_tool=in_tool, tool=tool)
            and self._url(issued, urls.host_around(before))
        ):
            self.withheld += 1
            return None
        self.restored += 1
        return issued.value

    def _place(self, *, in_tool: bool, tool: str) -> bool:
        rules = self._restoring
        if not in_tool:
            return rules.text
        return rules.tools and not _any(rules.not_in_tools, tool)

    def _url(self, issued: Issued, host: str | None) -> bool:
        return host is None or host in issued.hosts or _any(self._restoring.url_hosts, host)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
