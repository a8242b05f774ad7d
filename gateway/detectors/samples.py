"""How is a template filled, so that no file of ours holds a live identifier? Law: the same random
numbers give the same text.

Beside the alphabets of `secret_rules.expand`: `<<date:%d.%m.%Y>>` is a date of birth,
`<<pick:A|B>>` one of several, `<<mrz:TD3>>` a machine-readable zone, and `<<wallet:...>>` an
address; those carry check digits that drawing by chance would never meet.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import re
from collections.abc import Callable, Mapping

from gateway.detectors import secret_rules
from gateway.detectors.checksums import wallets
from gateway.encodings import check_digits

_BLANK = re.compile(r"<<(date|pick|mrz|wallet):([^>]*)>>")
_FIRST, _DAYS = dt.date(1945, 1, 1), 21_000


def expand(template: str, rng: random.Random) -> str:
    """Fill a template. Raises `ValueError` for an unknown blank."""

    def fill(blank: re.Match[str]) -> str:
        kind, argument = blank[1], blank[2]
        if kind == "date":
            day = _FIRST + dt.timedelta(days=rng.randrange(_DAYS))
            return day.strftime(argument)
        if kind == "pick":
            return str(rng.choice(argument.split("|")))
        made = _MAKERS.get((kind, argument.partition("/")[0]))
        if made is None:
            known = ", ".join(f"{k}:{name}" for k, name in _MAKERS)
            raise ValueError(f"unknown blank `{blank[0]}`; known are {known}")
        return made(argument.partition("/")[2], rng)

    return secret_rules.expand(_BLANK.sub(fill, template), rng)


def _mrz_digit(field: str) -> str:
    """The digit that `checksums.mrz` wants after `field`."""
    return next(d for d in "0123456789" if check_digits.mrz_fits(field, d))


def _number(rng: random.Random) -> str:
    return rng.choice("CFGHJKLMNPRTVWXYZ") + "".join(rng.choice("0123456789") for _ in range(8))


def _dates(rng: random.Random) -> tuple[str, str]:
    birth = _FIRST + dt.timedelta(days=rng.randrange(_DAYS))
    until = dt.date(2026, 1, 1) + dt.timedelta(days=rng.randrange(3_000))
    return birth.strftime("%y%m%d"), until.strftime("%y%m%d")


def _two_lines(kind: str, width: int, rng: random.Random) -> str:
    number, (birth, until) = _number(rng), _dates(rng)
    names = rng.choice(["MUSTERMANN<<ERIKA", "DUPONT<<JEAN<PAUL", "SMITH<<ANN", "LI<<WEI"])
    country = rng.choice(["D<<", "FRA", "GBR", "UTO"])
    first = f"{kind}{country}{names}".ljust(width, "<")
    core = f"{number}{_mrz_digit(number)}{country}{birth}{_mrz_digit(birth)}F{until}{_mrz_digit(until)}"
    if kind[0] == "V":
        return f"{first}\n{core.ljust(width, '<')}"
    second = core.ljust(width - 1, "<")
    if width == 44:
        second = second[:42] + "0"
    whole = second[0:10] + second[13:20] + second[21 : width - 1]
    return f"{first}\n{second}{_mrz_digit(whole)}"


def _three_lines(rng: random.Random) -> str:
    number, (birth, until) = _number(rng), _dates(rng)
    one = f"IDUTO{number}{_mrz_digit(number)}".ljust(30, "<")
    two = f"{birth}{_mrz_digit(birth)}M{until}{_mrz_digit(until)}UTO".ljust(29, "<")
    check = _mrz_digit(one[5:30] + two[0:7] + two[8:15] + two[18:29])
    return f"{one}\n{two}{check}\n{'SMITH<<ANN'.ljust(30, '<')}"


def _bytes(count: int, rng: random.Random) -> bytes:
    return bytes(rng.randrange(256) for _ in range(count))


def _base58(data: bytes, alphabet: str) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = alphabet[rest] + text
    return alphabet[0] * (len(data) - len(data.lstrip(b"\0"))) + text


def _base58check(argument: str, rng: random.Random, alphabet: str = wallets.BASE58) -> str:
    """`argument` is the version in hexadecimal and the length of what follows: `00.20`."""
    version, _, count = argument.partition(".")
    data = bytes.fromhex(version) + _bytes(int(count), rng)
    check = hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    return _base58(data + check, alphabet)


def _bech32(argument: str, rng: random.Random) -> str:
    """`argument` is the human-readable part, the version and the number of characters."""
    human, version, count = argument.split(".")
    constant = 0x2BC830A3 if version not in {"q", ""} else 1
    data = version + "".join(rng.choice(wallets.BECH32) for _ in range(int(count)))
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    values += [wallets.BECH32.index(c) for c in data]
    state = wallets.polymod([*values, 0, 0, 0, 0, 0, 0]) ^ constant
    check = "".join(wallets.BECH32[state >> 5 * (5 - place) & 31] for place in range(6))
    return f"{human}1{data}{check}"


def _ethereum(_: str, rng: random.Random) -> str:
    body = _bytes(20, rng).hex()
    nibbles = wallets.keccak256(body.encode()).hex()
    pairs = zip(body, nibbles, strict=False)
    return "0x" + "".join(c.upper() if int(n, 16) > 7 else c for c, n in pairs)


def _monero(_: str, rng: random.Random) -> str:
    data = b"\x12" + _bytes(64, rng)
    data += wallets.keccak256(data)[:4]
    blocks = [data[start : start + 8] for start in range(0, len(data), 8)]
    widths = {8: 11, 5: 7}
    return "".join(
        _base58(block.lstrip(b"\0"), wallets.BASE58).rjust(widths[len(block)], "1")
        for block in blocks
    )


_MAKERS: Mapping[tuple[str, str], Callable[[str, random.Random], str]] = {
    ("mrz", "TD1"): lambda _, rng: _three_lines(rng),
    ("mrz", "TD2"): lambda _, rng: _two_lines("I<", 36, rng),
    ("mrz", "TD3"): lambda _, rng: _two_lines("P<", 44, rng),
    ("mrz", "VA"): lambda _, rng: _two_lines("V<", 44, rng),
    ("wallet", "base58check"): _base58check,
    ("wallet", "ripple"): lambda _, rng: _base58check("00.20", rng, wallets.RIPPLE),
    ("wallet", "solana"): lambda _, rng: _base58(b"\x7f" + _bytes(31, rng), wallets.BASE58),
    ("wallet", "bech32"): _bech32,
    ("wallet", "ethereum"): _ethereum,
    ("wallet", "monero"): _monero,
}
