"""Which edits take out what the outcome wants out? Spans that never overlap.

Law: every redaction is covered by exactly one edit; where several overlap, one edit covers them
all with what shows least. Deterministic: neither the order of findings nor of redactions matters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway.encodings import urls
from gateway.model import Edit, Finding, Issued, Locator, Outcome, Redaction, Scan
from gateway.redaction.operators import STRICTNESS, Operator, Token, holds, operator, take_out
from gateway.redaction.tokens import Minter


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to change, and the tokens that it puts in place of values."""

    edits: tuple[Edit, ...]
    issued: tuple[Issued, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    number: int
    finding: Finding
    redaction: Redaction
    call: Operator | Token

    @property
    def weight(self) -> tuple[int, bool, int, int, str, str]:
        """The heaviest of an overlap gives the replacement: strictest, longest, first."""
        finding = self.finding
        return (
            STRICTNESS.index(self.redaction.operator),
            isinstance(self.call, Token) and not self.call.restore,
            finding.end - finding.start,
            -finding.start,
            finding.entity,
            repr(self.redaction.params),
        )


def plan(
    scan: Scan,
    outcome: Outcome,
    text_of: Callable[[Locator], str],
    *,
    key: bytes,
    minter: Minter | None = None,
) -> Plan:
    """The edits for `outcome.redactions`, in order of place and position.

    `text_of` gives the text at a place where something was found. Findings that are not editable
    are left out: the outcome blocks for those. Raises `OperatorError` for an operator that does
    not exist, `IndexError` for a finding that the scan does not have, and `ValueError` for a token
    that nobody can make.
    """
    by_place: defaultdict[Locator, list[_Wanted]] = defaultdict(list)
    stands_in = _Urls(text_of)
    for redaction in outcome.redactions:
        if redaction.finding < 0:
            raise IndexError("a finding's number counts from 0")
        finding = scan.findings[redaction.finding]
        call = operator(redaction.operator, redaction.params)
        if finding.editable and finding.start < finding.end:
            if isinstance(call, Token) and stands_in.host(finding.locator, finding.start) == "":
                finding = _with_its_url(finding, text_of(finding.locator))
            by_place[finding.locator].append(_Wanted(redaction.finding, finding, redaction, call))
    # In the order of findings, so that the first one names a value for all of them: with each turn
    # a conversation grows at its end, and what stands before must stay as it was.
    groups = sorted(
        (_Group.of(some) for found in by_place.values() for some in _overlapping(found)),
        key=lambda group: group.number,
    )
    tokens = _Tokens(minter, [group.text(text_of) for group in groups])
    edits = [_edit(group, text_of, key, tokens, stands_in) for group in groups]
    edits.sort(key=lambda edit: (*_place(edit.locator), edit.start))
    return Plan(tuple(edits), tokens.issued())


def _place(locator: Locator) -> tuple[str, str]:
    return locator.path, repr(locator.steps)


_HEAD_REACH = 300
_URL_HEAD = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{1,30}:/{0,3}[^\s\"'<>`/?#]{0,255}\Z")


def _with_its_url(finding: Finding, text: str) -> Finding:
    """A finding that goes over the host of a URL, widened to where the URL begins.

    A token in the place of a host could not be told from one that carries a value to a stranger's
    host; the token of a whole URL stands for itself.
    """
    before = text[max(0, finding.start - _HEAD_REACH) : finding.start]
    head = _URL_HEAD.search(before)
    return finding if head is None else replace(finding, start=finding.start - len(head[0]))


class _Urls:
    """In whose URLs values stand. Each place is looked at once."""

    def __init__(self, text_of: Callable[[Locator], str]) -> None:
        self._text_of = text_of
        self._possible: dict[Locator, bool] = {}
        self._hosts: dict[tuple[Locator, int], str | None] = {}

    def host(self, locator: Locator, start: int) -> str | None:
        """As `urls.host_around` of what stands before `start`."""
        text = self._text_of(locator)
        possible = self._possible.get(locator)
        if possible is None:
            possible = self._possible[locator] = urls.may_hold(text)
        if not possible:
            return None
        place = locator, start
        if place not in self._hosts:
            self._hosts[place] = urls.host_around(text[max(0, start - urls.REACH) : start])
        return self._hosts[place]


def _overlapping(wanted: list[_Wanted]) -> list[list[_Wanted]]:
    """Groups whose spans overlap, directly or by way of others; touching spans stay apart."""
    groups: list[list[_Wanted]] = []
    end = -1
    for item in sorted(wanted, key=lambda item: (item.finding.start, item.finding.end)):
        if groups and item.finding.start < end:
            groups[-1].append(item)
        else:
            groups.append([item])
        end = max(end, item.finding.end)
    return groups


@dataclass(frozen=True, slots=True)
class _Group:
    """Findings that go out with one edit; `number` is the first one's place in the scan."""

    number: int
    locator: Locator
    start: int
    end: int
    chosen: _Wanted
    others: tuple[_Wanted, ...]

    @classmethod
    def of(cls, items: Iterable[_Wanted]) -> _Group:
        items = list(items)
        chosen = max(items, key=lambda item: item.weight)
        return cls(
            min(item.number for item in items),
            chosen.finding.locator,
            min(item.finding.start for item in items),
            max(item.finding.end for item in items),
            chosen,
            tuple(item for item in items if item is not chosen),
        )

    def text(self, text_of: Callable[[Locator], str]) -> str:
        """All that the edit covers."""
        return text_of(self.locator)[self.start : self.end]


class _Tokens:
    """The tokens of one plan: one for each value, none for two."""

    def __init__(self, minter: Minter | None, values: Iterable[str]) -> None:
        self._minter = minter
        self._values = frozenset(values)
        self._by_value: dict[tuple[str, str, str], str] = {}
        self._issued: dict[str, Issued] = {}

    def token(self, value: str, entity: str, call: Token, *, host: str | None) -> str:
        """The token for `value`, which stands in a URL of `host`, or in none."""
        if self._minter is None:
            raise ValueError("tokens cannot be made without a key")
        known = self._by_value.get((value, call.shape, call.scope))
        token = known or self._minter.mint(
            value,
            entity,
            shape=call.shape,
            scope=call.scope,
            free=lambda new: self._free(new, value),
        )
        self._by_value[value, call.shape, call.scope] = token
        hosts = frozenset({host} if host else ())
        old = self._issued.get(token, Issued(token, value, call.restore, hosts))
        self._issued[token] = replace(
            old, restorable=old.restorable and call.restore, hosts=old.hosts | hosts
        )
        return token

    def _free(self, token: str, value: str) -> bool:
        """Not another value's, no value itself, and without the value in it."""
        other = self._issued.get(token)
        return (
            (other is None or other.value == value)
            and token not in self._values
            # The label tells nothing of the value, even when it reads like it.
            and not holds(token.rpartition("_")[2], value)
        )

    def issued(self) -> tuple[Issued, ...]:
        return tuple(self._issued.values())


def _edit(
    group: _Group,
    text_of: Callable[[Locator], str],
    key: bytes,
    tokens: _Tokens,
    stands_in: _Urls,
) -> Edit:
    chosen, text = group.chosen, text_of(group.locator)
    if isinstance(chosen.call, Token):
        value = text[group.start : group.end]
        host = stands_in.host(group.locator, group.start)
        new = tokens.token(value, chosen.finding.entity, chosen.call, host=host)
    else:
        new = take_out(
            chosen.call,
            text[chosen.finding.start : chosen.finding.end],
            chosen.finding.entity,
            key=key,
            others=[text[item.finding.start : item.finding.end] for item in group.others],
        )
    return Edit(group.locator, group.start, group.end, new)
