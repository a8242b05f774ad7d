"""Which operation of a service is a request?

Law: matching is by the normal form of the path, so spelling decides nothing; a plain path is tried
before a path with holes, and otherwise the first operation in the order of the file wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.model import Act, Route
from gateway.services.document import ANY_METHOD, OperationDocument
from gateway.services.paths import PathPattern, normalise


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, compiled. `hosts` are host patterns of the service, empty for all of them."""

    id: str
    act: Act
    protocol: str
    paths: tuple[PathPattern, ...]
    methods: frozenset[str]
    hosts: frozenset[str]
    content_types: tuple[str, ...]
    websocket: bool

    @classmethod
    def compile(cls, document: OperationDocument, *, any_host: bool = False) -> Operation:
        """The executable form of a document; `any_host` drops its narrowing to hosts."""
        return cls(
            id=document.id,
            act=document.act,
            protocol=document.protocol or "",
            paths=tuple(PathPattern.parse(path) for path in document.path),
            methods=frozenset() if ANY_METHOD in document.method else frozenset(document.method),
            hosts=frozenset() if any_host else frozenset(document.host),
            content_types=document.content_type,
            websocket=document.websocket,
        )

    def accepts(self, method: str, content_type: str, *, websocket: bool) -> bool:
        """Do method, media type (as on the wire) and kind of connection fit? The path is apart."""
        if websocket != self.websocket:
            return False
        if not websocket and self.methods and method.upper() not in self.methods:
            return False
        if not self.content_types:
            return True
        media_type = content_type.partition(";")[0].strip().lower()
        return any(
            media_type == wanted or (wanted.endswith("/*") and media_type.startswith(wanted[:-1]))
            for wanted in self.content_types
        )

    def conditions(self) -> Iterator[tuple[str, ...]]:
        """Each single combination of conditions, the path as a pattern: names of holes are equal.

        To see whether another operation has the same; the first value is the path for people.
        """
        kinds = {"WEBSOCKET"} if self.websocket else self.methods or {ANY_METHOD}
        for path in self.paths:
            for kind in kinds:
                for host in self.hosts or {""}:
                    for content_type in self.content_types or ("",):
                        yield path.text, path.expression, kind, host, content_type

    def summary(self, *, default_protocol: str) -> dict[str, object]:
        """The operation in plain values, for people and JSON."""
        return {
            "id": self.id,
            "act": self.act.value,
            "protocol": self.protocol or default_protocol,
            "method": sorted(self.methods) if not self.websocket else [],
            "path": [path.text for path in self.paths],
            "host": sorted(self.hosts),
            "content_type": list(self.content_types),
            "websocket": self.websocket,
        }


type _Candidate = tuple[PathPattern, Operation, Route]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one service answers under a path prefix of one host.

    `by_path` holds operations with a plain path, `by_length` those with holes by the number of
    segments they match, `open` those that take any number and so come into every length.
    """

    prefix: str
    service: str
    rest: Route
    by_path: dict[str, tuple[_Candidate, ...]] = field(repr=False)
    by_length: dict[int, tuple[_Candidate, ...]] = field(repr=False)
    open: tuple[_Candidate, ...] = field(repr=False)

    @classmethod
    def compile(
        cls,
        *,
        prefix: str,
        service: str,
        rest: Route,
        operations: Sequence[tuple[Operation, Route]],
    ) -> Claim:
        """File the operations of a service, in order, each with the route that it stands for."""
        candidates = [
            (path, operation, route) for operation, route in operations for path in operation.paths
        ]
        plain: dict[str, list[_Candidate]] = {}
        holes = [each for each in candidates if not each[0].literal]
        for each in candidates:
            if each[0].literal:
                plain.setdefault(each[0].text, []).append(each)
        lengths = {path.length for path, _, _ in holes if path.length is not None}
        return cls(
            prefix=prefix,
            service=service,
            rest=rest,
            by_path={path: tuple(found) for path, found in plain.items()},
            by_length={
                length: tuple(each for each in holes if each[0].length in {length, None})
                for length in lengths
            },
            open=tuple(each for each in holes if each[0].length is None),
        )

    def route(self, path: str, method: str, content_type: str, *, websocket: bool) -> Route:
        """The route of a request with this normal path; the rest of the service when none fits."""
        for _, operation, route in self.by_path.get(path, ()):
            if operation.accepts(method, content_type, websocket=websocket):
                return route
        length = path.count("/") if path != "/" else 0
        for pattern, operation, route in self.by_length.get(length, self.open):
            if operation.accepts(method, content_type, websocket=websocket) and pattern.matches(
                path
            ):
                return route
        return self.rest

    def covers(self, path: str) -> bool:
        """Does a normal path lie under this claim's prefix?"""
        return not self.prefix or path == self.prefix or path.startswith(self.prefix + "/")


@dataclass(frozen=True, slots=True)
class HostTable:
    """All claims on one host, the longest prefix first."""

    claims: tuple[Claim, ...]

    @classmethod
    def of(cls, claims: Iterable[Claim]) -> HostTable:
        """A table of claims with different prefixes."""
        return cls(tuple(sorted(claims, key=lambda claim: -len(claim.prefix))))

    def route(
        self, *, method: str, target: str, content_type: str, websocket: bool
    ) -> Route | None:
        """The route of a request; None where every claim is narrowed to another path."""
        path = normalise(target)
        for claim in self.claims:
            if claim.covers(path):
                return claim.route(path, method, content_type, websocket=websocket)
        return None
