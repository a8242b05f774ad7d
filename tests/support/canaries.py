"""Values that the gateway must not let out, made anew for each session; never a live one."""

from __future__ import annotations

import secrets
import string

from support.gateway import KEY, patterns

from gateway import detectors
from gateway.detectors import Engine

_ALNUM = string.ascii_letters + string.digits


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def card() -> str:
    """A number that passes for a Visa card: sixteen digits with the right check digit."""
    digits = "4" + _random(string.digits, 14)
    total = sum(
        sum(divmod(int(d) * 2, 10)) if position % 2 == 0 else int(d)
        for position, d in enumerate(digits)
    )
    return digits + str(-total % 10)


def ssn() -> str:
    """A US social security number of an area and a group that exist."""
    return f"{secrets.choice(range(200, 600)):03}-{secrets.choice(range(11, 99)):02}-{_random('123456789', 4)}"


def _shapes() -> list[str]:
    return [
        "gh" + "p_" + _random(_ALNUM, 36),
        "AK" + "IA" + _random(string.ascii_uppercase + "234567", 16),
        "xo"
        "xb-"
        + _random(string.digits, 12)
        + "-"
        + _random(string.digits, 12)
        + "-"
        + _random(_ALNUM, 24),
        "npm" + "_" + _random(_ALNUM, 36),
        # The one shape that has been known as long as there are secret rules.
        "-----BEGIN PRIVATE "
        "KEY-----" + _random(_ALNUM + "+/", 64) + "-----END PRIVATE " + "KEY-----",
    ]


def engine() -> Engine:
    """The detectors as they are by default."""
    return Engine.build(detectors.Settings(), key=KEY, cache_dir=patterns())


def secret(found_by: Engine) -> str:
    """A secret that the default detectors find with near certainty, as a word among words."""
    for _ in range(20):
        for value in _shapes():
            text = f"some {value} words"
            for match in found_by.scan(text).matches:
                held = text[match.start : match.end]
                if match.confidence >= 0.85 and held == value:
                    return value
    raise AssertionError("the default detectors find none of the secrets made here")
