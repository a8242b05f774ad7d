"""Do the check digits of a number fit? One function per kind of number, by its name in rules.

Law: a function answers for any text and never raises; what is not in the shape of its number does
not fit. Separators do not count. Where a number holds a date, the date must exist. Each function
names the page that describes it; `tests/detectors/test_checksums.py` proves what each promises.
"""

from __future__ import annotations

import calendar
import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from gateway.encodings import check_digits
from gateway.encodings.check_digits import luhn_fits as _luhn

type Check = Callable[[str], bool]

_CHECKS: dict[str, Check] = {}


def _check(function: Check) -> Check:
    """Register a check under its name."""

    @functools.wraps(function)
    def answers(value: str) -> bool:
        try:
            return function(value)
        except (ValueError, IndexError, KeyError):
            return False  # not in the shape of this number

    _CHECKS[function.__name__] = answers
    return answers


def _digits(value: str, *lengths: int) -> list[int]:
    """The decimal digits of `value`; `ValueError` unless there are as many as one of `lengths`."""
    digits = [int(character) for character in value if character.isdecimal()]
    if lengths and len(digits) not in lengths:
        raise ValueError
    return digits


def _plain(value: str) -> str:
    """Letters and digits of `value` in upper case, ASCII."""
    return "".join(
        str(int(character)) if character.isdecimal() else character.upper()
        for character in value
        if character.isalnum()
    )


def _weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def _date(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(max(year, 1), month)[1]


def _short_date(digits: Sequence[int], order: str = "ymd") -> bool:
    """Six digits that are a date of either century, in the order of the letters."""
    pair = {letter: digits[2 * at] * 10 + digits[2 * at + 1] for at, letter in enumerate(order)}
    # 2000 was a leap year and 1900 was none: only one of them has to fit.
    return _date(2000 + pair["y"], pair["m"], pair["d"])


# --- general algorithms --------------------------------------------------------------------------


@_check
def luhn(value: str) -> bool:
    """ISO/IEC 7812-1, annex B. https://en.wikipedia.org/wiki/Luhn_algorithm"""
    digits = _digits(value)
    return len(digits) > 1 and any(digits) and _luhn(digits)


def _mod_11_10(digits: Sequence[int]) -> bool:
    """ISO/IEC 7064, MOD 11,10. https://en.wikipedia.org/wiki/ISO/IEC_7064"""
    check = 5
    for digit in digits[:-1]:
        check = (((check or 10) * 2) % 11 + digit) % 10
    return ((check or 10) * 2 % 11 + digits[-1]) % 10 == 1


@_check
def mod_11_10(value: str) -> bool:
    """ISO/IEC 7064, MOD 11,10: German and Croatian tax numbers."""
    return _mod_11_10(_digits(value))


_VERHOEFF_D = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_VERHOEFF_P = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def _verhoeff(digits: Sequence[int]) -> bool:
    """https://en.wikipedia.org/wiki/Verhoeff_algorithm"""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        state = _VERHOEFF_D[state][_VERHOEFF_P[place % 8][digit]]
    return state == 0


# --- Europe, national numbers --------------------------------------------------------------------


@_check
def at_svnr(value: str) -> bool:
    """Austrian insurance number. https://de.wikipedia.org/wiki/Sozialversicherungsnummer"""
    digits = _digits(value, 10)
    if digits[0] == 0 or not (1 <= digits[4] * 10 + digits[5] <= 31):
        return False
    # Months 13 to 15 stand in for dates of birth that have run out of numbers.
    if not 1 <= digits[6] * 10 + digits[7] <= 15:
        return False
    return _weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == digits[3]


@_check
def be_national(value: str) -> bool:
    """Belgian national number. https://fr.wikipedia.org/wiki/Numéro_de_registre_national"""
    digits = _digits(value, 11)
    text = "".join(map(str, digits))
    month, day = int(text[2:4]) % 20, int(text[4:6])
    if month > 12 or day > 31:
        return False
    head, key = int(text[:9]), int(text[9:])
    return key in {97 - head % 97, 97 - (2_000_000_000 + head) % 97}


@_check
def be_enterprise(value: str) -> bool:
    """Belgian enterprise number. https://en.wikipedia.org/wiki/VAT_identification_number"""
    digits = _digits(value, 9, 10)
    number = int("".join(map(str, digits)))
    return number >= 1_000_000 and 97 - number // 100 % 97 == number % 100


@_check
def bg_egn(value: str) -> bool:
    """Bulgarian citizen number. https://en.wikipedia.org/wiki/Unique_citizenship_number"""
    digits = _digits(value, 10)
    year, month = digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]
    century = {0: 1900, 1: 1900, 2: 1800, 3: 1800, 4: 2000, 5: 2000}[month // 10]
    if not _date(century + year, month % 20, digits[4] * 10 + digits[5]):
        return False
    return _weighted(digits, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == digits[9]


@_check
def ch_ahv(value: str) -> bool:
    """Swiss insurance number: EAN-13 that begins with 756. https://www.zas.admin.ch/"""
    digits = _digits(value, 13)
    return digits[:3] == [7, 5, 6] and _weighted(digits, (1, 3) * 7) % 10 == 0


@_check
def ch_uid(value: str) -> bool:
    """Swiss enterprise number. https://www.bfs.admin.ch/bfs/en/home/registers/enterprise-register"""
    digits = _digits(value, 9)
    return -_weighted(digits[:8], (5, 4, 3, 2, 7, 6, 5, 4)) % 11 == digits[8]


@_check
def cz_birth(value: str) -> bool:
    """Czech and Slovak birth number. https://en.wikipedia.org/wiki/National_identification_number"""
    digits = _digits(value, 9, 10)
    text = "".join(map(str, digits))
    year, month, day = int(text[:2]), int(text[2:4]) % 50, int(text[4:6])
    if month > 12:
        month -= 20  # since 2004, where a day has run out of numbers
    if len(digits) == 9:  # until 1953, without a check digit
        return year < 54 and _date(1900 + year, month, day) and text[6:] != "000"
    full = 1900 + year if year >= 54 else 2000 + year
    if not _date(full, month, day):
        return False
    return int(text[:9]) % 11 % 10 == digits[9]


@_check
def dk_cpr(value: str) -> bool:
    """Danish personal number: the date alone, as the check digit was given up in 2007.

    https://en.wikipedia.org/wiki/Personal_identification_number_(Denmark)
    """
    return _short_date(_digits(value, 10), "dmy")


@_check
def dk_cvr(value: str) -> bool:
    """Danish company number. https://erhvervsstyrelsen.dk/modulus_11"""
    digits = _digits(value, 8)
    return digits[0] > 0 and _weighted(digits, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


@_check
def ee_personal(value: str) -> bool:
    """Estonian and Lithuanian personal code. https://et.wikipedia.org/wiki/Isikukood"""
    digits = _digits(value, 11)
    if not 1 <= digits[0] <= 8 or not _short_date(digits[1:7]):
        return False
    check = _weighted(digits, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = _weighted(digits, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return check == digits[10]


@_check
def es_cif(value: str) -> bool:
    """Spanish company number. https://es.wikipedia.org/wiki/Código_de_identificación_fiscal"""
    text = _plain(value)
    kind, digits, last = text[0], _digits(text[1:8], 7), text[8:]
    if len(last) != 1:
        return False
    total = sum(digits[1::2]) + sum(d * 2 - 9 * (d > 4) for d in digits[0::2])
    number = -total % 10
    letter = "JABCDEFGHI"[number]
    # By law the kind says whether it is a digit or a letter; registers hold both.
    return kind in "ABCDEFGHJNPQRSUVW" and last in {letter, str(number)}


@_check
def es_nss(value: str) -> bool:
    """Spanish social security number. https://www.seg-social.es/ (provincial code, then mod 97)"""
    digits = _digits(value, 12)
    text = "".join(map(str, digits))
    province, number = int(text[:2]), int(text[2:10])
    if not (1 <= province <= 53 or province == 66):
        return False
    whole = number + province * 10_000_000 if number < 10_000_000 else int(text[:10])
    return whole % 97 == int(text[10:])


@_check
def fi_business(value: str) -> bool:
    """Finnish business identity code. https://www.vero.fi/ (check character of Y-tunnus)"""
    digits = _digits(value, 8)
    return _weighted(digits, (7, 9, 10, 5, 8, 4, 2, 1)) % 11 == 0


@_check
def fr_nir(value: str) -> bool:
    """French social security number. https://fr.wikipedia.org/wiki/Numéro_de_sécurité_sociale_en_France"""
    text = _plain(value)
    if len(text) != 15:
        return False
    month, department = int(text[3:5]), text[5:7]
    if not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return False
    if text[0] not in "123478" or department == "00":
        return False
    head = text[:5] + {"2A": "19", "2B": "18"}.get(department, department) + text[7:13]
    return 97 - int(head) % 97 == int(text[13:])


@_check
def fr_spi(value: str) -> bool:
    """French tax number: the last three digits are the others modulo 511. https://www.impots.gouv.fr/"""
    text = "".join(map(str, _digits(value, 13)))
    return text[0] in "0123" and int(text[:10]) % 511 == int(text[10:])


@_check
def fr_siret(value: str) -> bool:
    """French company (9) or establishment (14) number. https://fr.wikipedia.org/wiki/Système_d'identification_du_répertoire_des_établissements"""
    digits = _digits(value, 9, 14)
    if not any(digits):
        return False
    if len(digits) == 14 and digits[:9] == [3, 5, 6, 0, 0, 0, 0, 0, 0]:
        return _luhn(digits) or sum(digits) % 5 == 0  # the post office has too many establishments
    return _luhn(digits) and _luhn(digits[:9])


@_check
def gr_afm(value: str) -> bool:
    """Greek tax number. https://el.wikipedia.org/wiki/Αριθμός_Φορολογικού_Μητρώου"""
    digits = _digits(value, 9)
    weights = (256, 128, 64, 32, 16, 8, 4, 2)
    return any(digits) and _weighted(digits, weights) % 11 % 10 == digits[8]


@_check
def gr_amka(value: str) -> bool:
    """Greek social security number: a date, then Luhn. https://www.amka.gr/"""
    digits = _digits(value, 11)
    return _short_date(digits[:6], "dmy") and _luhn(digits)


@_check
def hr_oib(value: str) -> bool:
    """Croatian personal number. https://en.wikipedia.org/wiki/Personal_identification_number_(Croatia)"""
    return _mod_11_10(_digits(value, 11))


@_check
def hu_tax(value: str) -> bool:
    """Hungarian tax number of persons (1990. évi XCI.). https://hu.wikipedia.org/wiki/Adóazonosító_jel"""
    digits = _digits(value, 10)
    return digits[0] == 8 and _weighted(digits, range(1, 10)) % 11 == digits[9]


@_check
def hu_taj(value: str) -> bool:
    """Hungarian social security number. https://hu.wikipedia.org/wiki/Társadalombiztosítási_azonosító_jel"""
    digits = _digits(value, 9)
    return any(digits) and _weighted(digits, (3, 7, 3, 7, 3, 7, 3, 7)) % 10 == digits[8]


@_check
def hu_company(value: str) -> bool:
    """Hungarian tax number of companies; its first eight digits are the VAT number."""
    digits = _digits(value, 8, 11)
    return any(digits[:8]) and _weighted(digits, (9, 7, 3, 1, 9, 7, 3, 1)) % 10 == 0


@_check
def ie_pps(value: str) -> bool:
    """Irish personal number. https://en.wikipedia.org/wiki/Personal_Public_Service_Number"""
    text = _plain(value)
    digits = _digits(text[:7], 7)
    total = _weighted(digits, range(8, 1, -1))
    second = text[8:]
    if len(second) == 1 and second not in "WTX":
        total += 9 * (ord(second) - 64)
    return len(text) in {8, 9} and "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == text[7]


@_check
def lv_personal(value: str) -> bool:
    """Latvian personal code of the older form. https://lv.wikipedia.org/wiki/Personas_kods"""
    digits = _digits(value, 11)
    if digits[:2] == [3, 2]:
        return True  # since 2017: no date, no check digit
    if not _short_date(digits[:6], "dmy"):
        return False
    return (1 + _weighted(digits, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11 % 10 == digits[10]


@_check
def nl_bsn(value: str) -> bool:
    """Dutch citizen number, "elfproef". https://nl.wikipedia.org/wiki/Burgerservicenummer"""
    digits = _digits(value, 8, 9)
    digits = [0] * (9 - len(digits)) + digits
    return any(digits) and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


@_check
def no_birth(value: str) -> bool:
    """Norwegian birth, D and H number. https://no.wikipedia.org/wiki/Fødselsnummer"""
    digits = _digits(value, 11)
    day, month = digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]
    day, month = day - 40 * (day > 40), month - 40 * (month > 40)
    if not _date(2000 + digits[4] * 10 + digits[5], month, day):
        return False
    return (
        _weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and _weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


@_check
def no_org(value: str) -> bool:
    """Norwegian organisation number. https://www.brreg.no/om-oss/oppgavene-vare/"""
    digits = _digits(value, 9)
    return any(digits) and _weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


@_check
def pl_nip(value: str) -> bool:
    """Polish tax number. https://pl.wikipedia.org/wiki/Numer_identyfikacji_podatkowej"""
    digits = _digits(value, 10)
    return any(digits) and _weighted(digits, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == digits[9]


@_check
def pl_regon(value: str) -> bool:
    """Polish business number. https://pl.wikipedia.org/wiki/REGON"""
    digits = _digits(value, 9, 14)
    short = _weighted(digits, (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10 == digits[8]
    if len(digits) == 9 or not short:
        return short and any(digits)
    weights = (2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)
    return any(digits) and _weighted(digits, weights) % 11 % 10 == digits[13]


@_check
def pl_id_card(value: str) -> bool:
    """Polish identity card: letters from 10, weights 7, 3, 1. https://pl.wikipedia.org/wiki/Dowód_osobisty_w_Polsce"""
    text = _plain(value)
    if len(text) != 9 or not text[:3].isalpha() or not text[3:].isdecimal():
        return False
    return _weighted([int(c, 36) for c in text], (7, 3, 1, 9, 7, 3, 1, 7, 3)) % 10 == 0


@_check
def pt_nif(value: str) -> bool:
    """Portuguese tax number. https://pt.wikipedia.org/wiki/Número_de_identificação_fiscal"""
    digits = _digits(value, 9)
    check = -_weighted(digits, range(9, 1, -1)) % 11
    return digits[0] > 0 and check % 10 == digits[8]


@_check
def pt_niss(value: str) -> bool:
    """Portuguese social security number. https://www.seg-social.pt/"""
    digits = _digits(value, 11)
    weights = (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
    return digits[0] in {1, 2} and 9 - _weighted(digits, weights) % 10 == digits[10]


@_check
def pt_card(value: str) -> bool:
    """Portuguese citizen card: Luhn over letters and digits. https://pt.wikipedia.org/wiki/Cartão_de_cidadão"""
    text = _plain(value)
    if len(text) != 12:
        return False
    values = [int(character, 36) for character in text]
    total = sum(values[1::2]) + sum(v * 2 - 9 * (v * 2 > 9) for v in values[0::2])
    return text[:9].isdecimal() and total % 10 == 0


@_check
def ro_cnp(value: str) -> bool:
    """Romanian personal code. https://ro.wikipedia.org/wiki/Cod_numeric_personal_(România)"""
    digits = _digits(value, 13)
    county = digits[7] * 10 + digits[8]
    known = county in {*range(1, 49), 51, 52, 70, *range(80, 84)}
    if digits[0] == 0 or not known or not _short_date(digits[1:7]):
        return False
    check = _weighted(digits, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (1 if check == 10 else check) == digits[12]


@_check
def ro_cui(value: str) -> bool:
    """Romanian company code. https://ro.wikipedia.org/wiki/Cod_de_Identificare_Fiscală"""
    digits = _digits(value, *range(4, 11))
    body = [0] * (10 - len(digits)) + digits
    weights = (7, 5, 3, 2, 1, 7, 5, 3, 2)
    return digits[0] > 0 and _weighted(body, weights) * 10 % 11 % 10 == body[9]


@_check
def rs_jmbg(value: str) -> bool:
    """Citizen number of the states of former Yugoslavia. https://en.wikipedia.org/wiki/Unique_Master_Citizen_Number"""
    digits = _digits(value, 13)
    year = digits[4] * 100 + digits[5] * 10 + digits[6]
    full = year + (1000 if year >= 800 else 2000)
    if not _date(full, digits[2] * 10 + digits[3], digits[0] * 10 + digits[1]):
        return False
    check = -_weighted(digits, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return check % 10 == digits[12]


@_check
def ru_inn(value: str) -> bool:
    """Russian tax number of companies (10) and persons (12). https://ru.wikipedia.org/wiki/Идентификационный_номер_налогоплательщика"""
    digits = _digits(value, 10, 12)
    if len(digits) == 10:
        return any(digits) and (
            _weighted(digits, (2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == digits[9]
        )
    return (
        any(digits)
        and _weighted(digits, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == digits[10]
        and _weighted(digits, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == digits[11]
    )


@_check
def ru_snils(value: str) -> bool:
    """Russian insurance number. https://ru.wikipedia.org/wiki/Страховой_номер_индивидуального_лицевого_счёта"""
    digits = _digits(value, 11)
    if digits[:9] <= [0, 0, 1, 0, 0, 1, 9, 9, 8]:
        return False  # lower ones have no check digits
    return _weighted(digits, range(9, 0, -1)) % 101 % 100 == digits[9] * 10 + digits[10]


@_check
def ru_ogrn(value: str) -> bool:
    """Russian register number of companies (13) and traders (15). https://ru.wikipedia.org/wiki/Основной_государственный_регистрационный_номер"""
    text = "".join(map(str, _digits(value, 13, 15)))
    return text[0] in "1235" and int(text[:-1]) % (len(text) - 2) % 10 == int(text[-1])


@_check
def si_tax(value: str) -> bool:
    """Slovenian tax number. https://sl.wikipedia.org/wiki/Davčna_številka"""
    digits = _digits(value, 8)
    check = 11 - _weighted(digits, range(8, 1, -1)) % 11
    return digits[0] > 0 and check != 11 and check % 10 == digits[7]


@_check
def tr_tax(value: str) -> bool:
    """Turkish tax number. https://tr.wikipedia.org/wiki/Vergi_kimlik_numarası"""
    digits = _digits(value, 10)
    total = 0
    for place, digit in enumerate(digits[:9]):
        shifted = (digit + 9 - place) % 10
        total += (shifted * 2 ** (9 - place)) % 9 or (9 if shifted else 0)
    return any(digits) and -total % 10 == digits[9]


@_check
def ua_rnokpp(value: str) -> bool:
    """Ukrainian tax number of persons: days since 1899, then check digit. https://uk.wikipedia.org/wiki/РНОКПП"""
    digits = _digits(value, 10)
    return any(digits) and (_weighted(digits, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == digits[9])


@_check
def ua_edrpou(value: str) -> bool:
    """Ukrainian company number. https://uk.wikipedia.org/wiki/Код_ЄДРПОУ"""
    digits = _digits(value, 8)
    number = int("".join(map(str, digits)))
    middle = 30_000_000 <= number <= 60_000_000
    weights = (7, 1, 2, 3, 4, 5, 6) if middle else (1, 2, 3, 4, 5, 6, 7)
    check = _weighted(digits, weights) % 11
    if check == 10:
        check = _weighted(digits, [weight + 2 for weight in weights]) % 11 % 10
    return number > 0 and check == digits[7]


@_check
def uk_utr(value: str) -> bool:
    """British unique taxpayer reference: the check digit comes first.

    https://design.tax.service.gov.uk/hmrc-design-patterns/unique-taxpayer-reference/
    """
    digits = _digits(value, 10)
    total = _weighted(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11
    return int("21987654321"[total]) == digits[0]


@_check
def uk_nhs(value: str) -> bool:
    """Health numbers of England, Wales, Northern Ireland, and the Scottish CHI number.

    https://www.datadictionary.nhs.uk/attributes/nhs_number.html
    """
    digits = _digits(value, 10)
    return any(digits) and _weighted(digits, range(10, 0, -1)) % 11 == 0


@_check
def uk_chi(value: str) -> bool:
    """Scottish health number: date of birth, then as `uk_nhs`. https://www.ndc.scot.nhs.uk/"""
    return _short_date(_digits(value, 10), "dmy") and uk_nhs(value)


# --- VAT numbers of the EU -----------------------------------------------------------------------
# https://ec.europa.eu/taxation_customs/vies/ and the algorithms that members publish


def _vat_at(number: str) -> bool:
    digits = _digits(number[1:], 8)
    total = sum(digits[0:7:2]) + sum(d * 2 - 9 * (d > 4) for d in digits[1:7:2])
    return number[0] == "U" and (96 - total) % 10 == digits[7]


def _vat_bg(number: str) -> bool:
    digits = _digits(number, 9, 10)
    if len(digits) == 10:
        return (
            bg_egn(number)
            or _weighted(digits, (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10 == digits[9]
            or -_weighted(digits, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 == digits[9]
        )
    check = _weighted(digits, range(1, 9)) % 11
    if check == 10:
        check = _weighted(digits, range(3, 11)) % 11 % 10
    return check == digits[8]


_VAT_CY = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)


def _vat_cy(number: str) -> bool:
    digits = _digits(number[:8], 8)
    total = sum(_VAT_CY[d] for d in digits[0::2]) + sum(digits[1::2])
    return len(number) == 9 and number[:2] != "12" and chr(65 + total % 26) == number[8]


def _vat_cz(number: str) -> bool:
    digits = _digits(number, 8, 9, 10)
    if len(digits) == 8:
        check = (11 - _weighted(digits, range(8, 1, -1)) % 11) % 10
        return digits[0] != 9 and check == digits[7]
    if len(digits) == 9 and digits[0] == 6:
        total = 11 - _weighted(digits[1:], range(8, 1, -1)) % 11
        return (8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 8)[(total - 1) % 11] == digits[8]
    return cz_birth(number)


def _vat_es(number: str) -> bool:
    if number[0] in "XYZ":
        digits = str("XYZ".index(number[0])) + number[1:8]
    elif number[0].isdecimal():
        digits = number[:8]
    elif number[0] in "KLM":
        digits = number[1:8]
    else:
        return number[0] in "ABCDEFGHJNPQRSUVW" and es_cif(number)
    return len(number) == 9 and "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[8]


def _vat_fr(number: str) -> bool:
    siren = number[2:]
    if not fr_siret(siren) and not siren.startswith("000"):
        return False
    if number[:2].isdecimal():
        return int(number[:2]) == (12 + 3 * (int(siren) % 97)) % 97
    alphabet = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    one, two = (alphabet.index(character) for character in number[:2])
    check = one * 24 + two - 10 if one < 10 else one * 34 + two - 100
    return (int(siren) + 1 + check // 11) % 11 == check % 11


def _vat_ie(number: str) -> bool:
    if not number[1].isdecimal():  # until 2013: a letter or sign in second place
        number = "0" + number[2:7] + number[0] + number[7:]
    return ie_pps(number)


def _vat_lt(number: str) -> bool:
    digits = _digits(number, 9, 12)
    if digits[-2] != 1:
        return False
    count = len(digits) - 1
    check = _weighted(digits, [1 + place % 9 for place in range(count)]) % 11
    if check == 10:
        check = _weighted(digits, [1 + (place + 2) % 9 for place in range(count)]) % 11 % 10
    return check == digits[-1]


def _vat_lv(number: str) -> bool:
    digits = _digits(number, 11)
    if digits[0] <= 3:
        return lv_personal(number)
    return _weighted(digits, (9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)) % 11 == 3


def _vat_nl(number: str) -> bool:
    if number[9] != "B":
        return False
    # Since 2020 sole traders have numbers that say nothing of the citizen number: ISO 7064, mod 97.
    return nl_bsn(number[:9]) or int("".join(str(int(c, 36)) for c in "NL" + number)) % 97 == 1


def _vat_se(number: str) -> bool:
    return number[10:] == "01" and _luhn(_digits(number[:10], 10))


def _vat_sk(number: str) -> bool:
    return number[0] != "0" and number[2] in "234789" and int(number) % 11 == 0


def _vat_it(number: str) -> bool:
    digits = _digits(number, 11)
    office = digits[7] * 100 + digits[8] * 10 + digits[9]  # the province that gave the number
    known = 1 <= office <= 100 or office in {120, 121, 888, 999}
    return any(digits[:7]) and known and _luhn(digits)


def _vat_ee(number: str) -> bool:
    digits = _digits(number, 9)
    return any(digits) and _weighted(digits, (3, 7, 1, 3, 7, 1, 3, 7, 1)) % 10 == 0


@_check
def uk_vat(value: str) -> bool:
    """British VAT number: modulo 97, or 55 less. https://en.wikipedia.org/wiki/VAT_identification_number"""
    digits = _digits(value, 9, 12)
    total = _weighted(digits, (8, 7, 6, 5, 4, 3, 2, 10, 1)) % 97
    return any(digits) and total in ({0, 42, 55} if digits[0] else {0})


_VAT: Mapping[str, Check] = {
    "AT": _vat_at,
    "BE": lambda number: be_enterprise(number) and number[0] in "01",
    "BG": _vat_bg,
    "CY": _vat_cy,
    "CZ": _vat_cz,
    "DE": lambda number: number[0] != "0" and _mod_11_10(_digits(number, 9)),
    "DK": dk_cvr,
    "EE": _vat_ee,
    "EL": gr_afm,
    "ES": _vat_es,
    "FI": fi_business,
    "FR": _vat_fr,
    "HR": hr_oib,
    "HU": lambda number: len(number) == 8 and hu_company(number),
    "IE": _vat_ie,
    "IT": _vat_it,
    "LT": _vat_lt,
    "LU": lambda number: int(number[:6]) % 89 == int(number[6:]) and len(number) == 8,
    "LV": _vat_lv,
    "MT": lambda number: (
        -_weighted(_digits(number, 8), (3, 4, 6, 7, 8, 9)) % 37 == int(number[6:]) % 37
    ),
    "NL": _vat_nl,
    "PL": pl_nip,
    "PT": pt_nif,
    "RO": ro_cui,
    "SE": _vat_se,
    "SI": si_tax,
    "SK": lambda number: len(number) == 10 and (_vat_sk(number) or cz_birth(number)),
    "XI": uk_vat,
}


@_check
def eu_vat(value: str) -> bool:
    """VAT number with the prefix of its country. https://ec.europa.eu/taxation_customs/vies/"""
    text = _plain(value)
    return _VAT[text[:2]](text[2:])


# --- Americas ------------------------------------------------------------------------------------


@_check
def ar_cuit(value: str) -> bool:
    """Argentine tax and labour number. https://es.wikipedia.org/wiki/Clave_Única_de_Identificación_Tributaria"""
    digits = _digits(value, 11)
    if digits[0] * 10 + digits[1] not in {20, 23, 24, 25, 26, 27, 30, 33, 34}:
        return False
    check = -_weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return min(check, 9) == digits[10]


@_check
def ar_cbu(value: str) -> bool:
    """Argentine bank account. https://es.wikipedia.org/wiki/Clave_Bancaria_Uniforme"""
    digits = _digits(value, 22)
    weights = (3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3)
    return (
        any(digits)
        and -_weighted(digits[:7], (7, 1, 3, 9, 7, 1, 3)) % 10 == digits[7]
        and -_weighted(digits[8:21], weights) % 10 == digits[21]
    )


def _br_check(values: Sequence[int], weights: Sequence[int]) -> int:
    rest = _weighted(values, weights) % 11
    return 0 if rest < 2 else 11 - rest


@_check
def br_cpf(value: str) -> bool:
    """Brazilian tax number of persons. https://pt.wikipedia.org/wiki/Cadastro_de_Pessoas_Físicas"""
    digits = _digits(value, 11)
    return len(set(digits)) > 1 and all(
        _br_check(digits[:count], range(count + 1, 1, -1)) == digits[count] for count in (9, 10)
    )


@_check
def br_cnpj(value: str) -> bool:
    """Brazilian company number, with letters since 2026: each counts as its ASCII code less 48.

    https://www.gov.br/receitafederal/pt-br/assuntos/orientacao-tributaria/cadastros/cnpj
    """
    text = _plain(value)
    if len(text) != 14 or not text.isascii() or len(set(text)) == 1:
        return False
    values = [ord(character) - 48 for character in text]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return text[12:].isdecimal() and (
        _br_check(values[:12], weights[1:]) == values[12]
        and _br_check(values[:13], weights) == values[13]
    )


@_check
def br_pis(value: str) -> bool:
    """Brazilian social number (PIS, PASEP, NIS). https://pt.wikipedia.org/wiki/PIS/PASEP"""
    digits = _digits(value, 11)
    weights = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return len(set(digits)) > 1 and _br_check(digits, weights) == digits[10]


@_check
def br_cns(value: str) -> bool:
    """Brazilian health card. https://integracao.esusab.ufsc.br/ (algorithm of the CNS)"""
    digits = _digits(value, 15)
    return digits[0] in {1, 2, 7, 8, 9} and _weighted(digits, range(15, 0, -1)) % 11 == 0


@_check
def br_cnh(value: str) -> bool:
    """Brazilian driving licence, two check digits. https://www.gov.br/transportes/ (registro da CNH)"""
    digits = _digits(value, 11)
    first = _weighted(digits, range(9, 0, -1)) % 11
    second = _weighted(digits, range(1, 10)) % 11
    less = 2 if first > 9 else 0
    first = 0 if first > 9 else first
    second = 0 if second > 9 else second - less
    if second < 0:
        second += 11
    second = 0 if second > 9 else second
    return len(set(digits)) > 1 and [first, second] == digits[9:]


@_check
def br_voter(value: str) -> bool:
    """Brazilian voter number. https://pt.wikipedia.org/wiki/Título_eleitoral"""
    digits = _digits(value, 12)
    state = digits[8] * 10 + digits[9]
    if not 1 <= state <= 28:
        return False
    first = _weighted(digits, range(2, 10)) % 11
    second = _weighted((*digits[8:10], first % 10), (7, 8, 9)) % 11
    if state in {1, 2}:  # São Paulo and Minas Gerais write 1 for a remainder of 0
        first, second = first or 1, second or 1
        second = _weighted((*digits[8:10], first % 10), (7, 8, 9)) % 11 or 1
    return [first % 10, second % 10] == digits[10:]


@_check
def ca_phn(value: str) -> bool:
    """Health number of British Columbia. https://www2.gov.bc.ca/ (PHN check digit, modulo 11)"""
    digits = _digits(value, 10)
    check = -_weighted(digits[1:9], (2, 4, 8, 5, 10, 9, 7, 3)) % 11
    return digits[0] == 9 and check == digits[9]


@_check
def ca_bn(value: str) -> bool:
    """Canadian business number: nine digits with Luhn, then the account. https://www.canada.ca/en/revenue-agency"""
    digits = _digits(value)[:9]
    return len(digits) == 9 and any(digits) and _luhn(digits)


@_check
def cl_rut(value: str) -> bool:
    """Chilean tax and identity number. https://es.wikipedia.org/wiki/Rol_Único_Tributario"""
    text = _plain(value)
    body, last = text[:-1], text[-1]
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(body)))
    return len(body) in {7, 8} and int(body) > 0 and "0123456789K"[-total % 11] == last


@_check
def co_nit(value: str) -> bool:
    """Colombian tax number. https://es.wikipedia.org/wiki/Número_de_Identificación_Tributaria"""
    digits = _digits(value, *range(8, 17))
    primes = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
    total = _weighted(digits[-2::-1], primes)
    return any(digits) and "01987654321"[total % 11] == str(digits[-1])


@_check
def ec_cedula(value: str) -> bool:
    """Ecuadorian identity number: province, then Luhn. https://es.wikipedia.org/wiki/Cédula_de_identidad"""
    digits = _digits(value, 10)
    province = digits[0] * 10 + digits[1]
    return province in {*range(1, 25), 30, 50} and digits[2] <= 6 and _luhn(digits)


_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


@_check
def mx_curp(value: str) -> bool:
    """Mexican population code. https://es.wikipedia.org/wiki/Clave_Única_de_Registro_de_Población"""
    text = _plain(value)
    if len(text) != 18 or not _short_date(_digits(text[4:10], 6)):
        return False
    total = sum(_CURP.index(c) * (18 - place) for place, c in enumerate(text[:17]))
    return str(-total % 10) == text[17]


@_check
def mx_rfc_date(value: str) -> bool:
    """The date of an `mx_rfc`, for the many in use whose check character is wrong."""
    text = "".join(c for c in value.upper() if c.isalnum() or c == "&")
    return len(text) in {12, 13} and _short_date(_digits(text[-9:-3], 6))


_RFC = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"


@_check
def mx_rfc(value: str) -> bool:
    """Mexican tax code with its date and check character. https://es.wikipedia.org/wiki/Registro_Federal_de_Contribuyentes_(México)"""
    text = "".join(c for c in value.upper() if c.isalnum() or c == "&")
    if not mx_rfc_date(text):
        return False
    body = text[:-1].rjust(12)
    total = sum(_RFC.index(c) * (13 - place) for place, c in enumerate(body))
    return "0123456789A"[-total % 11] == text[-1]


@_check
def mx_nss(value: str) -> bool:
    """Mexican social security number: Luhn. https://www.imss.gob.mx/"""
    digits = _digits(value, 11)
    return any(digits) and _luhn(digits)


@_check
def mx_clabe(value: str) -> bool:
    """Mexican bank account. https://en.wikipedia.org/wiki/CLABE"""
    digits = _digits(value, 18)
    total = sum(
        digit * weight % 10 for digit, weight in zip(digits[:17], (3, 7, 1) * 6, strict=False)
    )
    return any(digits) and -total % 10 == digits[17]


@_check
def pe_ruc(value: str) -> bool:
    """Peruvian tax number. https://es.wikipedia.org/wiki/Registro_Único_de_Contribuyentes"""
    digits = _digits(value, 11)
    if digits[0] * 10 + digits[1] not in {10, 15, 16, 17, 20}:
        return False
    check = 11 - _weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return check % 10 == digits[10]


@_check
def us_dea(value: str) -> bool:
    """DEA registration. https://en.wikipedia.org/wiki/DEA_number"""
    digits = _digits(value[-7:], 7)
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


@_check
def uy_ci(value: str) -> bool:
    """Uruguayan identity number. https://es.wikipedia.org/wiki/Cédula_de_identidad_de_Uruguay"""
    digits = _digits(value, 7, 8)
    digits = [0] * (8 - len(digits)) + digits
    return any(digits) and _weighted(digits, (2, 9, 8, 7, 6, 3, 4, 1)) % 10 == 0


# --- Asia, Africa, Oceania -----------------------------------------------------------------------

_CN_PROVINCES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
     50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91}
)  # fmt: skip


@_check
def ae_emirates_id(value: str) -> bool:
    """Emirates ID: 784, year of birth, seven digits, Luhn. https://u.ae/en/information-and-services/visa-and-emirates-id"""
    digits = _digits(value, 15)
    return digits[:3] == [7, 8, 4] and digits[3] in {1, 2} and _luhn(digits)


@_check
def au_ihi(value: str) -> bool:
    """Australian individual healthcare identifier: 800360, then Luhn. https://developer.digitalhealth.gov.au/"""
    digits = _digits(value, 16)
    return digits[:6] == [8, 0, 0, 3, 6, 0] and _luhn(digits)


@_check
def cn_resident(value: str) -> bool:
    """Chinese resident identity number (GB 11643). https://en.wikipedia.org/wiki/Resident_Identity_Card"""
    text = _plain(value)
    if len(text) != 18 or int(text[:2]) not in _CN_PROVINCES:
        return False
    if not _date(int(text[6:10]), int(text[10:12]), int(text[12:14])):
        return False
    # ISO/IEC 7064, MOD 11-2.
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[_weighted(_digits(text[:17], 17), weights) % 11] == text[17]


_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@_check
def cn_uscc(value: str) -> bool:
    """Chinese unified social credit code (GB 32100). https://zh.wikipedia.org/wiki/统一社会信用代码"""
    text = _plain(value)
    if len(text) != 18 or not text[2:8].isdecimal() or int(text[2:4]) not in _CN_PROVINCES | {10}:
        return False
    total = sum(_USCC.index(c) * pow(3, place, 31) for place, c in enumerate(text[:17]))
    return _USCC[-total % 31] == text[17]


@_check
def eg_national(value: str) -> bool:
    """Egyptian national number: century, date of birth, governorate. https://en.wikipedia.org/wiki/Egyptian_National_Identity_Card"""
    digits = _digits(value, 14)
    governorate = digits[7] * 10 + digits[8]
    known = governorate in {*range(1, 5), *range(11, 20), *range(21, 30), *range(31, 36), 88}
    return digits[0] in {2, 3} and _short_date(digits[1:7]) and known


@_check
def hk_id(value: str) -> bool:
    """Hong Kong identity card. https://en.wikipedia.org/wiki/Hong_Kong_identity_card"""
    text = _plain(value)
    values = [int(character, 36) for character in text]
    if len(text) == 8:
        values.insert(0, 36)  # a blank
    if text[-1] == "A":
        values[-1] = 10
    elif not text[-1].isdecimal():
        return False
    return len(values) == 9 and _weighted(values, range(9, 0, -1)) % 11 == 0


@_check
def id_nik(value: str) -> bool:
    """Indonesian national number: region, date of birth (women's days from 41). https://id.wikipedia.org/wiki/Nomor_induk_kependudukan"""
    digits = _digits(value, 16)
    province, day = digits[0] * 10 + digits[1], digits[6] * 10 + digits[7]
    day -= 40 * (day > 40)
    month, year = digits[8] * 10 + digits[9], digits[10] * 10 + digits[11]
    return 11 <= province <= 97 and _date(2000 + year, month, day) and any(digits[12:])


@_check
def id_npwp(value: str) -> bool:
    """Indonesian tax number: Luhn over the first nine digits. https://id.wikipedia.org/wiki/Nomor_Pokok_Wajib_Pajak"""
    digits = _digits(value, 15)
    return any(digits[:9]) and _luhn(digits[:9])


@_check
def il_id(value: str) -> bool:
    """Israeli identity number: Luhn over nine digits. https://he.wikipedia.org/wiki/מספר_זהות_(ישראל)"""
    digits = _digits(value, 8, 9)
    return any(digits) and _luhn(digits)


@_check
def in_aadhaar_vid(value: str) -> bool:
    """Indian virtual Aadhaar number: sixteen digits, Verhoeff. https://uidai.gov.in/"""
    digits = _digits(value, 16)
    return digits[0] > 1 and _verhoeff(digits)


@_check
def jp_my_number(value: str) -> bool:
    """Japanese individual number (ordinance of 2014, article 5). https://ja.wikipedia.org/wiki/個人番号"""
    digits = _digits(value, 12)
    rest = _weighted(digits, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return any(digits) and (0 if rest <= 1 else 11 - rest) == digits[11]


@_check
def jp_corporate(value: str) -> bool:
    """Japanese corporate number: the check digit comes first. https://www.houjin-bangou.nta.go.jp/"""
    digits = _digits(value, 13)
    total = sum(digits[12:0:-2]) + 2 * sum(digits[11:0:-2])
    return any(digits) and 9 - total % 9 == digits[0]


@_check
def kz_iin(value: str) -> bool:
    """Kazakh individual number. https://ru.wikipedia.org/wiki/Индивидуальный_идентификационный_номер"""
    digits = _digits(value, 12)
    if not _short_date(digits[:6]) or not 0 <= digits[6] <= 6:
        return False
    check = _weighted(digits, range(1, 12)) % 11
    if check == 10:
        check = _weighted(digits, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return check == digits[11]


_MY_PLACES = frozenset({*range(1, 17), *range(21, 60), 74, *range(82, 94), 98, 99, 60, 61, 62, 63,
                        64, 65, 66, 67, 68, 71, 72, 75, 76, 77, 78, 79})  # fmt: skip


@_check
def my_kad(value: str) -> bool:
    """Malaysian identity card: date of birth, place of birth. https://en.wikipedia.org/wiki/Malaysian_identity_card"""
    digits = _digits(value, 12)
    return _short_date(digits[:6]) and digits[6] * 10 + digits[7] in _MY_PLACES


@_check
def nz_ird(value: str) -> bool:
    """New Zealand tax number. https://www.ird.govt.nz/ (RWT and NRWT specification)"""
    digits = _digits(value, 8, 9)
    number = int("".join(map(str, digits)))
    if not 10_000_000 < number < 150_000_000:
        return False
    body = [0] * (9 - len(digits)) + digits
    check = -_weighted(body[:8], (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -_weighted(body[:8], (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return check == body[8]


@_check
def nz_nhi(value: str) -> bool:
    """New Zealand health number, old (modulo 11) and new (modulo 24) form.

    https://www.tewhatuora.govt.nz/health-services-and-programmes/health-identity/national-health-index
    """
    text = _plain(value)
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    values = [int(c) if c.isdecimal() else letters.index(c) + 1 for c in text[:6]]
    total = _weighted(values, range(7, 1, -1))
    if len(text) != 7:
        return False
    if text[6].isdecimal():
        return total % 11 != 0 and (11 - total % 11) % 10 == int(text[6])
    return letters[24 - total % 24 - 1] == text[6]


@_check
def sa_id(value: str) -> bool:
    """Saudi identity (1…) and residence number (2…): Luhn. https://en.wikipedia.org/wiki/National_identification_number"""
    digits = _digits(value, 10)
    return digits[0] in {1, 2} and _luhn(digits)


_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


@_check
def tw_id(value: str) -> bool:
    """Taiwanese identity and resident number. https://en.wikipedia.org/wiki/National_identification_card_(Taiwan)"""
    text = _plain(value)
    first = _TW_LETTERS.index(text[0]) + 10
    second = text[1]
    if second in "ABCD":  # resident numbers until 2020
        second = str((_TW_LETTERS.index(second) + 10) % 10)
    elif second not in "1289":
        return False
    digits = [first // 10, first % 10, int(second), *_digits(text[2:], 8)]
    return _weighted(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)) % 10 == 0


@_check
def tw_ubn(value: str) -> bool:
    """Taiwanese business number; since 2023 a multiple of 5. https://www.fia.gov.tw/"""
    digits = _digits(value, 8)
    total = sum(
        sum(divmod(digit * weight, 10))
        for digit, weight in zip(digits, (1, 2, 1, 2, 1, 2, 4, 1), strict=True)
    )
    return any(digits) and (total % 5 == 0 or (digits[6] == 7 and (total + 1) % 5 == 0))


@_check
def vn_tax(value: str) -> bool:
    """Vietnamese tax number. https://vi.wikipedia.org/wiki/Mã_số_thuế"""
    digits = _digits(value, 10, 13)
    weights = (31, 29, 23, 19, 17, 13, 7, 5, 3)
    return 10 - _weighted(digits, weights) % 11 == digits[9]


@_check
def vn_citizen(value: str) -> bool:
    """Vietnamese citizen number: province, century and sex, year. https://vi.wikipedia.org/wiki/Căn_cước_công_dân"""
    digits = _digits(value, 12)
    province = digits[0] * 100 + digits[1] * 10 + digits[2]
    return 1 <= province <= 96 and digits[3] <= 3


# --- banks, cards, travel documents, devices -----------------------------------------------------

_BIC_COUNTRIES = frozenset(
    [
        "AD",
        "AE",
        "AF",
        "AG",
        "AI",
        "AL",
        "AM",
        "AO",
        "AR",
        "AT",
        "AU",
        "AW",
        "AZ",
        "BA",
        "BB",
        "BD",
        "BE",
        "BF",
        "BG",
        "BH",
        "BI",
        "BJ",
        "BM",
        "BN",
        "BO",
        "BR",
        "BS",
        "BT",
        "BW",
        "BY",
        "BZ",
        "CA",
        "CD",
        "CF",
        "CG",
        "CH",
        "CI",
        "CK",
        "CL",
        "CM",
        "CN",
        "CO",
        "CR",
        "CU",
        "CV",
        "CW",
        "CY",
        "CZ",
        "DE",
        "DJ",
        "DK",
        "DM",
        "DO",
        "DZ",
        "EC",
        "EE",
        "EG",
        "ER",
        "ES",
        "ET",
        "FI",
        "FJ",
        "FK",
        "FM",
        "FO",
        "FR",
        "GA",
        "GB",
        "GD",
        "GE",
        "GG",
        "GH",
        "GI",
        "GL",
        "GM",
        "GN",
        "GQ",
        "GR",
        "GT",
        "GW",
        "GY",
        "HK",
        "HN",
        "HR",
        "HT",
        "HU",
        "ID",
        "IE",
        "IL",
        "IM",
        "IN",
        "IQ",
        "IR",
        "IS",
        "IT",
        "JE",
        "JM",
        "JO",
        "JP",
        "KE",
        "KG",
        "KH",
        "KI",
        "KM",
        "KN",
        "KP",
        "KR",
        "KW",
        "KY",
        "KZ",
        "LA",
        "LB",
        "LC",
        "LI",
        "LK",
        "LR",
        "LS",
        "LT",
        "LU",
        "LV",
        "LY",
        "MA",
        "MC",
        "MD",
        "ME",
        "MG",
        "MH",
        "MK",
        "ML",
        "MM",
        "MN",
        "MO",
        "MR",
        "MS",
        "MT",
        "MU",
        "MV",
        "MW",
        "MX",
        "MY",
        "MZ",
        "NA",
        "NC",
        "NE",
        "NG",
        "NI",
        "NL",
        "NO",
        "NP",
        "NR",
        "NZ",
        "OM",
        "PA",
        "PE",
        "PF",
        "PG",
        "PH",
        "PK",
        "PL",
        "PS",
        "PT",
        "PW",
        "PY",
        "QA",
        "RO",
        "RS",
        "RU",
        "RW",
        "SA",
        "SB",
        "SC",
        "SD",
        "SE",
        "SG",
        "SI",
        "SK",
        "SL",
        "SM",
        "SN",
        "SO",
        "SR",
        "SS",
        "ST",
        "SV",
        "SY",
        "SZ",
        "TC",
        "TD",
        "TG",
        "TH",
        "TJ",
        "TL",
        "TM",
        "TN",
        "TO",
        "TR",
        "TT",
        "TV",
        "TW",
        "TZ",
        "UA",
        "UG",
        "US",
        "UY",
        "UZ",
        "VA",
        "VC",
        "VE",
        "VG",
        "VN",
        "VU",
        "WS",
        "XK",
        "YE",
        "ZA",
        "ZM",
        "ZW",
    ]
)


@_check
def bic(value: str) -> bool:
    """ISO 9362: four letters, a country, a place, a branch. https://www.swift.com/standards/data-standards/bic"""
    return len(value) in {8, 11} and value[4:6] in _BIC_COUNTRIES


@_check
def es_ccc(value: str) -> bool:
    """Spanish bank account before the IBAN. https://es.wikipedia.org/wiki/Código_cuenta_cliente"""
    digits = _digits(value, 20)
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)

    def check(ten: Sequence[int]) -> int:
        rest = 11 - _weighted(ten, weights) % 11
        return {10: 1, 11: 0}.get(rest, rest)

    return any(digits) and [check([0, 0, *digits[:8]]), check(digits[10:])] == digits[8:10]


@_check
def imei(value: str) -> bool:
    """Device identity: reporting body, then Luhn. https://en.wikipedia.org/wiki/International_Mobile_Equipment_Identity"""
    digits = _digits(value, 15)
    bodies = {1, *range(10, 20), 30, 33, 35, 44, 45, 49, 50, 51, 52, 53, 54, 86, 91, 97, 98, 99}
    return digits[0] * 10 + digits[1] in bodies and _luhn(digits)


@_check
def iccid(value: str) -> bool:
    """SIM card: 89, a country code, then Luhn (ITU-T E.118). https://www.itu.int/rec/T-REC-E.118"""
    digits = _digits(value, 19, 20)
    return digits[:2] == [8, 9] and (_luhn(digits) or _luhn(digits[:19]))


@_check
def isin(value: str) -> bool:
    """ISO 6166. https://en.wikipedia.org/wiki/International_Securities_Identification_Number"""
    text = _plain(value)
    return (
        len(text) == 12
        and text[:2].isalpha()
        and (_luhn([int(c) for c in "".join(str(int(c, 36)) for c in text)]))
    )


_VIN = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))


@_check
def vin(value: str) -> bool:
    """Vehicle identification with the check digit that North America requires (49 CFR 565.15).

    https://www.ecfr.gov/current/title-49/subtitle-B/chapter-V/part-565
    """
    text = _plain(value)
    values = [int(c) if c.isdecimal() else _VIN[c] for c in text]
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    if len(text) != 17 or len(set(text)) < 4:
        return False
    return "0123456789X"[_weighted(values, weights) % 11] == text[8]


@_check
def mrz(value: str) -> bool:
    """Machine-readable zone of a passport, card or visa. https://www.icao.int/publications/doc-series/doc-9303"""
    return check_digits.mrz(value)


# --- wallets -------------------------------------------------------------------------------------

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"


def _from_base58(text: str, alphabet: str = BASE58) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + alphabet.index(character)
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base58check(text: str, alphabet: str = BASE58) -> bytes:
    """The payload; `ValueError` when its four bytes of double SHA-256 do not fit."""
    data = _from_base58(text, alphabet)
    body, check = data[:-4], data[-4:]
    if hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] != check:
        raise ValueError
    return body


@_check
def base58check(value: str) -> bool:
    """Bitcoin, Litecoin, Dogecoin, Tron addresses, private and extended keys.

    https://en.bitcoin.it/wiki/Base58Check_encoding
    """
    return len(_base58check(value)) > 20


@_check
def ripple(value: str) -> bool:
    """XRP Ledger address, an alphabet of its own. https://xrpl.org/docs/references/protocol/data-types/base58-encodings"""
    body = _base58check(value, RIPPLE)
    return len(body) == 21 and body[0] == 0


@_check
def solana(value: str) -> bool:
    """Solana address: 32 bytes in base 58, no check. https://solana.com/docs/core/accounts"""
    return len(_from_base58(value)) == 32


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values: Sequence[int]) -> int:
    """The checksum of BIP 173: 1 for bech32, 0x2BC830A3 for bech32m (BIP 350)."""
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            if top >> bit & 1:
                state ^= generator
    return state


@_check
def bech32(value: str) -> bool:
    """Segregated-witness addresses and Cardano's: BIP 173 (bech32) and BIP 350 (bech32m).

    https://github.com/bitcoin/bips/blob/master/bip-0350.mediawiki
    """
    if value not in {value.lower(), value.upper()}:
        return False
    human, _, data = value.lower().rpartition("1")
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    values += [BECH32.index(c) for c in data]
    return bool(human) and polymod(values) in {1, 0x2BC830A3}


_KECCAK_ROTATIONS = (
    (0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61), (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)  # fmt: skip
_MASK = (1 << 64) - 1


def _keccak_constants() -> tuple[int, ...]:
    constants, state = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if state & 1:
                constant |= 1 << ((1 << bit) - 1)
            state = (state << 1) ^ (0x171 if state & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


_KECCAK_CONSTANTS = _keccak_constants()


def _rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK if by else lane


def keccak256(data: bytes) -> bytes:
    """Keccak with the padding before it became SHA-3. https://keccak.team/keccak_specs_summary.html"""
    rate = 136
    padded = data + b"\x01" + b"\0" * (-(len(data) + 1) % rate)
    padded = padded[:-1] + bytes([padded[-1] | 0x80])
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for number in range(rate // 8):
            at = start + 8 * number
            lanes[number % 5][number // 5] ^= int.from_bytes(padded[at : at + 8], "little")
        for constant in _KECCAK_CONSTANTS:
            columns = [functools.reduce(int.__xor__, column) for column in lanes]
            for x in range(5):
                mixed = columns[x - 1] ^ _rotate(columns[(x + 1) % 5], 1)
                lanes[x] = [lane ^ mixed for lane in lanes[x]]
            moved = [[0] * 5 for _ in range(5)]
            for x in range(5):
                for y in range(5):
                    moved[y][(2 * x + 3 * y) % 5] = _rotate(lanes[x][y], _KECCAK_ROTATIONS[x][y])
            lanes = [
                [
                    moved[x][y] ^ (~moved[(x + 1) % 5][y] & _MASK & moved[(x + 2) % 5][y])
                    for y in range(5)
                ]
                for x in range(5)
            ]
            lanes[0][0] ^= constant
    return b"".join(lanes[n % 5][n // 5].to_bytes(8, "little") for n in range(4))


@_check
def ethereum(value: str) -> bool:
    """EIP-55: in mixed case, the case is the checksum. https://eips.ethereum.org/EIPS/eip-55"""
    body = value[2:]
    if len(body) != 40 or len(set(body.lower())) < 6:
        return False
    if body in {body.lower(), body.upper()}:
        return True
    nibbles = keccak256(body.lower().encode()).hex()
    return all(
        c.isdecimal() or c.isupper() == (int(nibble, 16) > 7)
        for c, nibble in zip(body, nibbles, strict=False)
    )


@_check
def monero(value: str) -> bool:
    """Base 58 in blocks of eleven characters, four bytes of Keccak. https://docs.getmonero.org/public-address/standard-address/"""
    data = b""
    for start in range(0, len(value), 11):
        block = value[start : start + 11]
        size = {11: 8, 7: 5, 10: 7}[len(block)]
        number = 0
        for character in block:
            number = number * 58 + BASE58.index(character)
        data += number.to_bytes(size, "big") if number < 256**size else b""
    return len(data) > 60 and keccak256(data[:-4])[:4] == data[-4:]


# --- places and times ----------------------------------------------------------------------------

_NUMBERS = re.compile(r"[-+]?\d+(?:\.\d+)?")


@_check
def coordinates(value: str) -> bool:
    """A latitude and a longitude in range, in decimals. RFC 5870, section 3.4.2"""
    latitude, longitude = (float(number) for number in _NUMBERS.findall(value)[:2])
    return abs(latitude) <= 90 and abs(longitude) <= 180 and bool(latitude or longitude)


CHECKS: Mapping[str, Check] = MappingProxyType(_CHECKS)
"""Every check by its name."""
