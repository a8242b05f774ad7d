"""What do Presidio's recognizers define? The one place that knows Presidio.

Law: every pattern recognizer that the library ships is taken, of every country, with its own
patterns, confidences, context words and checks. Recognizers that need a service or a model are
not (see `names.py` for models).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import presidio_analyzer.predefined_recognizers as predefined
import regex
import tldextract
from presidio_analyzer import PatternRecognizer
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    PhoneRecognizer,
    UrlRecognizer,
)

from gateway.detectors import catalogue
from gateway.detectors.cards import CardProbe, IssuedProbe
from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.phones import SHAPES, PhoneProbe, ShapeProbe
from gateway.detectors.prefilter import Expression, located
from gateway.detectors.probes import (
    EmailProbe,
    IpProbe,
    PatternProbe,
    Probe,
    Raw,
    UrlProbe,
    matches,
)
from gateway.detectors.settings import Settings


@dataclass(frozen=True, slots=True)
class _Mended:
    """A pattern that does not do what it is meant to, and what it is replaced with."""

    original: str
    pattern: str
    shape: Expression


_MENDED: tuple[_Mended, ...] = (
    # "Ten characters with a letter and four digits": the look-aheads of the original run on to the
    # end of the text (`.*?` with DOTALL), so any ten-letter word matches when four digits follow
    # anywhere after it, in time that grows with the square of the text.
    _Mended(
        original=r"\b((?=.*?[a-zA-Z])(?=.*?[0-9]{4})[\w@#$%^?~-]{10})\b",
        pattern=(
            r"\b((?=[\w@#$%^?~-]{0,9}[a-zA-Z])(?=[\w@#$%^?~-]{0,6}[0-9]{4})[\w@#$%^?~-]{10})\b"
        ),
        shape=Expression(r"(?:^|[^0-9])[0-9]{4}", before=10),
    ),
    # Any word of six letters passes when look-aheads are relaxed; the shape keeps the first digit. A
    # word with a digit is no number of a member, nor is a policy of CMake (`CMP0075`).
    _Mended(
        original=(
            r"\b(?=[A-Z0-9-]{6,20}\b)(?=[A-Z0-9-]*[A-Z])(?=[A-Z0-9-]*\d)"
            r"[A-Z]{1,5}-?[A-Z0-9]{5,14}\b"
        ),
        pattern=(
            r"\b(?!CMP\d{4}\b)(?=[A-Z0-9-]{6,20}\b)(?=[A-Z0-9-]*[A-Z])(?=(?:[A-Z-]*\d){3})"
            r"[A-Z]{1,5}-?[A-Z0-9]{5,14}\b"
        ),
        shape=Expression(r"\b[A-Z][A-Z-]*\d", before=40),
    ),
)


_WHOLE = frozenset(
    {
        "FI_PERSONAL_IDENTITY_CODE",
        "IT_FISCAL_CODE",
        "MEDICAL_LICENSE",
        "PL_PESEL",
        "SE_ORGANISATIONSNUMMER",
        "SE_PERSONNUMMER",
    }
)
"""Entities whose patterns say nothing of what stands beside a match. One check digit lets every
tenth number pass, and a hash of forty characters holds thirty: a part of a longer run is none."""

_ALONE = r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])"

_DOTTED_YEAR = r"\.(\d{4}|\d{2}))\b"
"""How the pattern of dates with dots ends. With two digits for the year it is a version as often as
a date (`12.11.3`, `19.6.36`): context decides."""

_TIME = r"T[0-2]\d:[0-5]\d"
"""In the pattern of dates with a time, which may end in any number of digits."""

_CISCO = r"\b[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b"
"""Hardware addresses in three groups: of four and more, they are something else, as weights for sorting."""

_FISCAL_CODE = r"[A-Z]{6}[\dLMNP-V]{2}[A-EHLMPR-T][\dLMNP-V]{2}[A-Z][\dLMNP-V]{3}[A-Z]"
"""Italy's code by its places alone: the matcher is slow with all that may stand in which of them."""

WEAK_DATE = 0.1
"""What Presidio gives to the weakest of its patterns of dates (`11/24`)."""


def predefined_recognizers() -> Iterator[Any]:
    """Every recognizer of the library that works on patterns alone, by class name."""
    for name in sorted(vars(predefined)):
        kind = getattr(predefined, name)
        if (
            inspect.isclass(kind)
            and issubclass(kind, (PatternRecognizer, PhoneRecognizer))
            and kind is not PatternRecognizer
        ):
            make: Any = kind
            yield make()


def probes(settings: Settings) -> list[Probe]:
    """The probes of all recognizers that `settings` wants, in a stable order."""
    found: list[Probe] = []
    for recognizer in predefined_recognizers():
        entity = recognizer.supported_entities[0]
        if not settings.wants_country(recognizer.COUNTRY_CODE) or entity in settings.disabled:
            continue
        known = catalogue.entities()[entity]
        vocabulary = Vocabulary((*(recognizer.context or ()), *known.context))
        if isinstance(recognizer, PhoneRecognizer):
            floor = settings.min_confidence.get(entity, known.min_confidence)
            found.append(_phone(recognizer, known, vocabulary, floor=floor))
            if entity == "PHONE_NUMBER":
                found.extend(
                    ShapeProbe(
                        name="PhoneShape",
                        entity=entity,
                        expression=Expression(shape),
                        confidence=recognizer.SCORE,
                        vocabulary=vocabulary,
                    )
                    for shape in SHAPES
                )
        elif isinstance(recognizer, IbanRecognizer):
            found.append(IbanProbe(recognizer, vocabulary))
        elif isinstance(recognizer, PatternRecognizer):
            found.extend(_patterns(recognizer, entity, vocabulary))
        if entity == "CREDIT_CARD":
            found.append(CardProbe(vocabulary))
    return found


def _patterns(recognizer: Any, entity: str, vocabulary: Vocabulary) -> Iterator[PatternProbe]:
    kind = type(recognizer)
    if kind.analyze is not PatternRecognizer.analyze:
        raise NotImplementedError(f"`{kind.__name__}` analyses in a way of its own")
    validate = recognizer.validate_result
    if isinstance(recognizer, EmailRecognizer):
        validate = _has_public_domain
    checks = kind.validate_result is not PatternRecognizer.validate_result
    rejects = kind.invalidate_result is not PatternRecognizer.invalidate_result
    flags = int(recognizer.global_regex_flags)
    for pattern in recognizer.patterns:
        for text, shape, confidence in _mended(pattern, entity, flags):
            arguments: dict[str, Any] = {
                "name": recognizer.name,
                "entity": entity,
                "expression": Expression(text, flags),
                "confidence": confidence,
                "vocabulary": vocabulary,
                "validate": validate if checks else None,
                "invalidate": recognizer.invalidate_result if rejects else None,
            }
            if isinstance(recognizer, EmailRecognizer):
                yield EmailProbe(**arguments, shape=Expression(r"[^\s@]@\w", flags, 1_024))
            elif isinstance(recognizer, IpRecognizer):
                yield IpProbe(**arguments)
            elif isinstance(recognizer, CreditCardRecognizer):
                yield IssuedProbe(**arguments, shape=shape)
            elif isinstance(recognizer, UrlRecognizer):
                yield from _url(text, flags, arguments)
            else:
                yield PatternProbe(**arguments, shape=shape)


def _url(pattern: str, flags: int, arguments: dict[str, Any]) -> Iterator[PatternProbe]:
    """Addresses with a scheme or in quotes begin with it; the others are found by their ending."""
    if pattern.startswith("(?i)((www"):
        yield UrlProbe(**arguments, doubtful=False)
        yield UrlProbe(**arguments, doubtful=True)
    elif pattern.startswith("(?i)(?:https?://)"):
        yield PatternProbe(**arguments, shape=Expression("https?://", flags, 8))
    elif pattern.startswith("(?i)[\"\\'](https?://"):
        yield PatternProbe(**arguments, shape=Expression("[\"']https?://", flags, 9))
    else:
        endings = "|".join(regex.findall(r"\(\?:([a-z0-9-]{2,30})\)", pattern))
        shape = rf"""["'][a-z0-9.-]+[.](?:{endings})["'/]"""
        yield PatternProbe(**arguments, shape=Expression(shape, flags, 300))


def _mended(
    pattern: Any, entity: str, flags: int
) -> Iterator[tuple[str, Expression | None, float]]:
    """What to look for instead of `pattern`: pattern, shape for the prefilter, confidence."""
    text: str = pattern.regex
    for mended in _MENDED:
        if mended.original == text:
            yield mended.pattern, replace(mended.shape, flags=flags), pattern.score
            return
    if _TIME in text:
        yield text, Expression(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d", flags, 16), pattern.score
    elif text.endswith(_DOTTED_YEAR):
        days = text.removesuffix(_DOTTED_YEAR)
        yield rf"{days}\.\d{{4}})\b", None, pattern.score
        yield rf"{days}\.\d{{2}})\b", None, WEAK_DATE
    elif entity == "US_DRIVER_LICENSE":
        yield rf"(?<!#)(?![A-Z]\d{{1,2}}\b){text}", located(text, flags), pattern.score
    elif entity == "CREDIT_CARD":
        # No fraction, but for a weight in a header, which has three digits: RFC 9110, 12.4.2.
        yield rf"(?<!(?<!q=)\b0\.){text}", None, pattern.score
    elif entity == "IN_VEHICLE_REGISTRATION":
        yield rf"(?<!#){text}", None, pattern.score  # a colour
    elif entity == "MAC_ADDRESS" and text != _CISCO:
        yield (
            rf"(?<![0-9A-Fa-f][:-]){text}(?![:-][0-9A-Fa-f])",
            None,
            pattern.score,
        )  # a fingerprint
    elif text == _CISCO:
        yield rf"(?<![\w.]){text}(?!\.?\w)", None, pattern.score
    elif entity == "IT_FISCAL_CODE":
        yield _ALONE.format(text), Expression(_FISCAL_CODE, flags, 16), pattern.score
    elif entity in _WHOLE:
        yield _ALONE.format(text), located(text, flags), pattern.score
    else:
        yield text, None, pattern.score


@functools.cache
def _suffixes() -> tldextract.TLDExtract:
    # The library's own instance downloads the public suffix list on first use; this one reads
    # the copy that ships with it.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


_suffixes()("example.com")  # reads the list now, not with the first address


def _has_public_domain(address: str) -> bool:
    """The check of Presidio's e-mail recognizer, without its download."""
    return bool(_suffixes()(address).fqdn)


def _phone(
    recognizer: Any, entity: catalogue.Entity, vocabulary: Vocabulary, *, floor: float
) -> PhoneProbe:
    wanted = getattr(recognizer, "target_classification", None)
    region = getattr(recognizer, "REGION", None)
    accept = None
    if wanted is not None:

        def accept(number: Any) -> bool:
            import phonenumbers  # noqa: PLC0415  # loaded by Presidio already

            return (
                phonenumbers.region_code_for_number(number) == region
                and recognizer._classify(number) == wanted  # noqa: SLF001  # no public way
            )

    return PhoneProbe(
        name=recognizer.name,
        entity=entity.name,
        regions=recognizer.supported_regions,
        leniency=recognizer.leniency,
        confidence=recognizer.SCORE,
        vocabulary=vocabulary,
        accept=accept,
        worth=lambda candidate: entity.cap(candidate) >= floor,
    )


class IbanProbe:
    """IBANs: the recognizer's own search, which tries shorter matches when a long one is none."""

    entity = "IBAN_CODE"
    reach = 128
    strongest = 1.0
    # Every match begins so. The whole pattern matches up to each of the last characters of a number.
    _BEGINS = r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2}"
    _WORD = regex.compile("[A-Z0-9]+")
    _SHORTEST = 15  # Norway's

    def __init__(self, recognizer: Any, vocabulary: Vocabulary) -> None:
        self.name = recognizer.name
        self.vocabulary = vocabulary
        pattern = recognizer.patterns[0]
        self.expressions = (located(self._BEGINS, int(recognizer.global_regex_flags or 0)),)
        self._pattern = regex.compile(pattern.regex, recognizer.global_regex_flags)
        self._confidence = pattern.score
        self._validate = recognizer.validate_result

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Account numbers that start in `text[start:end]`."""
        for match in matches(self._pattern, text, start, end, reach=self.reach):
            first = match.start()
            groups = [match.end(group) for group in range(len(match.groups()), 0, -1)]
            # The pattern takes in what follows in capitals, a BIC: a number ends where a word does.
            words = [first + word.end() for word in self._WORD.finditer(match[0])]
            for last in dict.fromkeys((*groups, *reversed(words))):
                if last - first < self._SHORTEST:
                    continue
                valid = self._validate(text[first:last])
                if valid is None or valid:
                    sure = self._confidence if valid is None else 1.0
                    yield Raw(first, last, sure, self.entity, self)
                    break
