"""What is written of a rule when every file has had its say? Its own words, and all overrides.

Law: nothing is resolved here, and no name is checked; that is for the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import documents
from gateway.documents import Marks, Problem
from gateway.policy.directory import File, policy_files
from gateway.policy.document import Coach, Node, PolicyDocument, Rule, Unless
from gateway.policy.rollout import WHOLE
from gateway.policy.words import TAKES_OUT


@dataclass(frozen=True, slots=True)
class Written:
    """What is written in a directory, with all overrides applied: plain data, by name.

    Not checked beyond its shape; `load` does that.
    """

    rules: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Sequence[str]]
    services: Mapping[str, Mapping[str, Any]]
    detectors: Mapping[str, Any]
    settings: Mapping[str, Any]


def written(directory: Path) -> Written:
    """The policies of `directory` as their authors wrote them, for comparing."""
    files = []
    for path in policy_files(directory):
        text = documents.read(path)
        document = documents.load(text, PolicyDocument, source=str(path))
        files.append(File(str(path), text, document))
    marks = {file.source: Marks(file.text, file.source) for file in files}
    rules: dict[str, Mapping[str, Any]] = {}
    for file in files:
        for _, rule, _ in rules_of(file.document, [], []):
            changes = Changes.of(rule.id, files, marks)
            if changes.enabled:
                whole = changes.applied(rule)
                if changes.unless:
                    more = (*rule.unless, *(placed.unless for placed in changes.unless))
                    whole = whole.model_copy(update={"unless": more})
                rules[rule.id] = _plain(whole, exclude={"id"})
    documents_ = [file.document for file in files]
    detectors: dict[str, Any] = {}
    for number, document in enumerate(documents_):
        for key, value in document.detectors.items():
            # Of lists, each file's own is told by itself; of all else the later file wins.
            detectors[
                f"{key} of {Path(files[number].source).name}" if isinstance(value, list) else key
            ] = value
    return Written(
        rules=rules,
        groups={name: list(each) for d in documents_ for name, each in d.entity_groups.items()},
        services={
            str(service.get("id", position)): service
            for d in documents_
            for position, service in enumerate(d.services)
        },
        detectors=detectors,
        settings={
            "inspect_hosts": [host for d in documents_ for host in d.inspect_hosts],
            "pass_through": [host for d in documents_ for host in d.pass_through],
            "api_keys": {
                name: list(prints) for d in documents_ for name, prints in d.api_keys.items()
            },
            "approved": {name: _plain(one) for d in documents_ for name, one in d.approved.items()},
            "tenants": {
                one.id: _plain(one, exclude={"id"}) for d in documents_ for one in d.tenants
            },
            "answers": {
                key: value
                for d in documents_
                for key, value in _plain(d.answers, exclude={"rules"}).items()
            },
        },
    )


def _plain(model: Node, *, exclude: set[str] | None = None) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True, exclude=exclude)
    return plain


def rules_of[T](
    document: PolicyDocument, rules: T, answers: T
) -> Iterator[tuple[tuple[str | int, ...], Rule, T]]:
    """The rules of a document: where each stands, and whether it belongs to `rules` or `answers`."""
    for position, rule in enumerate(document.rules):
        yield ("rules", position), rule, rules
    for position, one in enumerate(document.answers.rules):
        yield ("answers", "rules", position), one.as_rule(), answers


@dataclass(frozen=True, slots=True)
class Placed:
    """An exception and where it stands, which may be another file than its rule's."""

    unless: Unless
    marks: Marks
    at: tuple[str | int, ...]


_OUTWARD = frozenset({"tokenise", "coach"})
"""Actions for what leaves, and for nothing else."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What all files together change of one rule."""

    enabled: bool
    values: Mapping[str, object]
    unless: tuple[Placed, ...]
    outward: tuple[Problem, ...] = ()
    """Where something is asked for that a rule for answers cannot do."""

    @classmethod
    def of(cls, name: str, files: Sequence[File], marks: Mapping[str, Marks]) -> Changes:
        """The changes of rule `name` in all `files`, the later file's over the earlier's."""
        enabled, unless = True, list[Placed]()
        outward: tuple[Problem, ...] = ()
        values: dict[str, object] = {}
        for file in files:
            change = file.document.overrides.get(name)
            if change is None:
                continue
            given = change.model_fields_set
            enabled = change.enabled if "enabled" in given else enabled
            values |= {key: getattr(change, key) for key in given - {"enabled", "unless"}}
            if "action" in given:
                wrong = marks[file.source].problem(
                    ("overrides", name, "action"),
                    f"rule `{name}`: `{change.action}` is for what leaves; in answers use `redact`",
                )
                outward = (wrong,) if change.action in _OUTWARD else ()
            unless += [
                Placed(item, marks[file.source], ("overrides", name, "unless", position))
                for position, item in enumerate(change.unless)
            ]
        return cls(enabled, values, tuple(unless), outward)

    def applied(self, rule: Rule) -> Rule:
        """The rule with its changed values; operators go when it no longer redacts, shares when it monitors."""
        update: dict[str, object] = dict(self.values)
        if self.values.get("action", "redact") not in TAKES_OUT:
            update["redact"] = {}
        if self.values.get("action", "coach") != "coach":
            update["coach"] = Coach.model_construct(_fields_set=set())
        if "action" in self.values:
            update["to"] = None
        if self.values.get("mode") == "monitor" and "rollout" not in self.values:
            update["rollout"] = WHOLE
        if not update:
            return rule
        changed = rule.model_copy(update=update)
        if "coach" in update and "coach" not in self.values:
            changed.model_fields_set.discard("coach")
        return changed
