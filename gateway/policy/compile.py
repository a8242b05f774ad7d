"""How do policy files become something that can be evaluated? Merged, checked and resolved.

Law: all or nothing. Either every file is sound and one immutable `PolicySet` comes out, or
`DocumentError` names every problem in every file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway import documents
from gateway.documents import DocumentError, Marks, Problem, suggest
from gateway.model import Restoring
from gateway.policy.directory import LESSONS, File, lessons_in, policy_files
from gateway.policy.document import Answers, PolicyDocument
from gateway.policy.executable import (
    CompiledRule,
    Lesson,
    PolicySet,
    Section,
    TenantRule,
    normal_host,
)
from gateway.policy.names import Names, Vocabulary
from gateway.policy.rules import RuleCompiler, TenantCompiler
from gateway.policy.written import Changes, rules_of


def load(directory: Path, vocabulary: Vocabulary) -> PolicySet:
    """Read, check and compile all policies of `directory`.

    Raises `DocumentError` with all problems of all files; nothing is half loaded.
    """
    problems: list[Problem] = []
    files: list[File] = []
    digest = hashlib.blake2b(digest_size=8)
    for path in policy_files(directory):
        try:
            text = documents.read(path)
            digest.update(f"{len(path.name)}:{path.name}:{len(text)}:".encode())
            digest.update(text.encode())
            document = documents.load(text, PolicyDocument, source=str(path))
        except DocumentError as error:
            problems.extend(error.problems)
        else:
            files.append(File(str(path), text, document))
    lessons = lessons_in(directory / LESSONS, problems)
    for lesson in lessons:
        digest.update(f"{lesson.name}.{lesson.language}:{len(lesson.text)}:{lesson.text}".encode())
    return _compile(
        files, vocabulary, revision=digest.hexdigest(), problems=problems, lessons=lessons
    )


def compile_text(text: str, vocabulary: Vocabulary, *, source: str = "policy.yaml") -> PolicySet:
    """Compile one document that is not in a directory, e.g. from a check of a draft."""
    document = documents.load(text, PolicyDocument, source=source)
    revision = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return _compile([File(source, text, document)], vocabulary, revision=revision, problems=[])


def _compile(
    files: Sequence[File],
    vocabulary: Vocabulary,
    *,
    revision: str,
    problems: list[Problem],
    lessons: tuple[Lesson, ...] = (),
) -> PolicySet:
    # A file that does not parse may define services and groups that others name: then a name
    # that nothing knows is not reported, so that every reported problem is a real one.
    complete = not problems
    services = tuple(
        Section(service, file.source, ("services", position), file.text)
        for file in files
        for position, service in enumerate(file.document.services)
    )
    names = Names(vocabulary, services, complete=complete)
    names.lessons |= {lesson.name for lesson in lessons}
    marks = {file.source: Marks(file.text, file.source) for file in files}
    for file in files:
        names.add_entities(file, marks[file.source], problems)
    for file in files:
        names.add_groups(file, marks[file.source], problems)
    names.resolve_groups(problems)
    for file in files:
        names.add_approved(file, marks[file.source], problems)
    for file in files:
        names.add_keys(file, marks[file.source], problems)
    rules: list[CompiledRule] = []
    answers: list[CompiledRule] = []
    places: dict[str, Problem] = {}
    for file in files:
        for at, rule, into in rules_of(file.document, rules, answers):
            here = marks[file.source].problem((*at, "id"), "")
            if (first := places.get(rule.id)) is not None:
                problems.append(
                    marks[file.source].problem(
                        (*at, "id"),
                        f"rule `{rule.id}` exists already at {first.source}:{first.line};"
                        " give one of them another id",
                    )
                )
                continue
            places[rule.id] = here
            changes = Changes.of(rule.id, files, marks)
            if not changes.enabled:
                continue
            if into is answers:
                problems.extend(changes.outward)
            compiler = RuleCompiler(changes.applied(rule), names, marks[file.source], at)
            into.append(compiler.compile(changes.unless))
            problems.extend(compiler.problems)
    tenants: list[TenantRule] = []
    for file in files:
        for position, tenant in enumerate(file.document.tenants):
            maker = TenantCompiler(tenant.id, names, marks[file.source], ("tenants", position))
            if tenant.id in {made.id for made in tenants}:
                maker.wrong(("id",), "exists already; give one of them another id")
            tenants.append(maker.compile(tenant))
            problems.extend(maker.problems)
    problems.extend(
        marks[file.source].problem(
            ("overrides", name), f"unknown rule `{name}`{suggest(name, places)}"
        )
        for file in files
        for name in file.document.overrides
        if name not in places and complete
    )
    if problems:
        raise DocumentError(problems)
    return PolicySet(
        revision=revision,
        rules=tuple(rules),
        pass_through=_unique(file.document.pass_through for file in files),
        inspect_hosts=_unique(file.document.inspect_hosts for file in files),
        services=services,
        detectors=tuple(
            Section(file.document.detectors, file.source, ("detectors",), file.text)
            for file in files
            if file.document.detectors
        ),
        entity_groups={name: names.groups[name] for name in names.own},
        own_entities=frozenset(names.own_entities),
        sources=tuple(file.source for file in files),
        restoring=_restoring([file.document.answers for file in files]),
        answers=tuple(answers),
        api_keys=names.api_keys,
        tenants=tuple(tenants),
        lessons=lessons,
    )


def _restoring(documents: Sequence[Answers]) -> Restoring:
    given = {
        key: getattr(document, key) for document in documents for key in document.model_fields_set
    }
    restore = given.get("restore", ("text", "tool_calls"))
    return Restoring(
        text="text" in restore,
        tools="tool_calls" in restore,
        url_hosts=tuple(normal_host(host) for host in given.get("restore_in_urls", ())),
        not_in_tools=tuple(name.lower() for name in given.get("keep_in_tools", ())),
    )


def _unique(hosts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normal_host(host) for some in hosts for host in some))
