"""What can be said of the work on an incident? Plain values, for whoever shows or changes it.

Law: an incident is closed if and only if it has a resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model import Severity


class Status(StrEnum):
    """How far the work is."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"


class Resolution(StrEnum):
    """Why an incident is closed. The first two say whether its rules were right."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    ACCEPTED_RISK = "accepted_risk"
    DUPLICATE = "duplicate"
    TEST = "test"


JUDGING = frozenset({Resolution.TRUE_POSITIVE, Resolution.FALSE_POSITIVE})


class WorkError(ValueError):
    """A change that cannot be made; the text says what to change."""


class UnknownIncident(WorkError):
    """There is no incident of this id (any more)."""


class StaleEdit(WorkError):
    """Somebody else changed the incident since it was read; `state` is what it is now."""

    def __init__(self, state: State) -> None:
        super().__init__(
            f"incident `{state.incident}` was changed meanwhile by `{state.changed_by}`;"
            " look at it again"
        )
        self.state = state


class TooMany(WorkError):
    """A filter holds for more incidents than one bulk action may change."""


@dataclass(frozen=True, slots=True)
class State:
    """How far the work on an incident is.

    `at` is when it happened; `recorded` is the severity that policy gave it. `version` is 0 and
    `changed_by` empty while nobody has changed it.
    """

    incident: str
    at: datetime
    status: Status
    severity: Severity
    recorded: Severity
    assignee: str
    resolution: Resolution | None
    labels: frozenset[str]
    version: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Change:
    """What to change; None leaves it.

    A `resolution` closes the incident; another status than closed takes the resolution away. An
    empty `assignee` gives it to nobody. `rules` names those of its rules that a true or false
    positive is about; all of them when left out.
    """

    status: Status | None = None
    severity: Severity | None = None
    assignee: str | None = None
    resolution: Resolution | None = None
    rules: tuple[str, ...] | None = None
    add_labels: frozenset[str] = frozenset()
    remove_labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote about an incident."""

    incident: str
    number: int
    at: datetime
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """What a bulk action did: how many incidents it changed, left as they were, and did not find."""

    changed: int
    unchanged: int
    missing: int


@dataclass(frozen=True, slots=True)
class Precision:
    """How often a rule was right, of the incidents that were judged."""

    rule: str
    true_positives: int
    false_positives: int

    @property
    def precision(self) -> float:
        """The share of true positives, 0 to 1."""
        return self.true_positives / (self.true_positives + self.false_positives)
