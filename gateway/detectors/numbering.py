"""Would these digits be a phone number if dialled in this region? Law: the answer is that of
`phonenumbers` (its `parse`, and `Leniency.VALID` of its matcher), in microseconds.

The library looks its patterns up by text, walks every description of a number and makes an object
for each candidate; most runs of digits are none. Here the patterns of a region are compiled once,
and nothing but the answer comes back. Steps and their order are the library's.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from re import _constants, _parser  # type: ignore[attr-defined]  # what a pattern consists of
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, region_code_for_country_code

_LONGEST, _SHORTEST = 17, 2
"""Digits of a national number, ITU-T E.164 with what the library allows beyond."""

_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number",
    "voip", "pager", "uan", "voicemail",
)  # fmt: skip
HEAD = 3
"""Digits at the beginning that a `Sieve` looks at."""

_USUAL = range(7, 16)
"""So many digits most numbers have; for others a `Sieve` is made ready when there are some."""

_MOST = 40
"""Runs of more digits begin as those of so many do."""

_FIRST_GROUP_ONLY = re.compile(r"\(?\\1\)?")


def dialled(digits: str, region: str) -> bool:
    """True for ASCII `digits` that are a valid number in `region`, its national prefix in place."""
    plan = _plan(region)
    if not plan.possible.match(digits):
        return False
    if plan.abroad is not None and (idd := plan.abroad.match(digits)):
        rest = digits[idd.end() :]
        if not rest.startswith("0"):
            return _abroad(rest) is True
    if digits.startswith(plan.code):
        rest = plan.without_prefix(digits[len(plan.code) :])[0]
        if (not plan.general(digits) and plan.general(rest)) or plan.too_long(digits):
            return _valid(rest, _main(int(plan.code)))
    return _valid(digits, plan) and _main(int(plan.code)).has_prefix(plan.national(digits), digits)


class Sieve:
    """The regions of some in which digits could be `dialled`, told by how many digits there are, and
    by the first of them: for most runs of digits there are few such regions, or none.
    """

    def __init__(self, regions: Sequence[str]) -> None:
        self._plans = [(region, _plan(region)) for region in regions]
        self._tables = {size: self._table(size) for size in _USUAL}

    def __call__(self, digits: str) -> tuple[str, ...]:
        """Regions for ASCII `digits`; no other region takes them."""
        size = min(len(digits), _MOST)
        table = self._tables.get(size)
        if table is None:
            table = self._tables[size] = self._table(size)
        return table.get(digits[:HEAD], ())

    def _table(self, size: int) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for region, plan in self._plans:
            for head in plan.begun(size):
                found[head] = (*found.get(head, ()), region)
        return found


@functools.cache
def sieve(regions: tuple[str, ...]) -> Sieve:
    """One for all that ask about the same regions: it remembers."""
    return Sieve(regions)


def international(digits: str) -> bool | None:
    """True for ASCII `digits` that are a valid number after a plus sign.

    None when they begin with no country code: then the library takes the sign for nothing.
    """
    return _abroad(digits)


def _abroad(digits: str) -> bool | None:
    if len(digits) <= _SHORTEST:
        return False
    for size in (1, 2, 3):
        code = int(digits[:size]) if digits[0] != "0" else 0
        if code in COUNTRY_CODE_TO_REGION_CODE:
            return _valid(digits[size:], _main(code))
    return None


def _valid(digits: str, plan: _Plan) -> bool:
    if len(digits) < _SHORTEST:
        return False
    national = plan.national(digits)
    return _SHORTEST <= len(national) <= _LONGEST and plan.assigned(national)


class _Plan:
    """The numbering plan of one region, or of a country code that belongs to none."""

    def __init__(self, metadata: Any) -> None:
        self.code = str(metadata.country_code)
        self.abroad = _compiled(metadata.international_prefix)
        self._prefix = _compiled(metadata.national_prefix_for_parsing)
        self._transform = _template(metadata.national_prefix_transform_rule)
        general = metadata.general_desc
        pattern = _compiled(general.national_number_pattern)
        self.general: Callable[[str], Any] = pattern.fullmatch if pattern else _nothing
        self._lengths = tuple(general.possible_length)
        self._local = frozenset(general.possible_length_local_only)
        kinds = [getattr(metadata, kind) for kind in _KINDS]
        ranges = [_sized(kind) for kind in kinds if kind is not None]
        whole, some = _sized(general), "|".join(f"(?:{part})" for part in ranges if part)
        self.ranges = some or "(?!)"
        self.sizes = "|".join(rf"\d{{{size}}}\Z" for size in self._lengths if size > 0) or "(?!)"
        prefix = metadata.national_prefix_for_parsing
        if self._transform is not None:
            prefix = r"\d{1,7}?"  # it captures parts of the number: any digits are more than enough
        self._trunk = f"(?:{prefix}){{0,2}}" if prefix else ""
        self.kinds = [
            (kind.national_number_pattern, tuple(kind.possible_length))
            for kind in kinds
            if kind is not None and kind.national_number_pattern
        ]
        self.known: Callable[[str], Any] = (
            re.compile(rf"(?={whole}\Z)(?:{some})\Z").match if whole and some else _nothing
        )
        self.leading = _compiled(metadata.leading_digits)
        self._formats = [
            (_compiled(form.leading_digits_pattern[-1]) if form.leading_digits_pattern else None,
             re.compile(form.pattern), _wants_prefix(form))
            for form in metadata.number_format
        ]  # fmt: skip

    @functools.cached_property
    def possible(self) -> re.Pattern[str]:
        """Matches all digits that are `dialled` here, and some more: most runs of digits are none.

        An international prefix and whatever follows; or a country code and a national prefix, each
        if present, and digits of a range of a region with the same country code.
        """
        options = [rf"(?:{self.abroad.pattern})\d"] if self.abroad is not None else []
        options.extend(
            rf"(?:{self.code})?{self._trunk}(?={near.sizes})(?:{near.ranges})\Z"
            for near in map(_plan, COUNTRY_CODE_TO_REGION_CODE[int(self.code)])
        )
        return re.compile("|".join(options))

    @functools.cached_property
    def _leads(self) -> frozenset[str]:
        """How what stands before a national number begins; whole where it is short."""
        return _beginnings(f"(?:{self.code})?{self._trunk}")

    def begun(self, size: int) -> set[str]:
        """How `size` digits begin that are `possible`: the first `HEAD` of them."""
        found: set[str] = set()
        for known, heads in _heads(int(self.code)).items():
            before = size - known
            if before == 0:
                found |= heads
            elif 0 < before < HEAD:
                ends = {head[: HEAD - before] for head in heads}
                leads = [lead for lead in self._leads if len(lead) == before]
                found.update(lead + end for lead in leads for end in ends)
            elif before >= HEAD:
                found.update(lead for lead in self._leads if len(lead) == HEAD)  # it may go on
        if self.abroad is not None:
            found |= _beginnings(rf"(?:{self.abroad.pattern})\d{{{HEAD}}}")
        return found

    def without_prefix(self, digits: str) -> tuple[str, bool]:
        """The digits without a national prefix, and whether there was one."""
        found = self._prefix.match(digits) if digits and self._prefix else None
        if found is None:
            return digits, False
        groups = found.groups()
        if self._transform is None or groups[-1] is None:
            rest = digits[found.end() :]
        else:
            rest = found.expand(self._transform) + digits[found.end() :]
        if self.general(digits) and not self.general(rest):
            return digits, False
        return rest, True

    def national(self, digits: str) -> str:
        """The national number: the prefix is taken off unless too little would be left."""
        rest, _ = self.without_prefix(digits)
        size = len(rest)
        possible = size not in self._local and (size in self._lengths or size > self._lengths[-1])
        return rest if possible else digits

    def too_long(self, digits: str) -> bool:
        """True for more digits than any number of the region has."""
        size = len(digits)
        return size not in self._local and size > self._lengths[-1]

    def assigned(self, national: str) -> bool:
        """True for a number of some kind in one of the regions that share the country code."""
        regions = COUNTRY_CODE_TO_REGION_CODE[int(self.code)]
        if len(regions) == 1:
            return bool(_main(int(self.code)).known(national))
        for region in regions:
            plan = _plan(region)
            if plan.leading is not None:
                if plan.leading.match(national):
                    return bool(plan.known(national))
            elif plan.known(national):
                return True
        return False

    def has_prefix(self, national: str, digits: str) -> bool:
        """True unless such numbers are written with a national prefix, and `digits` have none."""
        for leading, pattern, wants in self._formats:
            if (leading is None or leading.match(national)) and pattern.fullmatch(national):
                return not wants or self.without_prefix(digits)[1]
        return True


@functools.cache
def _beginnings(pattern: str) -> frozenset[str]:
    """The first `HEAD` digits of all that `pattern` matches, and what it matches with fewer."""
    return frozenset(_follow(_parser.parse(pattern), {""}))


_ALL_DIGITS = frozenset("0123456789")


def _follow(tree: Iterable[Any], begun: Iterable[str]) -> set[str]:
    """What is `begun`, each with what `tree` matches after it, no more than `HEAD` digits."""
    current = set(begun)
    for kind, value in tree:
        open_ = {each for each in current if len(each) < HEAD}
        if not open_:
            break
        current = (current - open_) | _step(kind, value, open_)
    return current


def _step(kind: Any, value: Any, begun: set[str]) -> set[str]:
    match kind:
        case _constants.LITERAL:
            return {each + chr(value) for each in begun}
        case _constants.IN:
            digits = {digit for member in value for digit in _digits_in(*member)}
            return {each + digit for each in begun for digit in digits}
        case _constants.BRANCH:
            return {each for branch in value[1] for each in _follow(branch, begun)}
        case _constants.SUBPATTERN:
            return _follow(value[3], begun)
        case _constants.MAX_REPEAT | _constants.MIN_REPEAT:
            least, most, inner = value
            current, found = begun, set(begun) if least == 0 else set[str]()
            # What is repeated has a digit at least, so more times fill nothing.
            for times in range(1, min(int(most), HEAD) + 1):
                current = _follow(inner, current)
                if times >= min(least, HEAD):
                    found |= current
            return found
        case _:
            raise NotImplementedError(f"`{kind}` in the pattern of a numbering plan")


def _digits_in(kind: Any, value: Any) -> Iterable[str]:
    match kind:
        case _constants.LITERAL:
            return chr(value)
        case _constants.RANGE:
            return map(chr, range(value[0], value[1] + 1))
        case _constants.CATEGORY if value is _constants.CATEGORY_DIGIT:
            return _ALL_DIGITS
        case _:
            raise NotImplementedError(f"`{kind}` in the pattern of a numbering plan")


@functools.cache
def _heads(code: int) -> dict[int, frozenset[str]]:
    """How national numbers of a country code begin, by how long they are."""
    found: dict[int, set[str]] = {}
    for plan in map(_plan, COUNTRY_CODE_TO_REGION_CODE[code]):
        for pattern, sizes in plan.kinds:
            for size in sizes:
                found.setdefault(size, set()).update(_beginnings(pattern))
    return {size: frozenset(heads) for size, heads in found.items()}


def _nothing(_digits: str) -> None:
    return None


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _template(rule: str | None) -> str | None:
    return rule or None


def _sized(description: Any) -> str:
    """A pattern for numbers of this description, of its lengths."""
    if not description.national_number_pattern:
        return ""
    lengths = "|".join(rf"\d{{{size}}}\Z" for size in description.possible_length if size > 0)
    if description.possible_length and not lengths:
        return ""  # there are none of this kind
    ahead = f"(?={lengths})" if lengths else ""
    return f"{ahead}(?:{description.national_number_pattern})"


def _wants_prefix(form: Any) -> bool:
    rule = form.national_prefix_formatting_rule
    if not rule or form.national_prefix_optional_when_formatting:
        return False
    return _FIRST_GROUP_ONLY.fullmatch(rule) is None


@functools.cache
def _plan(region: str) -> _Plan:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None:
        raise ValueError(f"`{region}` is no region that `phonenumbers` knows")
    return _Plan(metadata)


@functools.cache
def _main(code: int) -> _Plan:
    """The plan of the main region of a country code."""
    region = region_code_for_country_code(code)
    return _Plan(PhoneMetadata.metadata_for_region_or_calling_code(code, region))


def country_code(region: str) -> str:
    """That of `region`, whose patterns are compiled with it. `ValueError` for an unknown region."""
    plan = _plan(region)
    dialled("0", region)
    _main(int(plan.code)).assigned("0")
    return plan.code
