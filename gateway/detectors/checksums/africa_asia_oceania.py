"""Do the check digits of numbers of Africa, Asia and Oceania fit?

Law: that of `checksums`; each function names the page that describes its number.
"""

from __future__ import annotations

from gateway.detectors.checksums.algorithms import verhoeff_fits
from gateway.detectors.checksums.digits import (
    checked,
    digits_of,
    is_date,
    is_short_date,
    plain_of,
    weighted,
)
from gateway.encodings.check_digits import luhn_fits

_CN_PROVINCES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
     50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91}
)  # fmt: skip


@checked
def ae_emirates_id(value: str) -> bool:
    """Emirates ID: 784, year of birth, seven digits, Luhn. https://u.ae/en/information-and-services/visa-and-emirates-id"""
    digits = digits_of(value, 15)
    return digits[:3] == [7, 8, 4] and digits[3] in {1, 2} and luhn_fits(digits)


@checked
def au_ihi(value: str) -> bool:
    """Australian individual healthcare identifier: 800360, then Luhn. https://developer.digitalhealth.gov.au/"""
    digits = digits_of(value, 16)
    return digits[:6] == [8, 0, 0, 3, 6, 0] and luhn_fits(digits)


@checked
def cn_resident(value: str) -> bool:
    """Chinese resident identity number (GB 11643). https://en.wikipedia.org/wiki/Resident_Identity_Card"""
    text = plain_of(value)
    if len(text) != 18 or int(text[:2]) not in _CN_PROVINCES:
        return False
    if not is_date(int(text[6:10]), int(text[10:12]), int(text[12:14])):
        return False
    # ISO/IEC 7064, MOD 11-2.
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[weighted(digits_of(text[:17], 17), weights) % 11] == text[17]


_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@checked
def cn_uscc(value: str) -> bool:
    """Chinese unified social credit code (GB 32100). https://zh.wikipedia.org/wiki/统一社会信用代码"""
    text = plain_of(value)
    if len(text) != 18 or not text[2:8].isdecimal() or int(text[2:4]) not in _CN_PROVINCES | {10}:
        return False
    total = sum(_USCC.index(c) * pow(3, place, 31) for place, c in enumerate(text[:17]))
    return _USCC[-total % 31] == text[17]


@checked
def eg_national(value: str) -> bool:
    """Egyptian national number: century, date of birth, governorate. https://en.wikipedia.org/wiki/Egyptian_National_Identity_Card"""
    digits = digits_of(value, 14)
    governorate = digits[7] * 10 + digits[8]
    known = governorate in {*range(1, 5), *range(11, 20), *range(21, 30), *range(31, 36), 88}
    return digits[0] in {2, 3} and is_short_date(digits[1:7]) and known


@checked
def hk_id(value: str) -> bool:
    """Hong Kong identity card. https://en.wikipedia.org/wiki/Hong_Kong_identity_card"""
    text = plain_of(value)
    values = [int(character, 36) for character in text]
    if len(text) == 8:
        values.insert(0, 36)  # a blank
    if text[-1] == "A":
        values[-1] = 10
    elif not text[-1].isdecimal():
        return False
    return len(values) == 9 and weighted(values, range(9, 0, -1)) % 11 == 0


@checked
def id_nik(value: str) -> bool:
    """Indonesian national number: region, date of birth (women's days from 41). https://id.wikipedia.org/wiki/Nomor_induk_kependudukan"""
    digits = digits_of(value, 16)
    province, day = digits[0] * 10 + digits[1], digits[6] * 10 + digits[7]
    day -= 40 * (day > 40)
    month, year = digits[8] * 10 + digits[9], digits[10] * 10 + digits[11]
    return 11 <= province <= 97 and is_date(2000 + year, month, day) and any(digits[12:])


@checked
def id_npwp(value: str) -> bool:
    """Indonesian tax number: Luhn over the first nine digits. https://id.wikipedia.org/wiki/Nomor_Pokok_Wajib_Pajak"""
    digits = digits_of(value, 15)
    return any(digits[:9]) and luhn_fits(digits[:9])


@checked
def il_id(value: str) -> bool:
    """Israeli identity number: Luhn over nine digits. https://he.wikipedia.org/wiki/מספר_זהות_(ישראל)"""
    digits = digits_of(value, 8, 9)
    return any(digits) and luhn_fits(digits)


@checked
def in_aadhaar_vid(value: str) -> bool:
    """Indian virtual Aadhaar number: sixteen digits, Verhoeff. https://uidai.gov.in/"""
    digits = digits_of(value, 16)
    return digits[0] > 1 and verhoeff_fits(digits)


@checked
def jp_my_number(value: str) -> bool:
    """Japanese individual number (ordinance of 2014, article 5). https://ja.wikipedia.org/wiki/個人番号"""
    digits = digits_of(value, 12)
    rest = weighted(digits, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return any(digits) and (0 if rest <= 1 else 11 - rest) == digits[11]


@checked
def jp_corporate(value: str) -> bool:
    """Japanese corporate number: the check digit comes first. https://www.houjin-bangou.nta.go.jp/"""
    digits = digits_of(value, 13)
    total = sum(digits[12:0:-2]) + 2 * sum(digits[11:0:-2])
    return any(digits) and 9 - total % 9 == digits[0]


@checked
def kz_iin(value: str) -> bool:
    """Kazakh individual number. https://ru.wikipedia.org/wiki/Индивидуальный_идентификационный_номер"""
    digits = digits_of(value, 12)
    if not is_short_date(digits[:6]) or not 0 <= digits[6] <= 6:
        return False
    check = weighted(digits, range(1, 12)) % 11
    if check == 10:
        check = weighted(digits, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return check == digits[11]


_MY_PLACES = frozenset({*range(1, 17), *range(21, 60), 74, *range(82, 94), 98, 99, 60, 61, 62, 63,
                        64, 65, 66, 67, 68, 71, 72, 75, 76, 77, 78, 79})  # fmt: skip


@checked
def my_kad(value: str) -> bool:
    """Malaysian identity card: date of birth, place of birth. https://en.wikipedia.org/wiki/Malaysian_identity_card"""
    digits = digits_of(value, 12)
    return is_short_date(digits[:6]) and digits[6] * 10 + digits[7] in _MY_PLACES


@checked
def nz_ird(value: str) -> bool:
    """New Zealand tax number. https://www.ird.govt.nz/ (RWT and NRWT specification)"""
    digits = digits_of(value, 8, 9)
    number = int("".join(map(str, digits)))
    if not 10_000_000 < number < 150_000_000:
        return False
    body = [0] * (9 - len(digits)) + digits
    check = -weighted(body[:8], (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -weighted(body[:8], (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return check == body[8]


@checked
def nz_nhi(value: str) -> bool:
    """New Zealand health number, old (modulo 11) and new (modulo 24) form.

    https://www.tewhatuora.govt.nz/health-services-and-programmes/health-identity/national-health-index
    """
    text = plain_of(value)
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    values = [int(c) if c.isdecimal() else letters.index(c) + 1 for c in text[:6]]
    total = weighted(values, range(7, 1, -1))
    if len(text) != 7:
        return False
    if text[6].isdecimal():
        return total % 11 != 0 and (11 - total % 11) % 10 == int(text[6])
    return letters[24 - total % 24 - 1] == text[6]


@checked
def sa_id(value: str) -> bool:
    """Saudi identity (1…) and residence number (2…): Luhn. https://en.wikipedia.org/wiki/National_identification_number"""
    digits = digits_of(value, 10)
    return digits[0] in {1, 2} and luhn_fits(digits)


_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


@checked
def tw_id(value: str) -> bool:
    """Taiwanese identity and resident number. https://en.wikipedia.org/wiki/National_identification_card_(Taiwan)"""
    text = plain_of(value)
    first = _TW_LETTERS.index(text[0]) + 10
    second = text[1]
    if second in "ABCD":  # resident numbers until 2020
        second = str((_TW_LETTERS.index(second) + 10) % 10)
    elif second not in "1289":
        return False
    digits = [first // 10, first % 10, int(second), *digits_of(text[2:], 8)]
    return weighted(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)) % 10 == 0


@checked
def tw_ubn(value: str) -> bool:
    """Taiwanese business number; since 2023 a multiple of 5. https://www.fia.gov.tw/"""
    digits = digits_of(value, 8)
    total = sum(
        sum(divmod(digit * weight, 10))
        for digit, weight in zip(digits, (1, 2, 1, 2, 1, 2, 4, 1), strict=True)
    )
    return any(digits) and (total % 5 == 0 or (digits[6] == 7 and (total + 1) % 5 == 0))


@checked
def vn_tax(value: str) -> bool:
    """Vietnamese tax number. https://vi.wikipedia.org/wiki/Mã_số_thuế"""
    digits = digits_of(value, 10, 13)
    weights = (31, 29, 23, 19, 17, 13, 7, 5, 3)
    return 10 - weighted(digits, weights) % 11 == digits[9]


@checked
def vn_citizen(value: str) -> bool:
    """Vietnamese citizen number: province, century and sex, year. https://vi.wikipedia.org/wiki/Căn_cước_công_dân"""
    digits = digits_of(value, 12)
    province = digits[0] * 100 + digits[1] * 10 + digits[2]
    return 1 <= province <= 96 and digits[3] <= 3
