"""Which AI services are there, and which one is a request going to?

Law: every request has a route. A host that nobody catalogued is service ``unknown`` and a request
that no operation describes is operation ``other``; both are routed, and inspected, like any other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable

from gateway.documents import DocumentError, Marks, Problem, load, suggest
from gateway.model import Act, Exchange, Route, Transport
from gateway.services.document import (
    OTHER,
    UNKNOWN_CATEGORY,
    ExampleDocument,
    IncludeDocument,
    OperationDocument,
    OperationSetDocument,
    ServiceDocument,
    SourceDocument,
)
from gateway.services.facts import NOTHING_KNOWN, Facts, complete
from gateway.services.hosts import HostIndex, HostPattern
from gateway.services.match import Claim, HostTable, Operation

UNKNOWN_SERVICE = "unknown"

UNKNOWN_ROUTE = Route(
    service=UNKNOWN_SERVICE,
    category=UNKNOWN_CATEGORY,
    operation=OTHER,
    act=Act.OTHER,
    protocol="generic",
    facts=NOTHING_KNOWN,
)
"""The route of a request to a host that is in no catalogue."""

type Place = tuple[str | int, ...]
type Locate = Callable[[int, Place, str], Problem]
"""Turns (number of the extra document, path within it, message) into a problem at its line."""


@dataclass(frozen=True, slots=True)
class Service:
    """One AI service, checked and complete."""

    id: str
    name: str
    category: str
    aliases: tuple[str, ...]
    hosts: tuple[HostPattern, ...]
    protocol: str
    act: Act
    operations: tuple[Operation, ...]
    facts: Facts
    notes: str
    examples: tuple[ExampleDocument, ...]
    sources: tuple[SourceDocument, ...]
    built_in: bool

    def route(self, operation: Operation | None = None) -> Route:
        """The route of a request that is this operation, or the rest of the service."""
        return Route(
            service=self.id,
            category=self.category,
            operation=operation.id if operation else OTHER,
            act=operation.act if operation else self.act,
            protocol=(operation.protocol if operation else "") or self.protocol,
            facts=self.facts,
        )

    def summary(self) -> dict[str, object]:
        """Everything that a person may want to read of it, in plain values (JSON-ready)."""
        return {
            "id": self.id,
            "name": self.name,
            "category": self.category,
            "aliases": list(self.aliases),
            "origin": "built-in" if self.built_in else "policy",
            "hosts": [host.text for host in self.hosts],
            "protocol": self.protocol,
            "act": self.act.value,
            "operations": [
                operation.summary(default_protocol=self.protocol) for operation in self.operations
            ],
            "facts": dict(self.facts),
            "notes": self.notes,
            "sources": [source.model_dump() for source in self.sources],
        }


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All services, ready to route requests. Immutable; load a new one to change anything."""

    _services: Mapping[str, Service]
    _aliases: Mapping[str, str]
    _tables: HostIndex[HostTable] = field(repr=False)
    _also: HostIndex[HostPattern] = field(repr=False)
    _hosts: tuple[str, ...] = field(repr=False)

    @classmethod
    def load(
        cls,
        extra: Sequence[ServiceDocument] = (),
        *,
        inspected_hosts: Sequence[str] = (),
        locate: Locate | None = None,
    ) -> Catalogue:
        """The built-in services, changed and completed by `extra` (services that policies define).

        `inspected_hosts` are further hosts to open, which belong to no service. `locate` tells
        where a problem of an extra document stands. Raises `DocumentError` with every problem.
        """
        if not extra and not inspected_hosts:
            return _shipped()
        return build(
            built_in_documents(),
            built_in_operation_sets(),
            extra=extra,
            inspected_hosts=inspected_hosts,
            locate=locate,
        )

    def inspects(self, host: str) -> bool:
        """Is TLS opened for this host, because a service or a policy names it?"""
        return self.knows(host) or self._also.find(host) is not None

    def knows(self, host: str) -> bool:
        """Does a service answer on this host?"""
        return self._tables.find(host) is not None

    def route(
        self,
        *,
        host: str,
        method: str,
        target: str,
        content_type: str = "",
        websocket: bool = False,
    ) -> Route:
        """Where a request goes. `target` is the request target as on the wire; never raises."""
        table = self._tables.find(host)
        if table is None:
            return UNKNOWN_ROUTE
        return (
            table.route(
                method=method, target=target, content_type=content_type, websocket=websocket
            )
            or UNKNOWN_ROUTE
        )

    def services(self) -> tuple[Service, ...]:
        """All services in order of id."""
        return tuple(self._services.values())

    def get(self, name: str) -> Service | None:
        """The service with this id or alias (any case), or None."""
        key = name.strip().lower()
        return self._services.get(self._aliases.get(key, key))

    def hosts(self) -> tuple[str, ...]:
        """Host patterns that traffic must be sent to the gateway for, sorted, as for a PAC file.

        `*` stands for one label or part of one, except at the front, where it is any depth.
        """
        return self._hosts

    def names(self) -> frozenset[str]:
        """Ids and aliases of all services."""
        return frozenset((*self._services, *self._aliases))

    def operations(self) -> tuple[str, ...]:
        """Every operation id that a route can have, sorted; for policy authors."""
        ids = {operation.id for service in self.services() for operation in service.operations}
        return (*sorted(ids), OTHER)

    def failed_examples(self, service: Service) -> tuple[str, ...]:
        """What each example of a service that is not recognised as it claims was taken for."""
        failures = []
        for example in service.examples:
            route = self.route(
                host=example.host,
                method=example.method,
                target=example.target,
                content_type=example.content_type,
                websocket=example.websocket,
            )
            if (route.service, route.operation) != (service.id, example.operation):
                failures.append(
                    f"service `{service.id}`: {example.method} {example.url} is "
                    f"`{route.service}` operation `{route.operation}`, "
                    f"but the example says `{example.operation}`"
                )
        return tuple(failures)


def route_of(catalogue: Catalogue, exchange: Exchange) -> Route:
    """Where `exchange` goes, by the catalogue."""
    return catalogue.route(
        host=exchange.host,
        method=exchange.method,
        target=exchange.target,
        content_type=exchange.header("content-type") or "",
        websocket=exchange.transport is not Transport.HTTP,
    )


@dataclass(frozen=True, slots=True)
class Sourced[T]:
    """A document with the file it came from, so that later problems can name their line."""

    document: T
    source: str
    text: str = field(repr=False)

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at a place in the document."""
        return Marks(self.text, self.source).problem(place, message)


@functools.cache
def _shipped() -> Catalogue:
    return build(built_in_documents(), built_in_operation_sets())


@functools.cache
def built_in_documents() -> tuple[Sourced[ServiceDocument], ...]:
    """The catalogue that ships with the gateway, one service per file."""
    return read_folder(resources.files("gateway.services") / "catalog", ServiceDocument)


@functools.cache
def built_in_operation_sets() -> tuple[Sourced[OperationSetDocument], ...]:
    """The operation sets that ship with the gateway, one per file."""
    return read_folder(resources.files("gateway.services") / "surfaces", OperationSetDocument)


def read_folder[T](folder: Traversable, shape: type[T]) -> tuple[Sourced[T], ...]:
    """The documents of a folder in order of file name; `DocumentError` with all of its problems."""
    documents: list[Sourced[T]] = []
    problems: list[Problem] = []
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".yaml"):
            continue
        text = file.read_text(encoding="utf-8")
        source = f"{folder.name}/{file.name}"
        try:
            documents.append(Sourced(load(text, shape, source=source), source, text))
        except DocumentError as error:
            problems.extend(error.problems)
    if problems:
        raise DocumentError(problems)
    return tuple(documents)


# --- building ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Draft:
    """A service document on its way into the catalogue, with a way to tell where it is wrong."""

    document: ServiceDocument
    built_in: bool
    complain: Callable[[Place, str], Problem] = field(repr=False)
    change: ServiceDocument | None = None  # the later document, where one changed the service


def build(
    documents: Sequence[Sourced[ServiceDocument]],
    sets: Sequence[Sourced[OperationSetDocument]],
    *,
    extra: Sequence[ServiceDocument] = (),
    inspected_hosts: Sequence[str] = (),
    locate: Locate | None = None,
) -> Catalogue:
    """A catalogue from documents; `Catalogue.load` gives it the ones that ship with the gateway.

    Raises `DocumentError` with every problem that the documents have together.
    """
    problems: list[Problem] = []
    drafts = [_Draft(each.document, built_in=True, complain=each.problem) for each in documents]
    drafts += [_extra_draft(number, each, locate) for number, each in enumerate(extra)]
    merged = _merge(drafts, problems)
    set_index = _index_sets(sets, problems)
    services: dict[str, Service] = {}
    for draft in sorted(merged.values(), key=lambda each: each.document.id):
        service = _service(draft, merged, set_index, problems)
        services[service.id] = service
    aliases = _aliases(services, merged, problems)
    tables = _tables(services, merged, problems)
    also: HostIndex[HostPattern] = HostIndex()
    further = []
    for text in inspected_hosts:
        try:
            pattern = _whole_host(text)
        except ValueError as error:
            problems.append(Problem("inspect_hosts", 0, 0, str(error)))
            continue
        also.add(pattern, pattern)
        further.append(pattern.name)
    if problems:
        raise DocumentError(problems)
    names = {host.name for service in services.values() for host in service.hosts}
    return Catalogue(
        _services=services,
        _aliases=aliases,
        _tables=tables,
        _also=also,
        _hosts=tuple(sorted(names.union(further))),
    )


def _whole_host(text: str) -> HostPattern:
    pattern = HostPattern.parse(text)
    if pattern.prefix:
        raise ValueError(f"`{text}` has a path: a host is opened as a whole, leave it out")
    return pattern


def _extra_draft(number: int, document: ServiceDocument, locate: Locate | None) -> _Draft:
    def complain(place: Place, message: str) -> Problem:
        if locate is not None:
            return locate(number, place, message)
        return Problem("services", 0, 0, f"service `{document.id}`: {message}")

    return _Draft(document, built_in=False, complain=complain)


def _merge(drafts: Iterable[_Draft], problems: list[Problem]) -> dict[str, _Draft]:
    merged: dict[str, _Draft] = {}
    for draft in drafts:
        key = draft.document.id
        before = merged.get(key)
        if before is None:
            merged[key] = draft
        elif before.built_in and draft.built_in:
            problems.append(draft.complain(("id",), f"service `{key}` exists already"))
        else:
            document = _changed(before.document, draft.document)
            merged[key] = _Draft(
                document, built_in=False, complain=draft.complain, change=draft.document
            )
    return merged


def _changed(before: ServiceDocument, change: ServiceDocument) -> ServiceDocument:
    """A service with what a later document states about it."""
    replaced = {operation.id for operation in change.operations}
    stated = {name: getattr(change.facts, name) for name in change.facts.model_fields_set}
    return before.model_copy(
        update={
            "name": change.name or before.name,
            "category": change.category or before.category,
            "like": change.like or before.like,
            "protocol": change.protocol or before.protocol,
            "act": change.act or before.act,
            "notes": change.notes or before.notes,
            "facts": before.facts.model_copy(update=stated),
            "aliases": _union(before.aliases, change.aliases),
            "hosts": _union(before.hosts, change.hosts),
            "include": _union(change.include, before.include),
            "sources": _union(before.sources, change.sources),
            "examples": _union(before.examples, change.examples),
            "operations": (
                *change.operations,
                *(each for each in before.operations if each.id not in replaced),
            ),
        }
    )


def _union[T](first: Iterable[T], second: Iterable[T]) -> tuple[T, ...]:
    result = list(first)
    result += [each for each in second if each not in result]
    return tuple(result)


type _Sets = Mapping[str, OperationSetDocument]


def _index_sets(sets: Iterable[Sourced[OperationSetDocument]], problems: list[Problem]) -> _Sets:
    index: dict[str, OperationSetDocument] = {}
    for each in sets:
        if each.document.id in index:
            problems.append(
                each.problem(("id",), f"operation set `{each.document.id}` exists already")
            )
        index[each.document.id] = each.document
    return index


def _service(
    draft: _Draft, merged: Mapping[str, _Draft], sets: _Sets, problems: list[Problem]
) -> Service:
    document = draft.document
    model = _model(draft, merged, problems)
    name = document.name or (f"{model.name} ({document.id})" if model else "")
    category = document.category or (model.category if model else None)
    hosts = document.hosts
    for key, value in (("name", name), ("category", category), ("hosts", hosts)):
        if not value:
            problems.append(
                draft.complain(("id",), f"service `{document.id}`: key `{key}` is missing")
            )
    operations = _own_operations(draft, sets, problems)
    examples = [*document.examples, *_set_examples(document, sets, hosts)]
    if draft.change is None:
        _check_hidden(draft, operations, problems)
    else:  # a change may take over what the service had; it must not contradict itself
        _check_hidden(
            draft, [Operation.compile(each) for each in draft.change.operations], problems
        )
        examples = list(draft.change.examples)
    if model is not None:
        borrowed = _without_hosts(model)
        operations += _own_operations(_Draft(borrowed, draft.built_in, draft.complain), sets, [])
        examples += _set_examples(borrowed, sets, hosts)
    facts = complete(document.facts)
    if model is not None:
        stated = {key: getattr(document.facts, key) for key in document.facts.model_fields_set}
        facts = complete(model.facts.model_copy(update=stated))
    return Service(
        id=document.id,
        name=name,
        category=category or UNKNOWN_CATEGORY,
        aliases=document.aliases,
        hosts=tuple(HostPattern.parse(host) for host in hosts),
        protocol=document.protocol or (model.protocol if model else None) or "generic",
        act=document.act or (model.act if model else None) or Act.OTHER,
        operations=tuple(operations),
        facts=facts,
        notes=document.notes,
        examples=tuple(examples),
        sources=document.sources,
        built_in=draft.built_in,
    )


def _model(
    draft: _Draft, merged: Mapping[str, _Draft], problems: list[Problem]
) -> ServiceDocument | None:
    """The service that this one is like; one step only, so that nobody has to follow a chain."""
    like = draft.document.like
    if like is None:
        return None
    found = merged.get(like)
    if found is None or like == draft.document.id:
        hint = suggest(like, merged)
        problems.append(draft.complain(("like",), f"unknown service `{like}`{hint}"))
        return None
    if found.document.like is not None:
        problems.append(
            draft.complain(
                ("like",),
                f"`{like}` is itself like `{found.document.like}`: name that one instead",
            )
        )
        return None
    return found.document


def _without_hosts(model: ServiceDocument) -> ServiceDocument:
    """What another service can take over: all that holds for any host of the model."""
    return model.model_copy(
        update={
            "operations": tuple(each for each in model.operations if not each.host),
            "include": tuple(each for each in model.include if not each.host),
        }
    )


def _own_operations(draft: _Draft, sets: _Sets, problems: list[Problem]) -> list[Operation]:
    """The operations that a document states itself, and then those of the sets it includes."""
    document = draft.document
    operations = []
    for number, operation in enumerate(document.operations):
        _check_hosts(draft, operation.host, ("operations", number, "host"), problems)
        operations.append(Operation.compile(operation))
    for number, include in enumerate(document.include):
        _check_hosts(draft, include.host, ("include", number, "host"), problems)
        found = sets.get(include.operations)
        if found is None:
            problems.append(
                draft.complain(
                    ("include", number, "operations"),
                    f"unknown operation set `{include.operations}`"
                    f"{suggest(include.operations, sets)}",
                )
            )
            continue
        operations += [Operation.compile(_placed(each, include)) for each in found.operations]
    return operations


def _check_hosts(
    draft: _Draft, hosts: Iterable[str], place: Place, problems: list[Problem]
) -> None:
    own = draft.document.hosts
    problems.extend(
        draft.complain(
            place, f"`{host}` is not among the hosts of `{draft.document.id}`{suggest(host, own)}"
        )
        for host in hosts
        if host not in own
    )


def _check_hidden(draft: _Draft, operations: Sequence[Operation], problems: list[Problem]) -> None:
    """An operation that an earlier one with the same conditions hides could never be seen."""
    seen: dict[tuple[str, ...], str] = {}
    for operation in operations:
        for path, *conditions in operation.conditions():
            earlier = seen.setdefault(tuple(conditions), operation.id)
            if earlier != operation.id:
                problems.append(
                    draft.complain(
                        ("operations",),
                        f"operation `{operation.id}` can never match `{path}`: "
                        f"`{earlier}` comes first with the same conditions",
                    )
                )


def _placed(operation: OperationDocument, include: IncludeDocument) -> OperationDocument:
    return operation.model_copy(
        update={
            "path": tuple(include.base + path for path in operation.path),
            "host": include.host,
        }
    )


def _set_examples(
    document: ServiceDocument, sets: _Sets, hosts: Sequence[str]
) -> list[ExampleDocument]:
    """The examples of every set that a service includes, on the first host it is placed on."""
    examples = []
    for include in document.include:
        found = sets.get(include.operations)
        host = next(iter(include.host or hosts), None)
        if found is None or host is None:
            continue  # both are reported where they stand
        name = HostPattern.parse(host).name.replace("*", "example")
        examples += [
            ExampleDocument(
                url=f"{'wss' if each.websocket else 'https'}://{name}{include.base}{each.path}",
                operation=each.operation,
                method=each.method,
                content_type=each.content_type,
            )
            for each in found.examples
        ]
    return examples


def _aliases(
    services: Mapping[str, Service], merged: Mapping[str, _Draft], problems: list[Problem]
) -> dict[str, str]:
    aliases: dict[str, str] = {}
    # Built-in services first: the later document is the one to mend.
    for service in sorted(services.values(), key=lambda each: not each.built_in):
        for number, alias in enumerate(service.aliases):
            key = alias.lower()
            owner = key if key in services else aliases.get(key)
            if owner is not None and owner != service.id:
                problems.append(
                    merged[service.id].complain(
                        ("aliases", number), f"alias `{alias}` means service `{owner}` already"
                    )
                )
            aliases[key] = service.id
    return aliases


def _tables(
    services: Mapping[str, Service], merged: Mapping[str, _Draft], problems: list[Problem]
) -> HostIndex[HostTable]:
    """One table per host name; two services may share a host only under different paths."""
    claims: dict[str, dict[str, Claim]] = {}
    patterns: dict[str, HostPattern] = {}
    for service in services.values():
        for number, host in enumerate(service.hosts):
            patterns[host.name] = host
            owners = claims.setdefault(host.name, {})
            owner = owners.get(host.prefix)
            if owner is not None:
                # The later document is the one to mend, and policies come after the catalogue.
                guilty = service.id if not service.built_in else owner.service
                if services[guilty].built_in:
                    guilty = service.id
                other = owner.service if guilty == service.id else service.id
                problems.append(
                    merged[guilty].complain(
                        ("hosts", number) if guilty == service.id else ("hosts",),
                        f"host `{host.text}` belongs to service `{other}` already: "
                        f"change that service by its id, or narrow this one by a path, "
                        f"such as `{host.name}/chat`",
                    )
                )
                continue
            owners[host.prefix] = Claim.compile(
                prefix=host.prefix,
                service=service.id,
                rest=service.route(),
                operations=[
                    (operation, service.route(operation))
                    for operation in service.operations
                    if not operation.hosts or host.text in operation.hosts
                ],
            )
    index: HostIndex[HostTable] = HostIndex()
    for name, owners in claims.items():
        index.add(patterns[name], HostTable.of(owners.values()))
    return index
