"""Do the check digits of VAT numbers of the EU fit?

Law: that of `checksums`. A VAT number that is a national number of `europe` is checked as that.
https://ec.europa.eu/taxation_customs/vies/ and the algorithms that members publish.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.detectors.checksums.algorithms import mod_11_10_fits
from gateway.detectors.checksums.digits import Check, checked, digits_of, plain_of, weighted
from gateway.detectors.checksums.europe import (
    be_enterprise,
    bg_egn,
    cz_birth,
    dk_cvr,
    es_cif,
    fi_business,
    fr_siret,
    gr_afm,
    hr_oib,
    hu_company,
    ie_pps,
    lv_personal,
    nl_bsn,
    pl_nip,
    pt_nif,
    ro_cui,
    si_tax,
)
from gateway.encodings.check_digits import luhn_fits


def _vat_at(number: str) -> bool:
    digits = digits_of(number[1:], 8)
    total = sum(digits[0:7:2]) + sum(d * 2 - 9 * (d > 4) for d in digits[1:7:2])
    return number[0] == "U" and (96 - total) % 10 == digits[7]


def _vat_bg(number: str) -> bool:
    digits = digits_of(number, 9, 10)
    if len(digits) == 10:
        return (
            bg_egn(number)
            or weighted(digits, (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10 == digits[9]
            or -weighted(digits, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 == digits[9]
        )
    check = weighted(digits, range(1, 9)) % 11
    if check == 10:
        check = weighted(digits, range(3, 11)) % 11 % 10
    return check == digits[8]


_VAT_CY = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)


def _vat_cy(number: str) -> bool:
    digits = digits_of(number[:8], 8)
    total = sum(_VAT_CY[d] for d in digits[0::2]) + sum(digits[1::2])
    return len(number) == 9 and number[:2] != "12" and chr(65 + total % 26) == number[8]


def _vat_cz(number: str) -> bool:
    digits = digits_of(number, 8, 9, 10)
    if len(digits) == 8:
        check = (11 - weighted(digits, range(8, 1, -1)) % 11) % 10
        return digits[0] != 9 and check == digits[7]
    if len(digits) == 9 and digits[0] == 6:
        total = 11 - weighted(digits[1:], range(8, 1, -1)) % 11
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
    digits = digits_of(number, 9, 12)
    if digits[-2] != 1:
        return False
    count = len(digits) - 1
    check = weighted(digits, [1 + place % 9 for place in range(count)]) % 11
    if check == 10:
        check = weighted(digits, [1 + (place + 2) % 9 for place in range(count)]) % 11 % 10
    return check == digits[-1]


def _vat_lv(number: str) -> bool:
    digits = digits_of(number, 11)
    if digits[0] <= 3:
        return lv_personal(number)
    return weighted(digits, (9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)) % 11 == 3


def _vat_nl(number: str) -> bool:
    if number[9] != "B":
        return False
    # Since 2020 sole traders have numbers that say nothing of the citizen number: ISO 7064, mod 97.
    return nl_bsn(number[:9]) or int("".join(str(int(c, 36)) for c in "NL" + number)) % 97 == 1


def _vat_se(number: str) -> bool:
    return number[10:] == "01" and luhn_fits(digits_of(number[:10], 10))


def _vat_sk(number: str) -> bool:
    return number[0] != "0" and number[2] in "234789" and int(number) % 11 == 0


def _vat_it(number: str) -> bool:
    digits = digits_of(number, 11)
    office = digits[7] * 100 + digits[8] * 10 + digits[9]  # the province that gave the number
    known = 1 <= office <= 100 or office in {120, 121, 888, 999}
    return any(digits[:7]) and known and luhn_fits(digits)


def _vat_ee(number: str) -> bool:
    digits = digits_of(number, 9)
    return any(digits) and weighted(digits, (3, 7, 1, 3, 7, 1, 3, 7, 1)) % 10 == 0


@checked
def uk_vat(value: str) -> bool:
    """British VAT number: modulo 97, or 55 less. https://en.wikipedia.org/wiki/VAT_identification_number"""
    digits = digits_of(value, 9, 12)
    total = weighted(digits, (8, 7, 6, 5, 4, 3, 2, 10, 1)) % 97
    return any(digits) and total in ({0, 42, 55} if digits[0] else {0})


_VAT: Mapping[str, Check] = {
    "AT": _vat_at,
    "BE": lambda number: be_enterprise(number) and number[0] in "01",
    "BG": _vat_bg,
    "CY": _vat_cy,
    "CZ": _vat_cz,
    "DE": lambda number: number[0] != "0" and mod_11_10_fits(digits_of(number, 9)),
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
        -weighted(digits_of(number, 8), (3, 4, 6, 7, 8, 9)) % 37 == int(number[6:]) % 37
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


@checked
def eu_vat(value: str) -> bool:
    """VAT number with the prefix of its country. https://ec.europa.eu/taxation_customs/vies/"""
    text = plain_of(value)
    return _VAT[text[:2]](text[2:])
