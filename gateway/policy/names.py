"""Which names may policies use? Those of the other stages, and those that policies add.

Law: a name has one meaning. One that is taken twice is a problem, and so is one that nothing knows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.documents import Marks, Problem, suggest
from gateway.model import Approved
from gateway.policy.directory import File
from gateway.policy.executable import UNKNOWN, Section
from gateway.registers import SHARES, detector_of, entity_of

OWN_GROUPS = ("company",)
"""Groups of an entity that a company's own detector defines and that names none (a test keeps it
in step with the detectors)."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that policies may use; the composition root fills it from the other stages.

    `services` maps id to category. `facts` maps a fact to its closed set of values, written as
    `gateway.policy.words.fact_word` writes them, or to None when any value is possible
    (numbers, dates). `groups` maps a group to its entities. `detectors` are the names of detectors
    that tell kinds of an entity apart. `lessons` are those that come with the gateway.
    """

    services: Mapping[str, str]
    categories: frozenset[str]
    operations: frozenset[str]
    facts: Mapping[str, frozenset[str] | None]
    entities: frozenset[str]
    groups: Mapping[str, frozenset[str]]
    detectors: frozenset[str] = frozenset()
    protocols: frozenset[str] = frozenset()
    lessons: frozenset[str] = frozenset()


def _own_entities(
    detectors: Mapping[str, Any],
) -> Iterator[tuple[tuple[str | int, ...], str, Sequence[Any]]]:
    """Place, name and groups of each entity that the detectors of a file define."""
    for kind in ("custom", "registered"):
        listed = detectors.get(kind)
        for position, each in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(each, dict):
                continue
            key, name = "entity", each.get("entity")
            if name is None and kind == "registered" and isinstance(each.get("name"), str):
                key, name = "name", entity_of(each["name"])
            if isinstance(name, str):
                groups = each.get("groups", OWN_GROUPS)
                listed_groups = groups if isinstance(groups, list | tuple) else ()
                yield (kind, position, key), name, listed_groups


def _own_detectors(registered: Mapping[str, Any]) -> frozenset[str]:
    """The detectors that findings of a register name."""
    columns = registered.get("columns")
    parts = {
        "table": tuple(columns) if isinstance(columns, dict) else (),
        "documents": SHARES,
    }.get(str(registered.get("kind")), ("",))
    return frozenset(detector_of(registered["name"], str(part)) for part in parts)


class Names:
    """Every name that rules may use: the vocabulary, and what the policies themselves add."""

    def __init__(
        self, vocabulary: Vocabulary, services: Sequence[Section], *, complete: bool
    ) -> None:
        self.complete = complete
        self.services = {UNKNOWN: UNKNOWN, **vocabulary.services}
        self.categories = {UNKNOWN, *vocabulary.categories}
        self.operations = {"other", UNKNOWN, *vocabulary.operations}
        self.facts = vocabulary.facts
        self.entities = set(vocabulary.entities)
        self.detectors = vocabulary.detectors
        self.own_entities: dict[str, Problem] = {}
        self.registered: frozenset[str] = frozenset()
        self.groups = dict(vocabulary.groups)
        self.own: dict[str, tuple[Problem, tuple[str, ...]]] = {}
        self.api_keys: dict[str, frozenset[str]] = {}
        self.protocols = vocabulary.protocols
        self.lessons = set(vocabulary.lessons)
        self.approved: dict[str, Approved] = {}
        self._mentioned: list[tuple[str, str, Problem]] = []
        for section in services:
            # Only the names are looked at; the stage that owns services checks the rest.
            name, category = section.value.get("id"), section.value.get("category")
            if isinstance(category, str):
                self.categories.add(category)
            if isinstance(name, str):
                known = self.services.get(name, UNKNOWN)
                self.services[name] = category if isinstance(category, str) else known
            operations = section.value.get("operations")
            if isinstance(operations, dict):
                self.operations.update(key for key in operations if isinstance(key, str))
            for operation in operations if isinstance(operations, list) else []:
                if isinstance(operation, dict) and isinstance(operation.get("id"), str):
                    self.operations.add(operation["id"])

    def add_entities(self, file: File, marks: Marks, problems: list[Problem]) -> None:
        """Take the entities that one file's detectors define; a name taken twice is a problem.

        Only names are looked at; the stage that owns detectors checks the rest.
        """
        for place, name, groups in _own_entities(file.document.detectors):
            here = marks.problem(("detectors", *place), "")
            if (first := self.own_entities.get(name)) is not None:
                message = f"entity `{name}` exists already at {first.source}:{first.line}"
                problems.append(dataclasses.replace(here, message=message))
                continue
            if name in self.entities:
                continue  # a built-in one: the stage says so
            self.own_entities[name] = here
            self.entities.add(name)
            for group in groups:
                if isinstance(group, str) and group in self.groups:
                    self.groups[group] |= {name}
        registered = file.document.detectors.get("registered")
        for each in registered if isinstance(registered, list) else []:
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                self.registered |= _own_detectors(each)

    def add_groups(self, file: File, marks: Marks, problems: list[Problem]) -> None:
        """Take the groups that one file defines; a name that is taken is a problem."""
        for name, members in file.document.entity_groups.items():
            here = marks.problem(("entity_groups", name), "")
            if name in self.own:
                first = self.own[name][0]
                message = f"group `{name}` exists already at {first.source}:{first.line}"
            elif name in self.groups or name in self.entities:
                message = f"`{name}` is a built-in name; choose another"
            else:
                self.own[name] = (here, members)
                for position, member in enumerate(members):
                    place = marks.problem(("entity_groups", name, position), "")
                    self._mentioned.append((name, member, place))
                continue
            problems.append(marks.problem(("entity_groups", name), message))

    def add_approved(self, file: File, marks: Marks, problems: list[Problem]) -> None:
        """Take the endpoints that one file approves."""
        for name, one in file.document.approved.items():

            def wrong(key: str, message: str, name: str = name) -> None:
                problems.append(marks.problem(("approved", name, *filter(None, [key])), message))

            if name in self.approved:
                wrong("", f"`{name}` is approved already in another file")
            if one.protocol not in self.protocols:
                wrong(
                    "protocol",
                    f"unknown protocol `{one.protocol}`{suggest(one.protocol, self.protocols)}",
                )
            if one.service and one.service not in self.services and self.complete:
                wrong(
                    "service",
                    f"unknown service `{one.service}`{suggest(one.service, self.services)}",
                )
            self.approved[name] = Approved(
                name, one.title or name, one.url, one.protocol, one.service
            )

    def add_keys(self, file: File, marks: Marks, problems: list[Problem]) -> None:
        """Take the lists of API keys that one file defines; a name that is taken is a problem."""
        for name, prints in file.document.api_keys.items():
            if name in self.api_keys:
                message = f"list `{name}` of API keys exists already in another file"
                problems.append(marks.problem(("api_keys", name), message))
            self.api_keys[name] = frozenset(prints)

    def resolve_groups(self, problems: list[Problem]) -> None:
        """Turn own groups, which may name each other, into sets of entities."""
        known = {*self.entities, *self.groups, *self.own}
        problems.extend(
            dataclasses.replace(
                place,
                message=f"group `{name}`: unknown entity or group `{member}`"
                + suggest(member, known),
            )
            for name, member, place in self._mentioned
            if member not in known and self.complete
        )
        for name, (here, _) in self.own.items():
            try:
                self.groups[name] = self._members(name, ())
            except RecursionError:
                problems.append(
                    Problem(here.source, here.line, here.column, f"group `{name}` holds itself")
                )
                self.groups[name] = frozenset()

    def _members(self, name: str, path: tuple[str, ...]) -> frozenset[str]:
        if name in path:
            raise RecursionError
        if name in self.entities:
            return frozenset({name})
        if name in self.own:
            parts = [self._members(member, (*path, name)) for member in self.own[name][1]]
            return frozenset().union(*parts)
        return self.groups.get(name, frozenset())
