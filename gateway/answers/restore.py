"""What does a token become at its place? The value, or it stays a token.

Law: a value goes only to where the policy lets it: never into a URL of a host that it did not stand
in before, never into a tool that is not to have it, never when its token is one-way. A string that
is not known to be a token of this actor stays as it is.
"""

from __future__ import annotations

import bisect
import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import regex

from gateway.encodings import urls
from gateway.model import Issued, Restoring
from gateway.redaction import standins
from gateway.redaction.tokens import BODY, LETTERS, Hit, Keys, is_opaque

_LONGEST: Final = 128
"""Characters that a token may have, escapes of Markdown included."""

_TAIL = re.compile(rf"[A-Z][A-Z0-9_\\]*[{LETTERS}]{{0,{BODY}}}\Z")
_TAIL_ENDS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\\" + LETTERS)
_BODY = re.compile(rf"_[{LETTERS}]{{{BODY}}}")
_ESCAPED_ASCII = re.compile(r"\\u00[2-7]")


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
        self._opaque: list[str] = []
        self._plain: list[str] = []
        self._longest = 0
        self.add(issued, quoted)

    def add(self, issued: Iterable[Issued], quoted: frozenset[str]) -> None:
        """More of them. A token that stands for a value wins over one that was written."""
        for token in quoted:
            self._known.setdefault(token, None)
        self._known |= {one.token: one for one in issued}
        spellings = sorted(self._known)
        self._opaque = [one for one in spellings if is_opaque(one)]
        self._plain = [one for one in spellings if not is_opaque(one)]
        self._longest = max(map(len, self._plain), default=0)

    @property
    def _similar(self) -> bool:
        """Whether stand-ins may come up."""
        return bool(self._plain) or (self._vault is not None and self._vault.similar)

    def may_stand_in(self, raw: str) -> bool:
        """Whether a token may stand whole in a string of a JSON text. Cheap, and in doubt it may."""
        if _BODY.search(raw) is not None or ("\\u00" in raw and _ESCAPED_ASCII.search(raw)):
            return True
        return self._similar and ("\\/" in raw or standins.looks_like(raw))

    def hits(self, text: str) -> list[Hit]:
        """Every token in `text`, known or still to be looked up, apart from each other."""
        if self._vault is not None:
            return self._keys.ours_in(text) if self._similar else self._keys.opaque_in(text)
        if not self._known:
            return []
        hits = [hit for hit in self._keys.opaque_in(text) if hit.token in self._known]
        if self._plain:
            hits += [hit for hit in self._keys.standins_in(text) if hit.token in self._known]
            hits.sort(key=lambda hit: (hit.start, -hit.end))
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

    def pending(self, text: str, lead: str = "") -> int:
        """From where on `text`, which follows on `lead`, may still become a token when it goes on."""
        if not text:
            return 0
        at = self._opaque_begins(text) if text[-1] in _TAIL_ENDS else len(text)
        if not self._similar:
            return at
        if self._vault is not None:
            return min(at, _standin_begins(lead + text, len(lead)) - len(lead))
        return min(at, self._known_begins(text, lead))

    def _opaque_begins(self, text: str) -> int:
        found = _TAIL.search(text, max(0, len(text) - _LONGEST))
        if found is not None:
            for at in range(found.start(), found.end()):
                if text[at].isupper() and self._is_beginning(_unescaped(text[at:])):
                    return at
        return len(text)

    def _is_beginning(self, plain: str) -> bool:
        """Whether an opaque token may begin with `plain` and be longer."""
        if self._vault is not None and _may_be_label(plain, self._vault.labels):
            return True
        at = bisect.bisect_left(self._opaque, plain)
        return at < len(self._opaque) and (
            self._opaque[at].startswith(plain) and len(self._opaque[at]) > len(plain)
        )

    def _known_begins(self, text: str, lead: str) -> int:
        """From where on the end of `text` may be one of the known stand-ins, or its beginning."""
        for at in range(max(0, len(text) - self._longest - 1), len(text)):
            if _joins(text[at - 1] if at else lead):
                continue
            if self._is_known_beginning(text[at:]) or (
                text[-1] in _AFTER and text[at:-1] and self._is_known_beginning(text[at:-1])
            ):
                return at
        return len(text)

    def _is_known_beginning(self, plain: str) -> bool:
        at = bisect.bisect_left(self._plain, plain)
        return at < len(self._plain) and self._plain[at].startswith(plain)


_AFTER: Final = frozenset(".-")
"""What may follow on a stand-in, unless a digit follows on that."""


def _may_be_label(plain: str, labels: Sequence[str]) -> bool:
    """Whether `plain` may be the beginning of an opaque token with one of `labels`, sorted."""
    name, underscore, body = plain.rpartition("_")
    if underscore and (not body or body[0].islower()):
        at = bisect.bisect_left(labels, name)
        if len(body) < BODY and at < len(labels) and labels[at] == name:
            return True
    at = bisect.bisect_left(labels, plain)
    return at < len(labels) and labels[at].startswith(plain)


_STANDIN = regex.compile("|".join(family.pattern.pattern for family in standins.FAMILIES))
_EXTENSION = re.compile(r"\.[A-Za-z]?[A-Za-z0-9]{0,4}\Z")


def _standin_begins(text: str, begin: int) -> int:
    """From where on the end of `text` may be the beginning of a stand-in, or is one."""
    begin = max(begin, len(text) - _LONGEST)
    while True:
        found = _STANDIN.search(text, begin, partial=True)
        if found is None:
            return len(text)
        end = found.end()
        if (
            found.partial
            or end == len(text)
            or (end == len(text) - 1 and text[end] in _AFTER)
            or (standins.FOLDER in found[0] and _EXTENSION.match(text, end))
        ):
            return int(found.start())
        begin = end


def _unescaped(text: str) -> str:
    """Without the backslashes that Markdown puts before underscores."""
    return text.replace("\\", "")


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

    def value(
        self, token: str, before: str, *, in_tool: bool, tool: Callable[[], str]
    ) -> str | None:
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

    def _place(self, *, in_tool: bool, tool: Callable[[], str]) -> bool:
        rules = self._restoring
        if not in_tool:
            return rules.text
        if not rules.tools or not rules.not_in_tools:
            return rules.tools
        name = tool()  # a tool whose name is not known may be any of them
        return bool(name) and not _any(rules.not_in_tools, name)

    def _url(self, issued: Issued, host: str | None) -> bool:
        return host is None or host in issued.hosts or _any(self._restoring.url_hosts, host)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
