"""What differs between two sets of policies? Rule by rule and key by key, as their authors wrote it.

Law: complete. When nothing is told, both mean the same; order, comments and the file in which a rule
stands do not count, and neither do lists in another order, for a list means any of its values.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.model import Outcome
from gateway.policy.executable import CompiledRule, PolicySet
from gateway.policy.written import Written

type Plain = Any
"""Plain YAML data."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is new (`before` is None), gone (`after` is None) or other."""

    key: str
    before: Plain = None
    after: Plain = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs of one thing: a rule, group, service, or setting. `sign` is `+`, `-` or `~`."""

    kind: str
    name: str
    sign: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case that comes out otherwise; the names of rules that match now and did not, and back."""

    name: str
    source: str
    line: int
    before: str
    after: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def differences(
    before: Written, after: Written, *, compiled: tuple[PolicySet, PolicySet]
) -> tuple[Difference, ...]:
    """All differences: rules first, then what they rest on."""
    return (
        *_things("rule", before.rules, after.rules),
        *_silent(before, after, compiled),
        *_things("group", before.groups, after.groups),
        *_things("service", before.services, after.services),
        *_things("detectors", before.detectors, after.detectors),
        *_things("setting", before.settings, after.settings),
    )


def _things(
    kind: str, before: Mapping[str, Plain], after: Mapping[str, Plain]
) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield Difference(kind, name, "+", tuple(_changes("", {}, after[name])))
        elif name not in after:
            yield Difference(kind, name, "-", tuple(_changes("", before[name], {})))
        elif changes := tuple(_changes("", before[name], after[name])):
            yield Difference(kind, name, "~", changes)


def _changes(key: str, before: Plain, after: Plain) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in (*before, *(name for name in after if name not in before)):
            inner = f"{key}.{name}" if key else name
            yield from _changes(inner, before.get(name), after.get(name))
        return
    if isinstance(before, Mapping) and after is None and before:
        yield from _changes(key, before, {})
        return
    if isinstance(after, Mapping) and before is None and after:
        yield from _changes(key, {}, after)
        return
    if isinstance(before, Sequence | None) and isinstance(after, Sequence | None):
        if isinstance(before, str) or isinstance(after, str):
            if before != after:
                yield Change(key, before, after)
            return
        old, new = ({_word(item): item for item in some or ()} for some in (before, after))
        gone = [old[word] for word in old if word not in new]
        come = [new[word] for word in new if word not in old]
        if gone or come or (before is None) != (after is None):
            yield Change(key, gone or None, come or None)
        return
    if before != after:
        yield Change(key, before, after)


def _word(value: Plain) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _silent(
    before: Written, after: Written, compiled: tuple[PolicySet, PolicySet]
) -> Iterator[Difference]:
    """Rules that are written as before and mean something else, for a name they use does."""
    old, new = ({rule.id: rule for rule in policy.every_rule} for policy in compiled)
    for name in sorted(old.keys() & new.keys()):
        if tuple(_changes("", before.rules[name], after.rules[name])):
            continue
        if _resolved(old[name]) != _resolved(new[name]):
            was, now = (_selected(rule) for rule in (old[name], new[name]))
            changes = tuple(_changes("selects", was, now)) or (
                Change("its exceptions or operators mean something else"),
            )
            yield Difference("rule", name, "~", changes)


def _resolved(rule: CompiledRule) -> object:
    """What names in a rule were resolved to: all that other parts of the policies have a say in."""
    excepted = Counter(item.finding.entities for item in rule.unless if item.finding is not None)
    return _selected(rule), excepted, dict(rule.operators), rule.default_operator


def _selected(rule: CompiledRule) -> list[str]:
    return sorted(rule.finding.entities or ()) if rule.finding is not None else []


def case_changes(
    cases: Sequence[tuple[str, str, int]], before: Sequence[Outcome], after: Sequence[Outcome]
) -> Iterator[CaseChange]:
    """Cases (name, file, line) whose verdict or rules differ."""
    for (name, source, line), was, now in zip(cases, before, after, strict=True):
        old, new = ({hit.rule for hit in outcome.hits} for outcome in (was, now))
        if was.verdict is not now.verdict or old != new:
            yield CaseChange(
                name=name,
                source=source,
                line=line,
                before=was.verdict.name.lower(),
                after=now.verdict.name.lower(),
                gained=tuple(sorted(new - old)),
                lost=tuple(sorted(old - new)),
            )


# --- shown ---------------------------------------------------------------------------------------


def lines(found: Sequence[Difference]) -> Iterator[str]:
    """The differences as lines for people."""
    for each in found:
        yield f"{each.sign} {each.kind} `{each.name}`"
        for change in each.changes:
            key = change.key or "value"
            if each.sign != "~":
                value = change.after if each.sign == "+" else change.before
                yield f"    {key}: {_shown(value)}"
            elif isinstance(change.before, list) or isinstance(change.after, list):
                yield from (f"    {key}: - {_shown(item)}" for item in change.before or ())
                yield from (f"    {key}: + {_shown(item)}" for item in change.after or ())
            elif change.before is None and change.after is None:
                yield f"    {change.key}"
            else:
                yield f"    {key}: {_shown(change.before)} → {_shown(change.after)}"


def case_lines(found: Sequence[CaseChange]) -> Iterator[str]:
    """Cases that come out otherwise, as lines for people."""
    for each in found:
        rules = [*(f"+{rule}" for rule in each.gained), *(f"-{rule}" for rule in each.lost)]
        told = each.before if each.before == each.after else f"{each.before} → {each.after}"
        listed = f" ({' '.join(rules)})" if rules else ""
        yield f"{each.source}:{each.line}: {told}: {each.name}{listed}"


def _shown(value: Plain) -> str:
    if value is None:
        return "(not there)"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, default=str)
