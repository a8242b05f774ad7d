"""How is a single value of a policy written? A size, a time, a share, a host; and which words are there?

Law: a value is read in one way wherever it stands, and what cannot be read is told with an example
of what can.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic_core import core_schema

from gateway.policy import clock
from gateway.policy.rollout import WHOLE

type Family = Literal[
    "image",
    "document",
    "spreadsheet",
    "presentation",
    "archive",
    "text",
    "audio",
    "video",
    "unknown",
]
"""File families, as `gateway.model.FileInfo.family` has them."""

type UnreadWord = Literal[
    "any",
    "undecodable",
    "too_large",
    "expands_too_far",
    "malformed",
    "too_deep",
    "unknown_type",
    "unsupported_file",
    "charset",
    "encrypted",
    "timed_out",
    "crashed",
    "partial",
    "token_ids",
    "detector_failed",
]
"""`any`, and the values of `gateway.model.UnreadReason` (a test keeps them in step)."""

type OperatorName = Literal["replace", "mask", "partial", "hash", "token"]

type ActionWord = Literal["allow", "log", "redact", "tokenise", "coach", "block"]
"""`tokenise` is `redact` whose values become tokens, unless `redact` says otherwise."""

type RuleAction = Literal["allow", "log", "redact", "tokenise", "coach", "block", "redirect"]

TAKES_OUT = frozenset({"redact", "tokenise"})
"""Actions that take findings out."""


RULE_ID = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""Rule ids stand in metric labels, incidents and answers, so they are short and plain."""

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}


MOST_SECONDS = 86_400
"""How far back `history` may look."""
MOST_VALID = 30 * 86_400
"""How many seconds a justification may count."""
MOST_PICTURES = 200
"""How many pictures `history` may ask for; a few more are remembered of each sender."""


class _OneOrMany:
    """`entity: X` and `entity: [X, Y]` both read as a tuple; empty and missing values do not."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        array: dict[str, Any] = handler(schema)
        return {"anyOf": [array.get("items", {}), {**array, "minItems": 1}]}


def _listed(value: Any) -> Any:
    if value is None:
        raise ValueError("has no value; leave the key out or give one")
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("is an empty list; leave the key out or name at least one value")
        return value
    return [value]


type Many[T] = Annotated[tuple[T, ...], _OneOrMany()]
"""One value or a list of values; a list means any of them."""


def fact_word(value: object) -> str:
    """The one spelling of a fact's value, in lower case.

    YAML 1.1 reads a bare `yes` as true and Norway's `NO` as false, so both are written as words.
    """
    if value is True:
        return "yes"
    if value is False:
        return "no"
    return str(value).lower()


def _size(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([a-z]*)\s*", value.lower())
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"`{value}` is not a size; write bytes or e.g. `10 MB`")
    return int(float(found[1]) * _UNITS[found[2]])


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d{1,6})\s*([a-z]+)\s*", value.lower())
    if found is None or found[2] not in _TIMES:
        raise ValueError(f"`{value}` is not a time; write e.g. `30 min` or `24 h`")
    return int(found[1]) * _TIMES[found[2]]


def _day(value: str) -> str:
    clock.days(value)
    return value


def _hours(value: str) -> str:
    clock.hours(value)
    return value


def _zone(value: str) -> str:
    clock.zone(value)
    return value


def _share(value: Any) -> Any:
    found = re.fullmatch(SHARE, value) if isinstance(value, str) else None
    share = round(float(found[1]) * 100) if found is not None else 0
    if not 0 < share <= WHOLE:
        raise ValueError(f"`{value}` is not a share above 0% and up to 100%; write e.g. `25%`")
    return share


def share_word(share: int) -> str:
    """A share in hundredths of a percent, as a person writes it."""
    return f"{share / 100:g}%"


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f"`{value}` is not a network: {error}; write e.g. `10.0.0.0/8`") from None
    return value


def _host(value: str) -> str:
    if re.search(r"[/:\s]", value) or not value:
        raise ValueError(
            f"`{value}` is not a host; write e.g. `api.example.com` or `*.example.com`"
        )
    return value


def base_url(value: str) -> str:
    """An HTTPS URL that calls can be sent under, without the last slash; `ValueError` else."""
    parts = urlsplit(value)
    if (
        parts.scheme != "https"
        or not parts.hostname
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise ValueError(f"`{value}` is not a base URL such as `https://ai.example.com/openai`")
    return value.rstrip("/")


def header_value(value: str) -> str:
    """What can stand in a header; `ValueError` else."""
    if not re.fullmatch(r"[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?", value):
        raise ValueError("a header's value is 1 to 4096 printable ASCII characters")
    return value


def _whole(pattern: str) -> str:
    return f"^{pattern}$"


type Size = Annotated[int, Field(ge=0), BeforeValidator(_size, json_schema_input_type=int | str)]
type Seconds = Annotated[
    int,
    Field(ge=1, le=MOST_SECONDS),
    BeforeValidator(_duration, json_schema_input_type=int | str),
]
type Validity = Annotated[
    int,
    Field(ge=60, le=MOST_VALID),
    BeforeValidator(_duration, json_schema_input_type=int | str),
]
SHARE = r"([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%"
"""A share in percent, to the hundredth."""

type Day = Annotated[
    str, AfterValidator(_day), Field(json_schema_extra={"pattern": _whole(clock.DAY_WORDS)})
]
type Hours = Annotated[
    str, AfterValidator(_hours), Field(json_schema_extra={"pattern": _whole(clock.HOUR_WORDS)})
]
type Zone = Annotated[str, AfterValidator(_zone)]
type Share = Annotated[
    int,
    BeforeValidator(_share, json_schema_input_type=Annotated[str, Field(pattern=_whole(SHARE))]),
    PlainSerializer(share_word, return_type=str),
]
"""Hundredths of a percent."""
type Network = Annotated[str, AfterValidator(_network)]
type Host = Annotated[str, AfterValidator(_host)]
type Text = Annotated[str, Field(min_length=1)]
