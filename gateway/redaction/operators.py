r"""How is one value taken out? Named operators that check their own parameters.

Law: what an operator puts in place never holds the value, is printable ASCII without any of
`<>"\&` (so it stands unescaped in JSON, XML, HTML and form data), and is nothing that would be
found and taken out again.

`replace` and `mask` are presidio-anonymizer's, with parameters that keep the law (its `mask` could
leave all of a short value in sight). `partial` and `hash` are ours: its hash is not keyed, and its
digits would be found as identifiers again.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal, Protocol, get_args

from gateway.documents import suggest
from gateway.redaction.fingerprint import canonical, keyed

MASK_CHARS = "*#"
"""No letters, digits or `_.-`: they would join with what stands beside, e.g. before an `@`."""

_TEXT = re.compile(r"[ !#-%'-;=?-\[\]-~]{1,100}")
_CONSONANTS = str.maketrans("0123456789abcdef", "bcdfghjkmnpqrstv")
_MAX_HASH = 32
_MIN_HASH = 4
_MAX_MASK = 64
_MAX_KEPT = 8

type Scope = Literal["actor", "conversation", "organisation"]
type Shape = Literal["opaque", "similar"]
SCOPES: tuple[Scope, ...] = get_args(Scope.__value__)
SHAPES: tuple[Shape, ...] = get_args(Shape.__value__)

type Params = Mapping[str, str | int]


@functools.cache
def _presidio() -> ModuleType:
    """Loaded with the first use: it brings spaCy, and most of those who name an operator use none."""
    return import_module("presidio_anonymizer.operators")


def prepare() -> None:
    """Load the library now."""
    _presidio()


class OperatorError(ValueError):
    """An operator or a parameter that does not exist, or does not fit. Holds no content."""


class Operator(Protocol):
    """Puts something in the place of a value."""

    def replacement(self, value: str, entity: str, *, key: bytes) -> str:
        """What stands in the place of `value`, which was found as `entity`."""
        ...


def label(entity: str) -> str:
    """The name of an entity as it stands in a replacement: capitals, digits and `_`."""
    return re.sub(r"[^A-Z0-9_]+", "_", entity.upper()).strip("_")[:40] or "REDACTED"


@dataclass(frozen=True, slots=True)
class Replace:
    """A fixed text, or the entity's label such as `[US_SSN]`. Shows not even a length."""

    text: str = ""

    def __post_init__(self) -> None:
        if self.text and not _TEXT.fullmatch(self.text):
            raise OperatorError(
                '`text` must be 1 to 100 printable ASCII characters without any of `<>"\\&`'
            )

    def replacement(self, value: str, entity: str, *, key: bytes) -> str:
        """See `Operator`."""
        del key
        new = self.text or f"[{label(entity)}]"
        return str(_presidio().Replace().operate(value, {"new_value": new}))


@dataclass(frozen=True, slots=True)
class Mask:
    """The same character throughout; as long as the value, or `length` characters."""

    char: str = "*"
    length: int = 0

    def __post_init__(self) -> None:
        _check_char(self.char)
        _check_range("length", self.length, 0, _MAX_MASK)

    def replacement(self, value: str, entity: str, *, key: bytes) -> str:
        """See `Operator`."""
        del entity, key
        text = value if not self.length else self.char * self.length
        asked = {"masking_char": self.char, "chars_to_mask": len(text), "from_end": False}
        return str(_presidio().Mask().operate(text, asked))


@dataclass(frozen=True, slots=True)
class Partial:
    """All but the first and last characters covered; never more than half stays in sight."""

    keep_first: int = 0
    keep_last: int = 0
    char: str = "*"

    def __post_init__(self) -> None:
        _check_char(self.char)
        _check_range("keep_first", self.keep_first, 0, _MAX_KEPT)
        _check_range("keep_last", self.keep_last, 0, _MAX_KEPT)
        if not self.keep_first and not self.keep_last:
            raise OperatorError("`partial` keeps nothing; give `keep_first` or `keep_last`")

    def replacement(self, value: str, entity: str, *, key: bytes) -> str:
        """See `Operator`."""
        del entity, key
        # Letters and digits are what a value tells; separators count neither way. Ends are
        # counted in them too, so that `4111-1111` and `41111111` show the same.
        telling = [index for index, char in enumerate(value) if char.isalnum()]
        allowed = len(telling) // 2
        last = min(self.keep_last, allowed)
        first = min(self.keep_first, allowed - last)
        kept = {*telling[:first], *telling[len(telling) - last :]}
        return "".join(
            char if index in kept and char.isascii() else self.char
            for index, char in enumerate(value)
        )


@dataclass(frozen=True, slots=True)
class Hash:
    """The label with a keyed digest, e.g. `[EMAIL_ADDRESS:kfnbtq]`: equal values stay equal.

    The digest is written in consonants: digits would be found as one identifier or another, and
    vowels would spell words.
    """

    length: int = 6

    def __post_init__(self) -> None:
        _check_range("length", self.length, _MIN_HASH, _MAX_HASH)

    def replacement(self, value: str, entity: str, *, key: bytes) -> str:
        """See `Operator`."""
        digest = keyed(canonical(value, entity), key, purpose=b"operator", size=_MAX_HASH // 2)
        return f"[{label(entity)}:{digest[: self.length].translate(_CONSONANTS)}]"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that answers turn into the value again, unless `restore` is false.

    `shape` is `opaque` (`PERSON_…`) or `similar` (of the value's own form, where there is one);
    `scope` says within what the same value has the same token: `actor`, `conversation` (the actor
    where none is known) or `organisation`. Which token, `gateway.redaction.tokens` says.
    """

    shape: Shape = "opaque"
    scope: Scope = "actor"
    restore: bool = True

    def __post_init__(self) -> None:
        for name, value, known in (
            ("shape", self.shape, SHAPES),
            ("scope", self.scope, SCOPES),
        ):
            if value not in known:
                raise OperatorError(f"`{name}` must be one of {', '.join(known)}")


_OPERATORS: Mapping[str, type[Replace | Mask | Partial | Hash | Token]] = {
    "replace": Replace,
    "mask": Mask,
    "partial": Partial,
    "hash": Hash,
    "token": Token,
}

STRICTNESS = ("partial", "token", "hash", "mask", "replace")
"""Operators from the one that shows most to the one that shows nothing, not even a length."""


def names() -> tuple[str, ...]:
    """The operators there are."""
    return tuple(_OPERATORS)


def operator(name: str, params: Params | Sequence[tuple[str, str | int]] = ()) -> Operator | Token:
    """The operator `name` with its parameters; `OperatorError` when they do not fit."""
    given = dict(params)
    kind = _OPERATORS.get(name)
    if kind is None:
        raise OperatorError(f"unknown operator `{name}`{suggest(name, _OPERATORS)}")
    fields = kind.__dataclass_fields__
    for key, value in given.items():
        if key not in fields:
            raise OperatorError(f"`{name}` has no parameter `{key}`{suggest(key, fields)}")
        if type(value) is not type(fields[key].default):
            raise OperatorError(f"`{key}` of `{name}` has the wrong type")
    return kind(**given)  # type: ignore[arg-type]  # names and types were checked above


_LAST_RESORTS = ("[REDACTED]", "[***]", "***", "---", "")
"""INVARIANT: ends in what holds no character at all, so one of them never holds the value."""


def take_out(
    call: Operator, value: str, entity: str, *, key: bytes, others: Sequence[str] = ()
) -> str:
    """What `call` puts in the place of `value`, or something plainer if that held a value.

    `others` are values that go out with it and must not shine through either.
    """
    values = [text for text in (value, *others) if text]
    result = call.replacement(value, entity, key=key)
    return next(
        text
        for text in (result, f"[{label(entity)}]", *_LAST_RESORTS)
        if not any(holds(text, gone) for gone in values)
    )


def holds(text: str, value: str) -> bool:
    """Whether a replacement shows a value, in whatever case."""
    return value.casefold() in text.casefold()


def _check_char(char: str) -> None:
    if len(char) != 1 or char not in MASK_CHARS:
        raise OperatorError(f"`char` must be one of `{MASK_CHARS}`")


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise OperatorError(f"`{name}` must be {low} to {high}")
