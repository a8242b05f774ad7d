"""Do the check digits of European numbers fit? Persons, companies, tax, health, bank accounts.

Law: that of `checksums`; each function names the page that describes its number.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.detectors.checksums.algorithms import mod_11_10_fits
from gateway.detectors.checksums.digits import (
    checked,
    digits_of,
    is_date,
    is_short_date,
    plain_of,
    weighted,
)
from gateway.encodings.check_digits import luhn_fits


@checked
def at_svnr(value: str) -> bool:
    """Austrian insurance number. https://de.wikipedia.org/wiki/Sozialversicherungsnummer"""
    digits = digits_of(value, 10)
    if digits[0] == 0 or not (1 <= digits[4] * 10 + digits[5] <= 31):
        return False
    # Months 13 to 15 stand in for dates of birth that have run out of numbers.
    if not 1 <= digits[6] * 10 + digits[7] <= 15:
        return False
    return weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == digits[3]


@checked
def be_national(value: str) -> bool:
    """Belgian national number. https://fr.wikipedia.org/wiki/Numéro_de_registre_national"""
    digits = digits_of(value, 11)
    text = "".join(map(str, digits))
    month, day = int(text[2:4]) % 20, int(text[4:6])
    if month > 12 or day > 31:
        return False
    head, key = int(text[:9]), int(text[9:])
    return key in {97 - head % 97, 97 - (2_000_000_000 + head) % 97}


@checked
def be_enterprise(value: str) -> bool:
    """Belgian enterprise number. https://en.wikipedia.org/wiki/VAT_identification_number"""
    digits = digits_of(value, 9, 10)
    number = int("".join(map(str, digits)))
    return number >= 1_000_000 and 97 - number // 100 % 97 == number % 100


@checked
def bg_egn(value: str) -> bool:
    """Bulgarian citizen number. https://en.wikipedia.org/wiki/Unique_citizenship_number"""
    digits = digits_of(value, 10)
    year, month = digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]
    century = {0: 1900, 1: 1900, 2: 1800, 3: 1800, 4: 2000, 5: 2000}[month // 10]
    if not is_date(century + year, month % 20, digits[4] * 10 + digits[5]):
        return False
    return weighted(digits, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == digits[9]


@checked
def ch_ahv(value: str) -> bool:
    """Swiss insurance number: EAN-13 that begins with 756. https://www.zas.admin.ch/"""
    digits = digits_of(value, 13)
    return digits[:3] == [7, 5, 6] and weighted(digits, (1, 3) * 7) % 10 == 0


@checked
def ch_uid(value: str) -> bool:
    """Swiss enterprise number. https://www.bfs.admin.ch/bfs/en/home/registers/enterprise-register"""
    digits = digits_of(value, 9)
    return -weighted(digits[:8], (5, 4, 3, 2, 7, 6, 5, 4)) % 11 == digits[8]


@checked
def cz_birth(value: str) -> bool:
    """Czech and Slovak birth number. https://en.wikipedia.org/wiki/National_identification_number"""
    digits = digits_of(value, 9, 10)
    text = "".join(map(str, digits))
    year, month, day = int(text[:2]), int(text[2:4]) % 50, int(text[4:6])
    if month > 12:
        month -= 20  # since 2004, where a day has run out of numbers
    if len(digits) == 9:  # until 1953, without a check digit
        return year < 54 and is_date(1900 + year, month, day) and text[6:] != "000"
    full = 1900 + year if year >= 54 else 2000 + year
    if not is_date(full, month, day):
        return False
    return int(text[:9]) % 11 % 10 == digits[9]


@checked
def dk_cpr(value: str) -> bool:
    """Danish personal number: the date alone, as the check digit was given up in 2007.

    https://en.wikipedia.org/wiki/Personal_identification_number_(Denmark)
    """
    return is_short_date(digits_of(value, 10), "dmy")


@checked
def dk_cvr(value: str) -> bool:
    """Danish company number. https://erhvervsstyrelsen.dk/modulus_11"""
    digits = digits_of(value, 8)
    return digits[0] > 0 and weighted(digits, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


@checked
def ee_personal(value: str) -> bool:
    """Estonian and Lithuanian personal code. https://et.wikipedia.org/wiki/Isikukood"""
    digits = digits_of(value, 11)
    if not 1 <= digits[0] <= 8 or not is_short_date(digits[1:7]):
        return False
    check = weighted(digits, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(digits, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return check == digits[10]


@checked
def es_cif(value: str) -> bool:
    """Spanish company number. https://es.wikipedia.org/wiki/Código_de_identificación_fiscal"""
    text = plain_of(value)
    kind, digits, last = text[0], digits_of(text[1:8], 7), text[8:]
    if len(last) != 1:
        return False
    total = sum(digits[1::2]) + sum(d * 2 - 9 * (d > 4) for d in digits[0::2])
    number = -total % 10
    letter = "JABCDEFGHI"[number]
    # By law the kind says whether it is a digit or a letter; registers hold both.
    return kind in "ABCDEFGHJNPQRSUVW" and last in {letter, str(number)}


@checked
def es_nss(value: str) -> bool:
    """Spanish social security number. https://www.seg-social.es/ (provincial code, then mod 97)"""
    digits = digits_of(value, 12)
    text = "".join(map(str, digits))
    province, number = int(text[:2]), int(text[2:10])
    if not (1 <= province <= 53 or province == 66):
        return False
    whole = number + province * 10_000_000 if number < 10_000_000 else int(text[:10])
    return whole % 97 == int(text[10:])


@checked
def fi_business(value: str) -> bool:
    """Finnish business identity code. https://www.vero.fi/ (check character of Y-tunnus)"""
    digits = digits_of(value, 8)
    return weighted(digits, (7, 9, 10, 5, 8, 4, 2, 1)) % 11 == 0


@checked
def fr_nir(value: str) -> bool:
    """French social security number. https://fr.wikipedia.org/wiki/Numéro_de_sécurité_sociale_en_France"""
    text = plain_of(value)
    if len(text) != 15:
        return False
    month, department = int(text[3:5]), text[5:7]
    if not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return False
    if text[0] not in "123478" or department == "00":
        return False
    head = text[:5] + {"2A": "19", "2B": "18"}.get(department, department) + text[7:13]
    return 97 - int(head) % 97 == int(text[13:])


@checked
def fr_spi(value: str) -> bool:
    """French tax number: the last three digits are the others modulo 511. https://www.impots.gouv.fr/"""
    text = "".join(map(str, digits_of(value, 13)))
    return text[0] in "0123" and int(text[:10]) % 511 == int(text[10:])


@checked
def fr_siret(value: str) -> bool:
    """French company (9) or establishment (14) number. https://fr.wikipedia.org/wiki/Système_d'identification_du_répertoire_des_établissements"""
    digits = digits_of(value, 9, 14)
    if not any(digits):
        return False
    if len(digits) == 14 and digits[:9] == [3, 5, 6, 0, 0, 0, 0, 0, 0]:
        return (
            luhn_fits(digits) or sum(digits) % 5 == 0
        )  # the post office has too many establishments
    return luhn_fits(digits) and luhn_fits(digits[:9])


@checked
def gr_afm(value: str) -> bool:
    """Greek tax number. https://el.wikipedia.org/wiki/Αριθμός_Φορολογικού_Μητρώου"""
    digits = digits_of(value, 9)
    weights = (256, 128, 64, 32, 16, 8, 4, 2)
    return any(digits) and weighted(digits, weights) % 11 % 10 == digits[8]


@checked
def gr_amka(value: str) -> bool:
    """Greek social security number: a date, then Luhn. https://www.amka.gr/"""
    digits = digits_of(value, 11)
    return is_short_date(digits[:6], "dmy") and luhn_fits(digits)


@checked
def hr_oib(value: str) -> bool:
    """Croatian personal number. https://en.wikipedia.org/wiki/Personal_identification_number_(Croatia)"""
    return mod_11_10_fits(digits_of(value, 11))


@checked
def hu_tax(value: str) -> bool:
    """Hungarian tax number of persons (1990. évi XCI.). https://hu.wikipedia.org/wiki/Adóazonosító_jel"""
    digits = digits_of(value, 10)
    return digits[0] == 8 and weighted(digits, range(1, 10)) % 11 == digits[9]


@checked
def hu_taj(value: str) -> bool:
    """Hungarian social security number. https://hu.wikipedia.org/wiki/Társadalombiztosítási_azonosító_jel"""
    digits = digits_of(value, 9)
    return any(digits) and weighted(digits, (3, 7, 3, 7, 3, 7, 3, 7)) % 10 == digits[8]


@checked
def hu_company(value: str) -> bool:
    """Hungarian tax number of companies; its first eight digits are the VAT number."""
    digits = digits_of(value, 8, 11)
    return any(digits[:8]) and weighted(digits, (9, 7, 3, 1, 9, 7, 3, 1)) % 10 == 0


@checked
def ie_pps(value: str) -> bool:
    """Irish personal number. https://en.wikipedia.org/wiki/Personal_Public_Service_Number"""
    text = plain_of(value)
    digits = digits_of(text[:7], 7)
    total = weighted(digits, range(8, 1, -1))
    second = text[8:]
    if len(second) == 1 and second not in "WTX":
        total += 9 * (ord(second) - 64)
    return len(text) in {8, 9} and "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == text[7]


@checked
def lv_personal(value: str) -> bool:
    """Latvian personal code of the older form. https://lv.wikipedia.org/wiki/Personas_kods"""
    digits = digits_of(value, 11)
    if digits[:2] == [3, 2]:
        return True  # since 2017: no date, no check digit
    if not is_short_date(digits[:6], "dmy"):
        return False
    return (1 + weighted(digits, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11 % 10 == digits[10]


@checked
def nl_bsn(value: str) -> bool:
    """Dutch citizen number, "elfproef". https://nl.wikipedia.org/wiki/Burgerservicenummer"""
    digits = digits_of(value, 8, 9)
    digits = [0] * (9 - len(digits)) + digits
    return any(digits) and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


@checked
def no_birth(value: str) -> bool:
    """Norwegian birth, D and H number. https://no.wikipedia.org/wiki/Fødselsnummer"""
    digits = digits_of(value, 11)
    day, month = digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]
    day, month = day - 40 * (day > 40), month - 40 * (month > 40)
    if not is_date(2000 + digits[4] * 10 + digits[5], month, day):
        return False
    return (
        weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


@checked
def no_org(value: str) -> bool:
    """Norwegian organisation number. https://www.brreg.no/om-oss/oppgavene-vare/"""
    digits = digits_of(value, 9)
    return any(digits) and weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


@checked
def pl_nip(value: str) -> bool:
    """Polish tax number. https://pl.wikipedia.org/wiki/Numer_identyfikacji_podatkowej"""
    digits = digits_of(value, 10)
    return any(digits) and weighted(digits, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == digits[9]


@checked
def pl_regon(value: str) -> bool:
    """Polish business number. https://pl.wikipedia.org/wiki/REGON"""
    digits = digits_of(value, 9, 14)
    short = weighted(digits, (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10 == digits[8]
    if len(digits) == 9 or not short:
        return short and any(digits)
    weights = (2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)
    return any(digits) and weighted(digits, weights) % 11 % 10 == digits[13]


@checked
def pl_id_card(value: str) -> bool:
    """Polish identity card: letters from 10, weights 7, 3, 1. https://pl.wikipedia.org/wiki/Dowód_osobisty_w_Polsce"""
    text = plain_of(value)
    if len(text) != 9 or not text[:3].isalpha() or not text[3:].isdecimal():
        return False
    return weighted([int(c, 36) for c in text], (7, 3, 1, 9, 7, 3, 1, 7, 3)) % 10 == 0


@checked
def pt_nif(value: str) -> bool:
    """Portuguese tax number. https://pt.wikipedia.org/wiki/Número_de_identificação_fiscal"""
    digits = digits_of(value, 9)
    check = -weighted(digits, range(9, 1, -1)) % 11
    return digits[0] > 0 and check % 10 == digits[8]


@checked
def pt_niss(value: str) -> bool:
    """Portuguese social security number. https://www.seg-social.pt/"""
    digits = digits_of(value, 11)
    weights = (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
    return digits[0] in {1, 2} and 9 - weighted(digits, weights) % 10 == digits[10]


@checked
def pt_card(value: str) -> bool:
    """Portuguese citizen card: Luhn over letters and digits. https://pt.wikipedia.org/wiki/Cartão_de_cidadão"""
    text = plain_of(value)
    if len(text) != 12:
        return False
    values = [int(character, 36) for character in text]
    total = sum(values[1::2]) + sum(v * 2 - 9 * (v * 2 > 9) for v in values[0::2])
    return text[:9].isdecimal() and total % 10 == 0


@checked
def ro_cnp(value: str) -> bool:
    """Romanian personal code. https://ro.wikipedia.org/wiki/Cod_numeric_personal_(România)"""
    digits = digits_of(value, 13)
    county = digits[7] * 10 + digits[8]
    known = county in {*range(1, 49), 51, 52, 70, *range(80, 84)}
    if digits[0] == 0 or not known or not is_short_date(digits[1:7]):
        return False
    check = weighted(digits, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (1 if check == 10 else check) == digits[12]


@checked
def ro_cui(value: str) -> bool:
    """Romanian company code. https://ro.wikipedia.org/wiki/Cod_de_Identificare_Fiscală"""
    digits = digits_of(value, *range(4, 11))
    body = [0] * (10 - len(digits)) + digits
    weights = (7, 5, 3, 2, 1, 7, 5, 3, 2)
    return digits[0] > 0 and weighted(body, weights) * 10 % 11 % 10 == body[9]


@checked
def rs_jmbg(value: str) -> bool:
    """Citizen number of the states of former Yugoslavia. https://en.wikipedia.org/wiki/Unique_Master_Citizen_Number"""
    digits = digits_of(value, 13)
    year = digits[4] * 100 + digits[5] * 10 + digits[6]
    full = year + (1000 if year >= 800 else 2000)
    if not is_date(full, digits[2] * 10 + digits[3], digits[0] * 10 + digits[1]):
        return False
    check = -weighted(digits, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return check % 10 == digits[12]


@checked
def ru_inn(value: str) -> bool:
    """Russian tax number of companies (10) and persons (12). https://ru.wikipedia.org/wiki/Идентификационный_номер_налогоплательщика"""
    digits = digits_of(value, 10, 12)
    if len(digits) == 10:
        return any(digits) and (
            weighted(digits, (2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == digits[9]
        )
    return (
        any(digits)
        and weighted(digits, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == digits[10]
        and weighted(digits, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == digits[11]
    )


@checked
def ru_snils(value: str) -> bool:
    """Russian insurance number. https://ru.wikipedia.org/wiki/Страховой_номер_индивидуального_лицевого_счёта"""
    digits = digits_of(value, 11)
    if digits[:9] <= [0, 0, 1, 0, 0, 1, 9, 9, 8]:
        return False  # lower ones have no check digits
    return weighted(digits, range(9, 0, -1)) % 101 % 100 == digits[9] * 10 + digits[10]


@checked
def ru_ogrn(value: str) -> bool:
    """Russian register number of companies (13) and traders (15). https://ru.wikipedia.org/wiki/Основной_государственный_регистрационный_номер"""
    text = "".join(map(str, digits_of(value, 13, 15)))
    return text[0] in "1235" and int(text[:-1]) % (len(text) - 2) % 10 == int(text[-1])


@checked
def se_personal(value: str) -> bool:
    """Luhn over the last ten digits, without the century. https://www.skatteverket.se/personnummer"""
    return luhn_fits(digits_of(value, 10, 12)[-10:])


@checked
def si_tax(value: str) -> bool:
    """Slovenian tax number. https://sl.wikipedia.org/wiki/Davčna_številka"""
    digits = digits_of(value, 8)
    check = 11 - weighted(digits, range(8, 1, -1)) % 11
    return digits[0] > 0 and check != 11 and check % 10 == digits[7]


@checked
def tr_tax(value: str) -> bool:
    """Turkish tax number. https://tr.wikipedia.org/wiki/Vergi_kimlik_numarası"""
    digits = digits_of(value, 10)
    total = 0
    for place, digit in enumerate(digits[:9]):
        shifted = (digit + 9 - place) % 10
        total += (shifted * 2 ** (9 - place)) % 9 or (9 if shifted else 0)
    return any(digits) and -total % 10 == digits[9]


@checked
def ua_rnokpp(value: str) -> bool:
    """Ukrainian tax number of persons: days since 1899, then check digit. https://uk.wikipedia.org/wiki/РНОКПП"""
    digits = digits_of(value, 10)
    return any(digits) and (weighted(digits, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == digits[9])


@checked
def ua_edrpou(value: str) -> bool:
    """Ukrainian company number. https://uk.wikipedia.org/wiki/Код_ЄДРПОУ"""
    digits = digits_of(value, 8)
    number = int("".join(map(str, digits)))
    middle = 30_000_000 <= number <= 60_000_000
    weights = (7, 1, 2, 3, 4, 5, 6) if middle else (1, 2, 3, 4, 5, 6, 7)
    check = weighted(digits, weights) % 11
    if check == 10:
        check = weighted(digits, [weight + 2 for weight in weights]) % 11 % 10
    return number > 0 and check == digits[7]


@checked
def uk_utr(value: str) -> bool:
    """British unique taxpayer reference: the check digit comes first.

    https://design.tax.service.gov.uk/hmrc-design-patterns/unique-taxpayer-reference/
    """
    digits = digits_of(value, 10)
    total = weighted(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11
    return int("21987654321"[total]) == digits[0]


@checked
def uk_nhs(value: str) -> bool:
    """Health numbers of England, Wales, Northern Ireland, and the Scottish CHI number.

    https://www.datadictionary.nhs.uk/attributes/nhs_number.html
    """
    digits = digits_of(value, 10)
    return any(digits) and weighted(digits, range(10, 0, -1)) % 11 == 0


@checked
def uk_chi(value: str) -> bool:
    """Scottish health number: date of birth, then as `uk_nhs`. https://www.ndc.scot.nhs.uk/"""
    return is_short_date(digits_of(value, 10), "dmy") and uk_nhs(value)


@checked
def es_ccc(value: str) -> bool:
    """Spanish bank account before the IBAN. https://es.wikipedia.org/wiki/Código_cuenta_cliente"""
    digits = digits_of(value, 20)
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)

    def check(ten: Sequence[int]) -> int:
        rest = 11 - weighted(ten, weights) % 11
        return {10: 1, 11: 0}.get(rest, rest)

    return any(digits) and [check([0, 0, *digits[:8]]), check(digits[10:])] == digits[8:10]
