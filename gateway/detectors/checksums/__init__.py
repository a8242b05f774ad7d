"""Do the check digits of a number fit? One function per kind of number, by its name in rules.

Law: a function answers for any text and never raises; what is not in the shape of its number does
not fit. Separators do not count. Where a number holds a date, the date must exist. Each function
names the page that describes it; `tests/detectors/test_checksums.py` proves what each promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.detectors.checksums import (  # noqa: F401  # each registers its checks
    africa_asia_oceania,
    algorithms,
    americas,
    europe,
    international,
    vat,
    wallets,
)
from gateway.detectors.checksums.digits import Check, registered

CHECKS: Mapping[str, Check] = MappingProxyType(registered)
