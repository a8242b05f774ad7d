"""Values that somebody could have: made up, in the shape and with the check digits of real ones.

Law: nothing here comes from the gateway. Check digits are computed once more, from the issuers'
descriptions, so that a mistake in a detector cannot hide behind the same mistake here.
"""

from __future__ import annotations

import string
from random import Random

# --- check digits --------------------------------------------------------------------------------


def digits(rng: Random, count: int, *, first: str = string.digits) -> str:
    return rng.choice(first) + "".join(rng.choices(string.digits, k=count - 1))


def letters(rng: Random, count: int, among: str = string.ascii_uppercase) -> str:
    return "".join(rng.choices(among, k=count))


def weighted(number: str, weights) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True))


def luhn(body: str) -> str:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _turn(a: int, b: int) -> int:
    """The product in the dihedral group of order ten: five turns, five mirrored turns."""
    mirrored, turns = a >= 5, (a % 5 - b % 5 if a >= 5 else a % 5 + b % 5) % 5
    return turns + 5 if mirrored != (b >= 5) else turns


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def verhoeff(body: str) -> str:
    state = 0
    for position, digit in enumerate(reversed(body), start=1):
        state = _turn(state, _permuted(int(digit), position % 8))
    return str(next(d for d in range(10) if _turn(state, d) == 0))


def mod_11_10(body: str) -> str:
    """ISO/IEC 7064, MOD 11,10."""
    check = 10
    for digit in body:
        total = (int(digit) + check) % 10 or 10
        check = total * 2 % 11
    return str((11 - check) % 10)


def mod_97(country: str, body: str) -> str:
    """ISO 13616: the two digits after the country."""
    as_digits = "".join(str(int(c, 36)) for c in body + country + "00")
    return f"{98 - int(as_digits) % 97:02d}"


def again(rng: Random, make):
    """The first that is no None: some bodies have no check digit."""
    while True:
        value = make(rng)
        if value is not None:
            return value


# --- government numbers --------------------------------------------------------------------------


def us_ssn(rng):
    area = rng.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def us_itin(rng):
    return f"9{digits(rng, 2)}-{rng.choice([*range(70, 89), 90, 91, 92, *range(94, 99)])}-{digits(rng, 4)}"


def us_passport(rng):
    return rng.choice([letters(rng, 1) + digits(rng, 8), digits(rng, 9, first="1234")])


def us_mbi(rng):
    among = "ACDEFGHJKMNPQRTUVWXY"
    any_ = among + string.digits
    raw = (
        digits(rng, 1, first="123456789")
        + rng.choice(among) + rng.choice(any_) + digits(rng, 1)
        + rng.choice(among) + rng.choice(any_) + digits(rng, 1)
        + letters(rng, 2, among) + digits(rng, 2)
    )  # fmt: skip
    return rng.choice([raw, f"{raw[:4]}-{raw[4:7]}-{raw[7:]}"])


def us_npi(rng):
    body = digits(rng, 9, first="12")
    return body + luhn("80840" + body)


def us_dea(rng):
    body = digits(rng, 6)
    total = weighted(body, (1, 2, 1, 2, 1, 2))
    return rng.choice("ABFM") + rng.choice(string.ascii_uppercase) + body + str(total % 10)


def us_routing(rng):
    body = f"{rng.choice([*range(1, 13), *range(21, 33)]):02d}" + digits(rng, 6)
    return body + str(-weighted(body, (3, 7, 1, 3, 7, 1, 3, 7)) % 10)


def us_bank(rng):
    return digits(rng, rng.choice([10, 12]), first="123456789")


def us_license(rng):
    return rng.choice([letters(rng, 1) + digits(rng, 7), letters(rng, 1) + digits(rng, 12)])


def us_ein(rng):
    return f"{rng.choice([12, 20, 27, 36, 45, 54, 61, 77, 82, 94])}-{digits(rng, 7)}"


def uk_nhs(rng):
    def make(r):
        body = digits(r, 9, first="4567")
        check = 11 - weighted(body, range(10, 1, -1)) % 11
        return None if check == 10 else body + str(check % 11)

    n = again(rng, make)
    return rng.choice([n, f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]} {n[3:6]} {n[6:]}"])


def uk_nino(rng):
    first = rng.choice("ABCEGHJKLMNPRSTWXYZ")
    second = rng.choice("ABCEGHJKLMNPRSTWXYZ")
    if first + second in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}:
        second = "A"
    n = digits(rng, 6)
    tail = rng.choice("ABCD")
    spaced = f"{first}{second} {n[:2]} {n[2:4]} {n[4:]} {tail}"
    return rng.choice([f"{first}{second}{n}{tail}", spaced])


def uk_licence(rng):
    name = letters(rng, 5)
    month = rng.choice(["01", "05", "09", "12", "52", "61", "57"])
    return f"{name}{digits(rng, 1)}{month}{rng.randint(1, 28):02d}{digits(rng, 1)}{letters(rng, 2)}9{letters(rng, 2)}"


def uk_passport(rng):
    return digits(rng, 9, first="123456789")


def de_tax_id(rng):
    def make(r):
        places = list("0123456789")
        r.shuffle(places)
        chosen = places[:9]
        chosen.insert(r.randint(0, 9), r.choice(chosen))  # one digit twice, one not at all
        if chosen[0] == "0" or any(
            a == b == c for a, b, c in zip(chosen, chosen[1:], chosen[2:], strict=False)
        ):
            return None
        body = "".join(chosen)
        return body + mod_11_10(body)

    n = again(rng, make)
    return rng.choice([n, f"{n[:2]} {n[2:5]} {n[5:8]} {n[8:]}"])


def de_social(rng):
    area = f"{rng.choice([2, 3, 4, 8, 9, 10, 12, 13, 14, 15, 50, 53]):02d}"
    born = f"{rng.randint(1, 28):02d}{rng.randint(1, 12):02d}{rng.randint(40, 99):02d}"
    letter, serial = rng.choice(string.ascii_uppercase), f"{rng.randint(0, 99):02d}"
    body = area + born + f"{ord(letter) - 64:02d}" + serial
    total = sum(
        sum(map(int, str(int(d) * w)))
        for d, w in zip(body, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return f"{area}{born}{letter}{serial}{total % 10}"


_ICAO = {c: i for i, c in enumerate(string.digits + string.ascii_uppercase)}


def icao(body: str) -> str:
    """ICAO 9303, part 3: the check digit of machine-readable zones."""
    return str(sum(_ICAO[c] * (7, 3, 1)[i % 3] for i, c in enumerate(body)) % 10)


def de_id_card(rng):
    among = "CFGHJKLMNPRTVWXYZ"
    body = rng.choice("LMNPRTVWXY") + letters(rng, 8, among + string.digits)
    return body + rng.choice(["", icao(body)])


def de_passport(rng):
    among = "CFGHJKLMNPRTVWXYZ"
    return rng.choice("CFGHJK") + letters(rng, 8, among + string.digits)


def de_health(rng):
    letter, body = rng.choice(string.ascii_uppercase), digits(rng, 8)
    total = sum(
        (int(d) * w) // 10 + (int(d) * w) % 10
        for d, w in zip(f"{ord(letter) - 64:02d}" + body, (1, 2) * 5, strict=True)
    )
    return f"{letter}{body}{total % 10}"


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_nif(rng):
    n = digits(rng, 8, first="1234567")
    return n + rng.choice(["", "-"]) + _DNI[int(n) % 23]


def es_nie(rng):
    first, n = rng.randrange(3), digits(rng, 7)
    return (
        "XYZ"[first] + rng.choice(["", "-"]) + n + rng.choice([""]) + _DNI[int(f"{first}{n}") % 23]
    )


def fi_hetu(rng):
    born = f"{rng.randint(1, 28):02d}{rng.randint(1, 12):02d}{rng.randint(40, 99):02d}"
    serial = f"{rng.randint(2, 899):03d}"
    return f"{born}-{serial}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(born + serial) % 31]}"


_CF_ODD = dict(
    zip(
        string.digits + string.ascii_uppercase,
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6,
         8, 12, 14, 16, 10, 22, 25, 24, 23],
        strict=True,
    )
)  # fmt: skip


def it_fiscal(rng):
    consonants = "BCDFGLMNPRSTVZ"
    day = rng.randint(1, 28) + rng.choice([0, 40])
    body = (
        letters(rng, 6, consonants) + digits(rng, 2) + rng.choice("ABCDEHLMPRST") + f"{day:02d}"
        + rng.choice(["H501", "F205", "L219", "A944", "D612", "F839"])
    )  # fmt: skip
    even = {
        **{d: int(d) for d in string.digits},
        **{c: i for i, c in enumerate(string.ascii_uppercase)},
    }
    total = sum(_CF_ODD[c] if i % 2 == 0 else even[c] for i, c in enumerate(body))
    return body + string.ascii_uppercase[total % 26]


def it_vat(rng):
    body = digits(rng, 7) + f"{rng.randint(1, 100):03d}"
    return body + luhn(body)


def pl_pesel(rng):
    body = (
        f"{rng.randint(40, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{digits(rng, 4)}"
    )
    return body + str(-weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def se_personnummer(rng):
    body = (
        f"{rng.randint(40, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{digits(rng, 3)}"
    )
    number = f"{body[:6]}-{body[6:]}{luhn(body)}"
    return rng.choice([number, "19" + number])


def in_aadhaar(rng):
    body = digits(rng, 11, first="23456789")
    n = body + verhoeff(body)
    return rng.choice([f"{n[:4]} {n[4:8]} {n[8:]}", n])


def in_pan(rng):
    return (
        letters(rng, 3)
        + "P"
        + letters(rng, 1)
        + digits(rng, 4, first="123456789")
        + letters(rng, 1)
    )


def sg_nric(rng):
    kind, body = rng.choice("STFG"), digits(rng, 7)
    total = weighted(body, (2, 7, 6, 5, 4, 3, 2)) + (4 if kind in "TG" else 0)
    return kind + body + ("JZIHGFEDCBA" if kind in "ST" else "XWUTRQPNMLK")[total % 11]


def au_tfn(rng):
    def make(r):
        n = digits(r, 9, first="123456789")
        return n if weighted(n, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 else None

    n = again(rng, make)
    return f"{n[:3]} {n[3:6]} {n[6:]}"


def au_medicare(rng):
    body = digits(rng, 8, first="23456")
    n = body + str(weighted(body, (1, 3, 7, 9, 1, 3, 7, 9)) % 10) + digits(rng, 1, first="12345")
    return f"{n[:4]} {n[4:9]} {n[9]}"


def au_abn(rng):
    def make(r):
        n = digits(r, 1, first="123456789") + digits(r, 10, first="123456789")
        return (
            n
            if weighted(str(int(n[0]) - 1) + n[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89
            == 0
            else None
        )

    n = again(rng, make)
    return f"{n[:2]} {n[2:5]} {n[5:8]} {n[8:]}"


def ca_sin(rng):
    body = digits(rng, 8, first="12345679")
    n = body + luhn(body)
    return rng.choice([f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]}-{n[3:6]}-{n[6:]}"])


def kr_rrn(rng):
    body = f"{rng.randint(50, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.choice('12')}{digits(rng, 5, first='012345678')}"
    check = (11 - weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return f"{body[:6]}-{body[6:]}{check}"


def th_tnin(rng):
    body = digits(rng, 12, first="12345678")
    n = body + str((11 - weighted(body, range(13, 1, -1)) % 11) % 10)
    return f"{n[0]}-{n[1:5]}-{n[5:10]}-{n[10:12]}-{n[12]}"


def tr_id(rng):
    body = digits(rng, 9, first="123456789")
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    tenth = (odd * 7 - even) % 10
    return f"{body}{tenth}{(odd + even + tenth) % 10}"


def za_id(rng):
    body = f"{rng.randint(50, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{digits(rng, 4)}{rng.choice('01')}8"
    return body + luhn(body)


def fr_nir(rng):
    body = f"{rng.choice('12')}{rng.randint(40, 99):02d}{rng.randint(1, 12):02d}{rng.choice([13, 31, 33, 35, 44, 59, 67, 69, 75, 92]):02d}{rng.randint(1, 600):03d}{rng.randint(1, 600):03d}"
    key = f"{97 - int(body) % 97:02d}"
    spaced = f"{body[0]} {body[1:3]} {body[3:5]} {body[5:7]} {body[7:10]} {body[10:]} {key}"
    return rng.choice([body + key, spaced])


def br_cpf(rng):
    body = digits(rng, 9)
    for start in (10, 11):
        rest = weighted(body, range(start, 1, -1)) * 10 % 11
        body += str(rest % 10)
    return rng.choice([f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}"])


def br_cnpj(rng):
    body = digits(rng, 8) + "0001"
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = weighted(body, weights) % 11
        body += "0" if rest < 2 else str(11 - rest)
    return f"{body[:2]}.{body[2:5]}.{body[5:8]}/{body[8:12]}-{body[12:]}"


def nl_bsn(rng):
    def make(r):
        n = digits(r, 9, first="123")
        return n if weighted(n, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 else None

    return again(rng, make)


def be_nn(rng):
    body = f"{rng.randint(40, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(1, 997):03d}"
    return f"{body[:2]}.{body[2:4]}.{body[4:6]}-{body[6:]}.{97 - int(body) % 97:02d}"


def pt_nif(rng):
    body = digits(rng, 8, first="12")
    check = 11 - weighted(body, range(9, 1, -1)) % 11
    return body + str(check if check < 10 else 0)


def ch_ahv(rng):
    body = "756" + digits(rng, 9)
    n = body + str(-weighted(body, (1, 3) * 6) % 10)
    return f"{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}"


def cn_id(rng):
    body = f"{rng.choice(['110101', '310104', '440305', '330106', '510107'])}{rng.randint(1955, 2003)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{digits(rng, 3)}"
    total = weighted(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return body + "10X98765432"[total % 11]


def mx_curp(rng):
    body = (
        rng.choice("BCDFGHLMNPRSTV") + rng.choice("AEIOU") + letters(rng, 2, "BCDFGLMNPRST")
        + f"{rng.randint(50, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}" + rng.choice("HM")
        + rng.choice(["DF", "JC", "NL", "MC", "PL", "VZ"]) + letters(rng, 3, "BCDFGLMNPRST") + digits(rng, 1)
    )  # fmt: skip
    among = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(among.index(c) * (18 - i) for i, c in enumerate(body))
    return body + str(-total % 10)


def cl_rut(rng):
    body = str(rng.randint(5_000_000, 24_000_000))
    total = sum(int(d) * (2 + i % 6) for i, d in enumerate(reversed(body)))
    check = "0123456789K"[(11 - total % 11) % 11]
    return f"{int(body):,}".replace(",", ".") + "-" + check


def dk_cpr(rng):
    return f"{rng.randint(1, 28):02d}{rng.randint(1, 12):02d}{rng.randint(40, 99):02d}-{digits(rng, 4, first='0123')}"


def no_fnr(rng):
    def make(r):
        body = f"{r.randint(1, 28):02d}{r.randint(1, 12):02d}{r.randint(40, 99):02d}{r.randint(1, 499):03d}"
        first = (11 - weighted(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
        if first == 10:
            return None
        second = (11 - weighted(body + str(first), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
        return None if second == 10 else f"{body}{first}{second}"

    return again(rng, make)


def jp_my_number(rng):
    body = digits(rng, 11, first="123456789")
    total = sum(
        int(d) * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(body), start=1)
    )
    rest = total % 11
    n = body + str(0 if rest <= 1 else 11 - rest)
    return rng.choice([n, f"{n[:4]} {n[4:8]} {n[8:]}"])


def ie_pps(rng):
    body = digits(rng, 7)
    return body + "WABCDEFGHIJKLMNOPQRSTUV"[weighted(body, range(8, 1, -1)) % 23]


def cz_rc(rng):
    def make(r):
        body = f"{r.randint(54, 99):02d}{r.randint(1, 12) + r.choice([0, 50]):02d}{r.randint(1, 28):02d}{digits(r, 3)}"
        check = int(body) % 11
        return None if check == 10 else f"{body[:6]}/{body[6:]}{check}"

    return again(rng, make)


def ro_cnp(rng):
    body = f"{rng.choice('12')}{rng.randint(50, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(1, 46):02d}{rng.randint(1, 999):03d}"
    check = weighted(body, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return body + str(1 if check == 10 else check)


def il_id(rng):
    body = digits(rng, 8, first="23")
    total = 0
    for position, digit in enumerate(body):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def ar_cuit(rng):
    def make(r):
        body = r.choice(["20", "27", "23"]) + digits(r, 8, first="1234")
        check = 11 - weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if check == 10 else f"{body[:2]}-{body[2:]}-{check % 11}"

    return again(rng, make)


def ng_nin(rng):
    body = digits(rng, 10, first="123456789")
    return body + verhoeff(body)


# --- money ---------------------------------------------------------------------------------------


def card(rng):
    prefix, size = rng.choice(
        [("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15),
         ("6011", 16), ("65", 16), ("3528", 16), ("36", 14), ("6759", 16), ("6225", 16)]
    )  # fmt: skip
    body = prefix + "".join(rng.choices(string.digits, k=size - len(prefix) - 1))
    n = body + luhn(body)
    if size == 15:
        return rng.choice([n, f"{n[:4]} {n[4:10]} {n[10:]}", f"{n[:4]}-{n[4:10]}-{n[10:]}"])
    if size == 14:
        return rng.choice([n, f"{n[:4]} {n[4:10]} {n[10:]}"])
    return rng.choice([n, *(sep.join(n[i : i + 4] for i in range(0, 16, 4)) for sep in " -")])


_IBAN = {
    "DE": (18, "n"), "GB": (18, "g"), "FR": (23, "n"), "NL": (14, "g"), "ES": (20, "n"),
    "IT": (23, "i"), "CH": (17, "n"), "AT": (16, "n"), "BE": (12, "n"), "PL": (24, "n"),
    "PT": (21, "n"), "IE": (18, "g"), "DK": (14, "n"), "FI": (14, "n"), "NO": (11, "n"),
    "SE": (20, "n"), "LU": (16, "n"), "CZ": (20, "n"),
}  # fmt: skip
"""IBAN registry: length without country and check digits; `g` begins with four letters."""


def iban(rng, country=None):
    country = country or rng.choice(sorted(_IBAN))
    size, kind = _IBAN[country]
    match kind:
        case "g":
            body = letters(rng, 4) + digits(rng, size - 4)
        case "i":
            body = letters(rng, 1) + digits(rng, size - 1)
        case _:
            body = digits(rng, size)
    n = country + mod_97(country, body) + body
    return rng.choice([n, " ".join(n[i : i + 4] for i in range(0, len(n), 4))])


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _polymod(values):
    """BIP 173."""
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check


def _base58(data: bytes) -> str:
    among = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, out = int.from_bytes(data), ""
    while number:
        number, rest = divmod(number, 58)
        out = among[rest] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


def bitcoin(rng):
    import hashlib

    if rng.random() < 0.5:
        body = bytes([0]) + rng.randbytes(20)
        return _base58(body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4])
    data = [0] + [rng.randrange(32) for _ in range(31)] + [0]
    data[-1] = 16 * rng.randrange(2)  # 160 bits fill the last group of five exactly
    expanded = [3, 3, 0, 2, 3, *data]
    check = _polymod([*expanded, 0, 0, 0, 0, 0, 0]) ^ 1
    return "bc1" + "".join(
        _BECH32[v] for v in [*data, *(check >> 5 * (5 - i) & 31 for i in range(6))]
    )


# --- contact -------------------------------------------------------------------------------------

_US_AREAS = ["212", "312", "415", "617", "206", "303", "512", "404", "702", "919", "503", "216"]


def phone_us(rng):
    area, exchange, line = rng.choice(_US_AREAS), digits(rng, 3, first="23456789"), digits(rng, 4)
    if exchange[1:] == "11":
        exchange = exchange[0] + "34"
    return rng.choice(
        [f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"+1 {area} {exchange} {line}",
         f"{area}.{exchange}.{line}", f"+1-{area}-{exchange}-{line}", f"1-{area}-{exchange}-{line}"]
    )  # fmt: skip


def phone_uk(rng):
    d = digits
    return rng.choice(
        [f"020 7{d(rng, 3)} {d(rng, 4)}", f"+44 20 7{d(rng, 3)} {d(rng, 4)}", f"07{rng.choice('4589')}00 {d(rng, 6)}",
         f"+44 7{rng.choice('4589')}00 {d(rng, 6)}", f"0161 4{d(rng, 2)} {d(rng, 4)}", f"+44 (0)161 4{d(rng, 2)} {d(rng, 4)}"]
    )  # fmt: skip


def phone_de(rng):
    d = digits
    return rng.choice(
        [f"030 2{d(rng, 7)}", f"+49 30 2{d(rng, 3)} {d(rng, 4)}", f"0171 {d(rng, 7, first='23456789')}",
         f"+49 171 {d(rng, 7, first='23456789')}", f"089/{d(rng, 6, first='23456789')}", f"+49 (0)89 {d(rng, 6, first='23456789')}",
         f"0151-{d(rng, 8, first='1256')}"]
    )  # fmt: skip


def phone_fr(rng):
    pairs = " ".join(digits(rng, 2) for _ in range(4))
    first = rng.choice(["1", "2", "3", "4", "5", "6", "7"])
    return rng.choice(
        [f"0{first} {pairs}", f"+33 {first} {pairs}", f"0{first}.{pairs.replace(' ', '.')}"]
    )


def phone_es(rng):
    n = digits(rng, 9, first="69")
    n = n[0] + rng.choice("12345") + n[2:]
    return rng.choice(
        [f"+34 {n[:3]} {n[3:6]} {n[6:]}", f"+34 {n}", f"{n[:3]} {n[3:5]} {n[5:7]} {n[7:]}"]
    )


def phone_it(rng):
    n = "3" + rng.choice(["20", "33", "40", "47", "66", "80"]) + digits(rng, 6)
    return rng.choice([f"+39 {n[:3]} {n[3:6]} {n[6:]}", f"+39 {n[:3]} {n[3:]}", f"{n[:3]} {n[3:]}"])


def phone_pt(rng):
    n = rng.choice(["91", "93", "96"]) + digits(rng, 7, first="23456789")
    return rng.choice([f"+351 {n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]} {n[3:6]} {n[6:]}"])


def phone_nl(rng):
    n = digits(rng, 8, first="1234")
    return rng.choice(
        [
            f"06-{n}",
            f"06 {n[:2]} {n[2:4]} {n[4:6]} {n[6:]}",
            f"+31 6 {n}",
            f"020-{digits(rng, 7, first='234567')}",
        ]
    )


def phone_world(rng):
    d = digits
    return rng.choice(
        [f"+91 9{d(rng, 4)} {d(rng, 5)}", f"+61 4{d(rng, 2, first='0123')} {d(rng, 3)} {d(rng, 3)}", f"+81 3-{d(rng, 4, first='3456')}-{d(rng, 4)}",
         f"+55 11 9{d(rng, 4, first='6789')}-{d(rng, 4)}", f"+48 6{d(rng, 2, first='0')} {d(rng, 3)} {d(rng, 3)}", f"+46 70-{d(rng, 3, first='23456')} {d(rng, 2)} {d(rng, 2)}",
         f"+65 9{d(rng, 3)} {d(rng, 4)}", f"+52 55 {d(rng, 4, first='1235')} {d(rng, 4)}", f"+41 79 {d(rng, 3, first='23456')} {d(rng, 2)} {d(rng, 2)}",
         f"+27 82 {d(rng, 3, first='23456')} {d(rng, 4)}", f"+86 138 {d(rng, 4)} {d(rng, 4)}", f"+971 50 {d(rng, 3, first='23456')} {d(rng, 4)}"]
    )  # fmt: skip


_DOMAINS = [
    "brightwater-analytics.com", "kestrelmail.net", "nordlicht-gmbh.de", "rivieralogistique.fr", "gmail.com",
    "outlook.com", "casaverde.es", "studiolegale-conti.it", "lusotech.pt", "polderwerk.nl", "protonmail.com",
    "tamarackhealth.org", "yahoo.co.uk", "mail.harrowgate.ac.uk", "sakuradenki.co.jp", "acme-widgets.io",
]  # fmt: skip


def plain(name: str) -> str:
    import unicodedata

    folded = unicodedata.normalize(
        "NFKD", name.replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    )
    return "".join(c for c in folded.lower() if c.isascii() and c.isalpha())


def email(rng):
    culture = rng.choice(sorted(NAMES))
    first, last = (plain(rng.choice(part)) for part in NAMES[culture])
    local = rng.choice(
        [
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}_{last}{rng.randint(1, 99)}",
            f"{first}+news",
            f"{last}.{first}",
        ]
    )
    return f"{local}@{rng.choice(_DOMAINS)}"


def ipv4(rng):
    return rng.choice(
        [f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randint(1, 254)}",
         f"192.168.{rng.randrange(256)}.{rng.randint(1, 254)}",
         f"{rng.choice([34, 52, 81, 91, 145, 185])}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randint(1, 254)}"]
    )  # fmt: skip


def ipv6(rng):
    group = lambda: f"{rng.randrange(1, 65536):x}"  # noqa: E731
    return rng.choice(
        [f"2a01:4f8:{group()}:{group()}::{rng.randrange(1, 16)}", f"fe80::{group()}:{group()}:{group()}:{group()}",
         ":".join(["2a02", *(group() for _ in range(7))])]
    )  # fmt: skip


def mac(rng):
    parts = [f"{rng.randrange(256):02x}" for _ in range(6)]
    parts[0] = f"{rng.randrange(0, 256, 4):02x}"
    return rng.choice([":".join(parts), "-".join(parts).upper()])


def url(rng):
    host = rng.choice(
        [
            "portal.brightwater-analytics.com",
            "www.casaverde.es",
            "intranet.nordlicht-gmbh.de",
            "wiki.polderwerk.nl",
            "shop.kestrelmail.net",
        ]
    )
    path = rng.choice(
        ["/cases/4711", "/orders?id=81&tab=items", "/docs/2024/plan.pdf", "/u/settings#team", ""]
    )
    return f"https://{host}{path}"


def uuid(rng):
    h = f"{rng.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


# --- people and places ---------------------------------------------------------------------------

NAMES = {
    "en": (["James", "Olivia", "Graham", "Emily", "Declan", "Fiona", "Marcus", "Hannah", "Trevor", "Beatrice", "Russell", "Amelia"],
           ["Whitmore", "Hargreaves", "O'Connell", "Sutherland", "Pemberton", "Ashworth", "Fletcher", "MacLeod", "Bradshaw", "Kingsley"]),
    "de": (["Jürgen", "Annika", "Matthias", "Heike", "Lukas", "Sabine", "Torsten", "Friederike"],
           ["Müller", "Schönfeld", "Krause", "Weißmann", "Brandt", "Vogelsang", "Hoffmeister", "Lindner"]),
    "fr": (["Étienne", "Camille", "Benoît", "Aurélie", "Thierry", "Margaux", "Gaël", "Solène"],
           ["Lefèvre", "Delacroix", "Marchand", "Rousseau", "Beaumont", "Guérin", "Chevallier", "Perrin"]),
    "es": (["Alejandro", "Lucía", "Íñigo", "Carmen", "Raúl", "Marisol", "Joaquín", "Nuria"],
           ["García", "Fernández", "Ibáñez", "Castellanos", "Ortega", "Villanueva", "Quiroga", "Molina"]),
    "it": (["Giuseppe", "Chiara", "Lorenzo", "Federica", "Matteo", "Ludovica", "Salvatore", "Elisa"],
           ["Esposito", "Bianchi", "De Luca", "Ferrari", "Marchetti", "Rinaldi", "Galli", "Conti"]),
    "pt": (["João", "Inês", "Tiago", "Beatriz", "Gonçalo", "Mariana", "Duarte", "Leonor"],
           ["Ferreira", "Almeida", "Carvalho", "Teixeira", "Magalhães", "Nogueira", "Pacheco", "Simões"]),
    "nl": (["Sander", "Femke", "Joost", "Marloes", "Bram", "Anouk", "Pieter", "Liesbeth"],
           ["de Vries", "van den Berg", "Bakker", "Jansen", "Dijkstra", "Verhoeven", "Kuipers", "Hoekstra"]),
    "in": (["Priya", "Arjun", "Lakshmi", "Rohan", "Ananya", "Vikram"], ["Sharma", "Iyer", "Patel", "Reddy", "Chatterjee", "Nair"]),
    "zh": (["Wei", "Xiaoming", "Li", "Jing", "Haoran", "Yan"], ["Zhang", "Chen", "Huang", "Liu", "Zhao", "Wu"]),
    "ar": (["Fatima", "Omar", "Layla", "Yusuf", "Khadija", "Tariq"], ["Al-Masri", "Haddad", "Rahman", "Benali", "El-Sayed", "Mansour"]),
    "sl": (["Agnieszka", "Dmitri", "Katarzyna", "Oleksandr", "Zuzana", "Piotr"], ["Kowalska", "Volkov", "Nowak", "Shevchenko", "Dvořák", "Wójcik"]),
    "af": (["Chidinma", "Kwame", "Thandiwe", "Babajide", "Amara", "Sipho"], ["Okafor", "Mensah", "Dlamini", "Adeyemi", "Nkosi", "Owusu"]),
}  # fmt: skip

CITIES = {
    "en": ["Bristol", "Denver", "Glasgow", "Toronto", "Auckland", "Portland", "Leeds", "Nashville", "Melbourne", "Dublin"],
    "de": ["Hamburg", "Köln", "Leipzig", "Nürnberg", "Zürich", "Graz"], "fr": ["Lyon", "Nantes", "Bordeaux", "Strasbourg", "Liège"],
    "es": ["Sevilla", "Bilbao", "Valencia", "Bogotá", "Guadalajara"], "it": ["Torino", "Bologna", "Palermo", "Verona"],
    "pt": ["Lisboa", "Porto", "Braga", "Curitiba"], "nl": ["Utrecht", "Eindhoven", "Groningen", "Antwerpen"],
}  # fmt: skip


def person(rng, culture=None):
    culture = culture or rng.choice(sorted(NAMES))
    first, last = (rng.choice(part) for part in NAMES[culture])
    return f"{last} {first}" if culture == "zh" and rng.random() < 0.3 else f"{first} {last}"


def city(rng, culture="en"):
    return rng.choice(CITIES[culture])


def organization(rng):
    return rng.choice(
        [(f"{rng.choice(['Brightwater', 'Tamarack', 'Kestrel', 'Harrowgate', 'Bluefin', 'Northgate'])} "
         f"{rng.choice(['Analytics', 'Logistics Ltd', 'Health Inc.', 'Capital LLC', 'Foods plc'])}"),
         f"{rng.choice(['Nordlicht', 'Vogelsang', 'Rheintal'])} {rng.choice(['GmbH', 'AG', 'Maschinenbau GmbH'])}",
         f"{rng.choice(['Delacroix', 'Riviera'])} {rng.choice(['Logistique SAS', 'Conseil SARL'])}"]
    )  # fmt: skip


def address(rng, culture="en"):
    n = rng.randint(2, 289)
    match culture:
        case "us":
            street = rng.choice(
                [
                    "Maple Street",
                    "Oakridge Ave",
                    "Sycamore Lane",
                    "W 14th St",
                    "Lakeview Drive",
                    "Pine Hollow Rd",
                ]
            )
            where = rng.choice(
                [
                    "Denver, CO 80203",
                    "Portland, OR 97214",
                    "Nashville, TN 37206",
                    "Austin, TX 78704",
                    "Albany, NY 12207",
                ]
            )
            return rng.choice(
                [f"{n} {street}, {where}", f"{n * 11} {street}, Apt {rng.randint(1, 40)}, {where}"]
            )
        case "en":
            street = rng.choice(
                [
                    "Acacia Road",
                    "Church Lane",
                    "Station Road",
                    "Victoria Street",
                    "Mill Close",
                    "Kingsway",
                ]
            )
            where = rng.choice(
                [
                    "Bristol BS6 5QA",
                    "Leeds LS2 9JT",
                    "London SW1A 2AA",
                    "Glasgow G12 8QQ",
                    "Cambridge CB2 1TN",
                ]
            )
            return f"{n} {street}, {where}"
        case "de":
            street = rng.choice(
                [
                    "Lindenstraße",
                    "Hauptstr.",
                    "Goetheweg",
                    "Am Mühlbach",
                    "Bahnhofstraße",
                    "Schillerplatz",
                ]
            )
            where = rng.choice(
                ["20095 Hamburg", "50667 Köln", "04109 Leipzig", "80331 München", "70173 Stuttgart"]
            )
            return f"{street} {n}, {where}"
        case "fr":
            street = rng.choice(
                [
                    "rue des Lilas",
                    "avenue Victor Hugo",
                    "boulevard Voltaire",
                    "place de la République",
                ]
            )
            where = rng.choice(["69003 Lyon", "44000 Nantes", "75011 Paris", "33000 Bordeaux"])
            return f"{n} {street}, {where}"
        case "es":
            return f"{rng.choice(['Calle Mayor', 'Avenida de la Paz', 'Plaza de España', 'C/ Alcalá'])} {n}, {rng.choice(['28013 Madrid', '41001 Sevilla', '48009 Bilbao'])}"
        case "it":
            return f"{rng.choice(['Via Garibaldi', 'Corso Italia', 'Piazza Dante', 'Viale Europa'])} {n}, {rng.choice(['10121 Torino', '40126 Bologna', '00184 Roma'])}"
        case "pt":
            return f"{rng.choice(['Rua das Flores', 'Avenida da Liberdade', 'Travessa do Carmo'])} {n}, {rng.choice(['1250-096 Lisboa', '4050-262 Porto'])}"
        case "nl":
            return f"{rng.choice(['Keizersgracht', 'Dorpsstraat', 'Lange Nieuwstraat', 'Stationsweg'])} {n}, {rng.choice(['1015 CJ Amsterdam', '3512 PH Utrecht', '5611 AZ Eindhoven'])}"
    raise ValueError(culture)


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def birthday(rng, culture="en"):
    y, m, d = rng.randint(1945, 2004), rng.randint(1, 12), rng.randint(13, 28)
    match culture:
        case "us":
            return rng.choice(
                [f"{m:02d}/{d:02d}/{y}", f"{m}/{d}/{y}", f"{_MONTHS[m - 1]} {d}, {y}"]
            )
        case "en":
            return rng.choice(
                [f"{d:02d}/{m:02d}/{y}", f"{y}-{m:02d}-{d:02d}", f"{d} {_MONTHS[m - 1]} {y}"]
            )
        case "iso":
            return f"{y}-{m:02d}-{d:02d}"
        case "nl":
            return f"{d:02d}-{m:02d}-{y}"
        case "de":
            return f"{d:02d}.{m:02d}.{y}"
        case _:
            return f"{d:02d}/{m:02d}/{y}"


# --- devices and vehicles ------------------------------------------------------------------------


def vin(rng):
    """ISO 3779 with the check digit of 49 CFR 565.15."""
    values = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9],
            strict=True,
        )
    )
    values |= {d: int(d) for d in string.digits}
    body = (
        rng.choice(["1HG", "1FT", "5YJ", "2T1", "3VW", "4T1"])
        + letters(rng, 5, "ABCDEFGHJKLMNPRSTUVWXYZ0123456789")
        + "0"
        + rng.choice("ABCDEFGHJKLMNPRSTVWXY")
        + letters(rng, 1, "ABCDEFGHJKLMNPR")
        + digits(rng, 6)
    )
    total = sum(
        values[c] * w
        for c, w in zip(body, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2), strict=True)
    )
    return body[:8] + "0123456789X"[total % 11] + body[9:]


def imei(rng):
    body = "35" + digits(rng, 12)
    n = body + luhn(body)
    return rng.choice([n, f"{n[:2]}-{n[2:8]}-{n[8:14]}-{n[14]}"])


def iccid(rng):
    """ITU-T E.118."""
    body = "8949" + digits(rng, 14)
    return body + luhn(body)


# --- companies and places ------------------------------------------------------------------------


def swift(rng):
    """ISO 9362."""
    return (
        letters(rng, 4)
        + rng.choice(["DE", "FR", "GB", "NL", "CH"])
        + rng.choice(["FF", "2L", "P3", "22"])
        + rng.choice(["", "XXX"])
    )


def sort_code(rng):
    return f"{rng.choice([20, 30, 40, 60])}-{digits(rng, 2)}-{digits(rng, 2)}"


def coordinates(rng):
    return f"{rng.uniform(36, 60):.5f}, {rng.uniform(-9, 24):.5f}"


def fr_siret(rng):
    body = digits(rng, 8, first="3458")
    siren = body + luhn(body)
    body = siren + f"{rng.randint(1, 90):05d}"[1:]
    n = body + luhn(body)
    return rng.choice([n, f"{n[:3]} {n[3:6]} {n[6:9]} {n[9:]}"])


def pl_nip(rng):
    def make(r):
        body = r.choice(["525", "634", "777", "951"]) + digits(r, 6)
        check = weighted(body, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11
        return None if check == 10 else f"{body}{check}"

    n = again(rng, make)
    return rng.choice([n, f"{n[:3]}-{n[3:6]}-{n[6:8]}-{n[8:]}"])


def hr_oib(rng):
    body = digits(rng, 10, first="123456789")
    return body + mod_11_10(body)


def de_vat(rng):
    body = digits(rng, 8, first="123")
    return "DE" + body + mod_11_10(body)


# --- what is none of it --------------------------------------------------------------------------


def order_number(rng):
    return rng.choice(
        [
            f"ORD-{digits(rng, 8)}",
            f"#{digits(rng, 6)}",
            f"PO{digits(rng, 7)}",
            f"INV-{rng.randint(2019, 2025)}-{digits(rng, 5)}",
        ]
    )


def version(rng):
    return rng.choice(
        [
            f"{rng.randrange(20)}.{rng.randrange(30)}.{rng.randrange(50)}",
            f"v{rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(9)}-rc.{rng.randint(1, 5)}",
            f"{rng.randint(1, 9)}.{rng.randrange(20)}.{rng.randrange(9)}+build.{digits(rng, 4)}",
        ]
    )


def isbn13(rng):
    body = "978" + digits(rng, 9)
    n = body + str(-weighted(body, (1, 3) * 6) % 10)
    return rng.choice([n, f"{n[:3]}-{n[3]}-{n[4:7]}-{n[7:12]}-{n[12]}"])


def part_number(rng):
    return rng.choice(
        [
            f"{letters(rng, 2)}-{digits(rng, 4)}-{letters(rng, 1)}",
            f"{digits(rng, 3)}-{digits(rng, 5)}-{digits(rng, 2)}",
            f"{letters(rng, 3)}{digits(rng, 5)}{letters(rng, 2)}",
        ]
    )


def not_a_card(rng):
    """Sixteen digits whose check digit is wrong."""
    body = "4" + digits(rng, 14)
    return body + str((int(luhn(body)) + rng.randint(1, 9)) % 10)


def not_an_ssn(rng):
    """Areas and groups that are never issued."""
    return rng.choice(
        [
            f"000-{rng.randint(10, 99)}-{digits(rng, 4)}",
            f"666-{rng.randint(10, 99)}-{digits(rng, 4)}",
            f"{rng.randint(100, 599)}-00-{digits(rng, 4)}",
            f"{rng.randint(100, 599)}-{rng.randint(10, 99)}-0000",
        ]
    )


def not_an_iban(rng):
    n = iban(rng, "DE").replace(" ", "")
    return f"DE{(int(n[2:4]) + 1) % 97:02d}{n[4:]}"


def epoch(rng):
    return rng.choice(
        [
            str(rng.randint(1_500_000_000, 1_780_000_000)),
            str(rng.randint(1_500_000_000_000, 1_780_000_000_000)),
        ]
    )
