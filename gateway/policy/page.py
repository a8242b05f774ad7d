"""How are explanations and simulations shown? As lines for people, and as plain data for programs.

Law: both say the same, and hold nothing that was sent: entities, places, counts, masked previews.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.model import Finding
from gateway.policy.explain import Account
from gateway.policy.simulate import CHANGES, Change, Simulation

_UNSURE = "cannot be known"


def account(told: Account) -> dict[str, Any]:
    """One rule's account as plain data."""
    unsure = told.why.startswith(_UNSURE)
    return {
        "rule": told.rule,
        "title": told.title,
        "mode": told.mode,
        "action": told.action.name.lower(),
        "matched": None if unsure else told.matched,
        "why": told.why,
        "notes": list(told.notes),
    }


def accounts(told: Iterable[Account]) -> Iterator[str]:
    """The accounts as lines, under a heading each."""
    heading = ""
    for each in told:
        group = "matched" if each.matched else "did not match"
        if each.why.startswith(_UNSURE):
            group = _UNSURE
        if group != heading:
            heading = group
            yield from ("", heading)
        what = f" ({each.mode}, {each.action.name.lower()})" if each.matched else ""
        yield f"  {each.rule}{what}: {each.why}"
        yield from (f"      {note}" for note in each.notes)


def findings(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as plain data, with their masked previews."""
    return [
        {
            "entity": each.entity,
            "confidence": round(each.confidence, 4),
            "detector": each.detector,
            "path": each.locator.path,
            "role": each.role.value,
            "part": each.kind.value,
            "editable": each.editable,
            "preview": each.preview,
            "fingerprint": each.fingerprint,
        }
        for each in found
    ]


def tally(simulation: Simulation) -> dict[str, Any]:
    """A simulation as plain data."""
    counted = simulation.tally
    return {
        "exchanges": counted.exchanges,
        "first": _moment(counted.first),
        "last": _moment(counted.last),
        "changed_rules": list(simulation.changed),
        "removed_rules": list(simulation.removed),
        "changes": _changes(counted.changes),
        "by_service": _table(counted.by_service),
        "by_sender": _table(counted.by_sender),
        "by_team": _table(counted.by_team),
        "by_rule": _table(counted.by_rule),
        "not_known": [
            {"rule": rule, "why": why, "exchanges": number}
            for (rule, why), number in counted.unknown.most_common()
        ],
        "refused_by_faults": counted.faults,
        "taken_to_be_the_same": counted.guessed,
        "unreadable": counted.unreadable,
        "revisions": dict(counted.revisions.most_common()),
        "limits": list(simulation.limits()),
    }


def tally_lines(simulation: Simulation, *, top: int) -> Iterator[str]:
    """A simulation as lines for people; of each table the `top` names with most changes."""
    counted = simulation.tally
    if counted.exchanges:
        first, last = (
            f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
            for at in (counted.first, counted.last)
        )
        yield f"{counted.exchanges} recorded exchanges, {first} to {last} UTC"
    else:
        yield "no recorded exchange in this time"
    changed = (*simulation.changed, *(f"{rule} (removed)" for rule in simulation.removed))
    yield f"rules that changed: {', '.join(changed) or 'none'}"
    yield ""
    yield from _columns("", {"all": counted.changes}, top)
    for name, by in (
        ("service", counted.by_service),
        ("sender", counted.by_sender),
        ("team", counted.by_team),
        ("rule", counted.by_rule),
    ):
        if by:
            yield ""
            yield from _columns(name, by, top)
    if counted.unknown:
        yield ""
        yield "cannot be known:"
        for (rule, why), number in counted.unknown.most_common(top):
            yield f"  {number} by `{rule}`: {why}"
    yield ""
    if counted.faults:
        yield f"{counted.faults} were refused by the gateway itself, whatever the rules."
    if counted.unreadable:
        yield f"{counted.unreadable} records hold words that this version does not know."
    yield from simulation.limits()


def _columns(head: str, by: Mapping[str, Counter[Change]], top: int) -> Iterator[str]:
    names = sorted(by, key=lambda name: (-by[name].total(), name))
    rows = [(head, *CHANGES)]
    rows += [(name, *(str(by[name][change]) for change in CHANGES)) for name in names[:top]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells)
    if len(names) > top:
        yield f"and {len(names) - top} more"


def _moment(at: float) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat() if at else None


def _changes(counted: Counter[Change]) -> dict[str, int]:
    return {change.replace(" ", "_"): counted[change] for change in CHANGES}


def _table(by: Mapping[str, Counter[Change]]) -> dict[str, dict[str, int]]:
    return {
        name: _changes(counted)
        for name, counted in sorted(by.items(), key=lambda each: (-each[1].total(), each[0]))
    }
