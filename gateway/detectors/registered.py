"""What of the company's registered data stands in a text? See `gateway.registers` for how it is known.

Law: a policy says what is a finding (which columns suffice alone, which only together), a register
what is known; both fit, or the gateway does not start. Whatever spelling or disguise, a finding is
of the values that stand there, each at its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.detectors import catalogue
from gateway.detectors.custom import ENTITY, ONE_OR_MANY, group_name, own_name
from gateway.documents import Strict, suggest
from gateway.model import Match, Severity
from gateway.registers import SHARES, detector_of, entity_of
from gateway.registers.chunks import chunks
from gateway.registers.folder import NAME, Register, Registers
from gateway.registers.passages import Documents
from gateway.registers.tables import Table
from gateway.registers.together import Together, matched
from gateway.registers.words import Words

FEW = 0.8
"""What a single print of a document is worth of the confidence: one sentence of it."""

MOST_COLUMNS = 50


class Column(Strict):
    """One column of a table.

    `alone`: one of its values suffices. `header` is its name in the file, where that is another.
    `kind` says in which spellings values are met, `order` whether `3/2/1987` is a day or a month
    first, `region` (such as `DE`) where telephone numbers without `+` are from. Cells with fewer
    letters and digits than `shortest` are left out.
    """

    kind: Literal["text", "name", "date", "phone", "number"] = "text"
    alone: bool = False
    header: str = ""
    order: Literal["dmy", "mdy"] = "dmy"
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    shortest: Annotated[int, Field(ge=2, le=100)] = 4


def _together(value: str) -> str:
    Together.parse(value)
    return value


def _nothing(value: object) -> object:
    return {} if value is None else value


type Columns = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")],
        Annotated[Column, BeforeValidator(_nothing)],
    ],
    Field(max_length=MOST_COLUMNS),
]
type Rules = Annotated[tuple[Annotated[str, AfterValidator(_together)], ...], ONE_OR_MANY]


class Registered(Strict):
    """One register: what `leakgate register` fills under `name`, and what of it is a finding.

    A `table` has `columns`; of those that are not `alone`, so many as `match` says have to stand
    together: `2 of name, birth within 200`. A `dictionary` has terms, `match_case` says whether
    their letter case counts. `documents` are known by their passages.
    """

    name: Annotated[str, Field(pattern=NAME)]
    kind: Literal["table", "dictionary", "documents"]
    entity: Annotated[str, Field(pattern=ENTITY), AfterValidator(own_name)] | None = None
    title: str = ""
    severity: Literal["info", "low", "medium", "high", "critical"] = "high"
    groups: tuple[Annotated[str, AfterValidator(group_name)], ...] = ("company",)
    confidence: Annotated[float, Field(ge=0.5, le=1)] = 0.95
    columns: Columns = Field(default_factory=dict)
    match: Rules = ()
    match_case: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Registered:
        if self.kind != "table" and (self.columns or self.match):
            raise ValueError(f"`{self.name}`: only a `table` has `columns` and `match`")
        if self.kind != "dictionary" and self.match_case:
            raise ValueError(f"`{self.name}`: only a `dictionary` has `match_case`")
        if self.kind != "table":
            return self
        if not self.columns:
            raise ValueError(f"`{self.name}` has no `columns`")
        together = self.together
        for rule in together:
            for column in rule.columns:
                if column not in self.columns:
                    raise ValueError(
                        f"`{self.name}` has no column `{column}`{suggest(column, self.columns)}"
                    )
        named = {column for rule in together for column in rule.columns}
        for name, each in self.columns.items():
            if not each.alone and name not in named:
                raise ValueError(
                    f"column `{name}` of `{self.name}` finds nothing: write `alone: true`, or name it"
                    " in `match`"
                )
        return self

    @property
    def together(self) -> tuple[Together, ...]:
        """The rules of `match`."""
        return tuple(map(Together.parse, self.match))

    @property
    def says(self) -> str:
        """Its entity."""
        return self.entity or entity_of(self.name)

    @property
    def detectors(self) -> tuple[str, ...]:
        """The detectors that its findings name."""
        match self.kind:
            case "table":
                return tuple(detector_of(self.name, column) for column in self.columns)
            case "documents":
                return tuple(detector_of(self.name, share) for share in SHARES)
            case "dictionary":
                return (detector_of(self.name),)

    def described(self) -> catalogue.Entity:
        """What rules, redaction and metrics know of its entity."""
        return catalogue.Entity(
            name=self.says,
            title=self.title or f"what is registered as {self.name}",
            groups=frozenset(self.groups),
            severity=Severity[self.severity.upper()],
            label=self.says,
            min_confidence=0.4,
            apart=True,
        )


def misfit(registered: Registered, about: Mapping[str, Any]) -> str | None:
    """Why a register is not what the policies describe; None when it is."""
    kind = "documents" if registered.kind == "documents" else "table"
    again = f"register it again: `leakgate register {registered.kind} {registered.name} …`"
    if about.get("kind") != kind:
        return f"`{registered.name}` was registered as another kind; {again}"
    if registered.kind == "documents":
        return None
    known = dict(about["columns"])
    wanted = columns_of(registered)
    missing = [name for name in wanted if known.get(name) != wanted[name].kind]
    if missing:
        return (
            f"`{registered.name}` was registered without column `{missing[0]}` of kind"
            f" `{wanted[missing[0]].kind}`; {again}"
        )
    if bool(about["cased"]) != registered.match_case:
        return f"`{registered.name}` was registered with another `match_case`; {again}"
    return None


TERM = "term"
"""The one column of a dictionary."""


def columns_of(registered: Registered) -> Mapping[str, Column]:
    """The columns of a table; of a dictionary its one."""
    if registered.kind == "dictionary":
        return {TERM: Column(alone=True, shortest=3)}
    return registered.columns


class Known:
    """All that is registered, ready to be found. What is described but not registered finds nothing."""

    def __init__(self, described: Sequence[Registered], registers: Registers | None) -> None:
        loaded = registers.by_name if registers is not None else {}
        self._known = [(each, loaded[each.name]) for each in described if each.name in loaded]
        self._together = {each.name: each.together for each, _ in self._known}
        self._prints = registers.prints if registers is not None else None
        self.entities = frozenset(each.says for each, _ in self._known)
        self.marks = tuple(f"{each.name} {register.mark}" for each, register in self._known)

    def find(self, text: str) -> list[Match]:
        """Everything registered that stands in `text`, which holds no lone surrogate."""
        if not self._known or self._prints is None:
            return []
        words = Words.of(text)
        if not len(words.letters):
            return []
        cells: dict[str, list[Any]] = {each.name: [] for each, _ in self._known}
        for chunk in chunks(words, self._prints):
            for each, register in self._known:
                match register.data:
                    case Table() as table:
                        cells[each.name].extend(table.cells(chunk, text))
                    case Documents() as documents:
                        cells[each.name].extend(documents.hits(chunk))
        found: list[Match] = []
        for each, register in self._known:
            if cells[each.name]:
                together = self._together[each.name]
                found.extend(_matches(each, together, register, cells[each.name], words))
        return found


def _matches(
    registered: Registered,
    together: Sequence[Together],
    register: Register,
    hits: list[Any],
    words: Words,
) -> Iterable[Match]:
    match register.data:
        case Table() as table:
            return _of_cells(registered, together, table, hits)
        case Documents() as documents:
            return _of_documents(registered, documents, hits, words)


def _of_cells(
    registered: Registered, together: Sequence[Together], table: Table, cells: list[Any]
) -> Iterator[Match]:
    if registered.kind == "dictionary":
        says, detector = registered.says, detector_of(registered.name)
        for start, end in dict.fromkeys((cell.start, cell.end) for cell in cells):
            yield Match(says, start, end, registered.confidence, detector)
        return
    alone = {
        number
        for number, name in enumerate(table.columns)
        if name in registered.columns and registered.columns[name].alone
    }
    counting = {cell for cell in cells if cell.column in alone}
    counting |= matched(table, together, cells)
    places = dict.fromkeys(
        (cell.start, cell.end, table.columns[cell.column])
        for cell in sorted(counting, key=lambda one: (one.start, one.end, one.column))
    )
    for start, end, column in places:
        yield Match(
            registered.says, start, end, registered.confidence, detector_of(registered.name, column)
        )


def _of_documents(
    registered: Registered, documents: Documents, hits: list[Any], words: Words
) -> Iterator[Match]:
    for passage in documents.passages(hits, words):
        share = SHARES[0] if passage.share < 0.25 else SHARES[1 if passage.share < 0.75 else 2]
        sure = registered.confidence if passage.prints > 1 else registered.confidence * FEW
        yield Match(
            registered.says,
            passage.start,
            passage.end,
            round(sure, 4),
            detector_of(registered.name, share),
        )
