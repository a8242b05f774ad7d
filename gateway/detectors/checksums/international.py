"""Do the check digits of numbers fit that are no country's? Banks, securities, travel, devices, places.

Law: that of `checksums`; each function names the page that describes its number.
"""

from __future__ import annotations

import re

from gateway.detectors.checksums.digits import checked, digits_of, plain_of, weighted
from gateway.encodings import check_digits
from gateway.encodings.check_digits import luhn_fits

_BIC_COUNTRIES = frozenset(
    """
    AD AE AF AG AI AL AM AO AR AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT
    BW BY BZ CA CD CF CG CH CI CK CL CM CN CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE
    EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GG GH GI GL GM GN GQ GR GT GW GY HK HN HR
    HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB
    LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MO MR MS MT MU MV MW MX MY
    MZ NA NC NE NG NI NL NO NP NR NZ OM PA PE PF PG PH PK PL PS PT PW PY QA RO RS RU RW
    SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ TC TD TG TH TJ TL TM TN TO TR
    TT TV TW TZ UA UG US UY UZ VA VC VE VG VN VU WS XK YE ZA ZM ZW
    """.split()
)


@checked
def bic(value: str) -> bool:
    """ISO 9362: four letters, a country, a place, a branch. https://www.swift.com/standards/data-standards/bic"""
    return len(value) in {8, 11} and value[4:6] in _BIC_COUNTRIES


@checked
def imei(value: str) -> bool:
    """Device identity: reporting body, then Luhn. https://en.wikipedia.org/wiki/International_Mobile_Equipment_Identity"""
    digits = digits_of(value, 15)
    bodies = {1, *range(10, 20), 30, 33, 35, 44, 45, 49, 50, 51, 52, 53, 54, 86, 91, 97, 98, 99}
    return digits[0] * 10 + digits[1] in bodies and luhn_fits(digits)


@checked
def iccid(value: str) -> bool:
    """SIM card: 89, a country code, then Luhn (ITU-T E.118). https://www.itu.int/rec/T-REC-E.118"""
    digits = digits_of(value, 19, 20)
    return digits[:2] == [8, 9] and (luhn_fits(digits) or luhn_fits(digits[:19]))


@checked
def isin(value: str) -> bool:
    """ISO 6166. https://en.wikipedia.org/wiki/International_Securities_Identification_Number"""
    text = plain_of(value)
    return (
        len(text) == 12
        and text[:2].isalpha()
        and (luhn_fits([int(c) for c in "".join(str(int(c, 36)) for c in text)]))
    )


_VIN = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))


@checked
def vin(value: str) -> bool:
    """Vehicle identification with the check digit that North America requires (49 CFR 565.15).

    https://www.ecfr.gov/current/title-49/subtitle-B/chapter-V/part-565
    """
    text = plain_of(value)
    values = [int(c) if c.isdecimal() else _VIN[c] for c in text]
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    if len(text) != 17 or len(set(text)) < 4:
        return False
    return "0123456789X"[weighted(values, weights) % 11] == text[8]


@checked
def mrz(value: str) -> bool:
    """Machine-readable zone of a passport, card or visa. https://www.icao.int/publications/doc-series/doc-9303"""
    return check_digits.mrz(value)


_NUMBERS = re.compile(r"[-+]?\d+(?:\.\d+)?")


@checked
def coordinates(value: str) -> bool:
    """A latitude and a longitude in range, in decimals. RFC 5870, section 3.4.2"""
    latitude, longitude = (float(number) for number in _NUMBERS.findall(value)[:2])
    return abs(latitude) <= 90 and abs(longitude) <= 180 and bool(latitude or longitude)


"""Every check by its name."""
