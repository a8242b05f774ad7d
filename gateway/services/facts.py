"""What is known of how a service treats what it is given?

Law: the set of facts is closed and always complete. A fact that nobody established is the word
``unknown``, never absent, so that a policy can ask for it and count it as a risk.
"""

from __future__ import annotations

import datetime as dt
import re
import typing
from typing import Annotated, Any, Final, Literal, Never

from pydantic import AfterValidator, BeforeValidator

from gateway.documents import Strict
from gateway.model import FactValue

UNKNOWN: Final = "unknown"


def _word(value: Any) -> Any:
    # YAML 1.1 reads a bare `yes` or `no` as a boolean.
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


def _country(value: Any) -> Any:
    return "NO" if value is False else value  # Norway: YAML 1.1 reads a bare `NO` as a boolean


def _check_country(value: str) -> str:
    if value != UNKNOWN and not re.fullmatch(r"[A-Z]{2}", value):
        raise ValueError(f"`{value}` is not a two-letter ISO 3166 country code, `EU` or `unknown`")
    return value


def _date(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _check_date(value: str) -> str:
    if value != UNKNOWN:
        try:
            dt.date.fromisoformat(value if len(value) > len("2026-11") else value + "-01")
        except ValueError:
            raise ValueError(f"`{value}` is not a date such as `2026-11-23` or `2026-11`") from None
    return value


def _check_url(value: str) -> str:
    if value != UNKNOWN and not re.fullmatch(r"https://[a-z0-9.-]+(?:/\S*)?", value, re.IGNORECASE):
        raise ValueError(f"`{value}` is not an https:// address or `unknown`")
    return value


def _check_days(value: Any) -> Any:
    if isinstance(value, bool) or not (
        value in ("unknown", "indefinite") or (isinstance(value, int) and 0 <= value <= 36_500)
    ):
        raise ValueError(f"`{value}` is not a number of days, `indefinite` or `unknown`")
    return value


YesNo = Annotated[Literal["yes", "no", "unknown"], BeforeValidator(_word)]
Training = Annotated[Literal["yes", "no", "opt_out", "opt_in", "unknown"], BeforeValidator(_word)]
Days = Annotated[int | str, BeforeValidator(_check_days)]
Country = Annotated[str, BeforeValidator(_country), AfterValidator(_check_country)]
Date = Annotated[str, BeforeValidator(_date), AfterValidator(_check_date)]
Url = Annotated[str, AfterValidator(_check_url)]


class FactsDocument(Strict):
    """The facts of a service as a catalogue file states them; what is left out is unknown.

    `trains_on_input` tells whether input trains models: `opt_out` is yes unless the person says no,
    `opt_in` is no unless they say yes. `opt_out` tells whether a way out exists at all.
    `retention_days` is how long input is kept. `biometric` is how face or voice data is handled.
    `tier` is the offer that the facts hold for. `evidence` is where they come from: `primary` is
    the service's own terms, read on the day `checked`; `secondary` is somebody else's account.
    """

    trains_on_input: Training = UNKNOWN
    opt_out: YesNo = UNKNOWN
    retention_days: Days = UNKNOWN
    human_review: YesNo = UNKNOWN
    licence_perpetual: YesNo = UNKNOWN
    licence_irrevocable: YesNo = UNKNOWN
    licence_transferable: YesNo = UNKNOWN
    licence_sublicensable: YesNo = UNKNOWN
    public_by_default: YesNo = UNKNOWN
    biometric: Literal["none", "processed", "retained", "unknown"] = UNKNOWN
    jurisdiction: Country = UNKNOWN
    dpa: YesNo = UNKNOWN
    tier: Literal["consumer", "business", "api", "local", "unknown"] = UNKNOWN
    evidence: Literal["primary", "secondary", "unknown"] = UNKNOWN
    terms_url: Url = UNKNOWN
    checked: Date = UNKNOWN


class Facts(dict[str, FactValue]):
    """The complete facts of one service: a mapping that cannot be changed, and pickles as it is.

    A plain dictionary underneath, so that JSON writers take it; shared by every route of a service.
    """

    __slots__ = ()

    def _frozen(self, *_: object, **__: object) -> Never:
        raise TypeError("facts cannot be changed")

    __setitem__ = __delitem__ = __ior__ = _frozen
    clear = pop = popitem = setdefault = update = _frozen

    def __reduce__(self) -> tuple[type[Facts], tuple[dict[str, FactValue]]]:
        return Facts, (dict(self),)


def complete(stated: FactsDocument) -> Facts:
    """Every fact of the vocabulary with its value."""
    return Facts(stated.model_dump())


NOTHING_KNOWN = complete(FactsDocument())
"""The facts of a service that is in no catalogue."""


def vocabulary() -> dict[str, frozenset[str] | None]:
    """Each fact's name with the words it can take; None where the value is open.

    Open are `retention_days` (a number, `indefinite` or `unknown`), `jurisdiction`, `terms_url`
    and `checked`.
    """
    return {name: _words(info.annotation) for name, info in FactsDocument.model_fields.items()}


def _words(annotation: Any) -> frozenset[str] | None:
    if typing.get_origin(annotation) is Literal:
        return frozenset(typing.get_args(annotation))
    return None
