"""Which exceptions want somebody's attention? Those that ended, end soon, or belong to nobody.

Law: a notice changes nothing: an exception that ended is out of force whether somebody reads this
or not. The day is an argument; days are those of UTC, as in `until`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from gateway.documents import Problem
from gateway.policy.executable import Exemption, PolicySet

SOON = 14
"""Days before its end from which an exception is told."""

type Kind = Literal["ended", "ends soon", "incomplete"]


@dataclass(frozen=True, slots=True, order=True)
class Notice:
    """What is to be told of one exception, and where it stands."""

    problem: Problem
    kind: Kind


def notices(policy: PolicySet, today: date) -> tuple[Notice, ...]:
    """All notices, in order of place."""
    return tuple(
        sorted(
            Notice(replace(item.origin.place, message=f"rule `{rule.id}`: {said}"), kind)
            for rule in policy.every_rule
            for item in rule.unless
            for kind, said in _of(item, today)
        )
    )


def _of(item: Exemption, today: date) -> Iterator[tuple[Kind, str]]:
    origin = item.origin
    whose = f"of `{origin.owner}`" if origin.owner else "that nobody owns"
    last = origin.last_day
    if last is not None:
        left = (last - today).days
        if left < 0:
            what = "take the exception out, or agree on a new `until`"
            yield (
                "ended",
                f"the exception {whose} ended on {last}, so the rule applies again; {what}",
            )
        elif left <= SOON:
            when = "today" if left == 0 else f"in {left} day{'' if left == 1 else 's'}"
            yield "ends soon", f"the exception {whose} ends {when}, on {last}"
    if origin.granted:
        said = (("owner", origin.owner), ("reason", origin.reason), ("until", last))
        missing = [f"`{key}`" for key, value in said if not value]
        if missing:
            yield "incomplete", f"the exception has no {' and no '.join(missing)}"
