"""Do the check digits of American numbers fit, from Canada to Chile?

Law: that of `checksums`; each function names the page that describes its number.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.detectors.checksums.digits import checked, digits_of, is_short_date, plain_of, weighted
from gateway.encodings.check_digits import luhn_fits


@checked
def ar_cuit(value: str) -> bool:
    """Argentine tax and labour number. https://es.wikipedia.org/wiki/Clave_Única_de_Identificación_Tributaria"""
    digits = digits_of(value, 11)
    if digits[0] * 10 + digits[1] not in {20, 23, 24, 25, 26, 27, 30, 33, 34}:
        return False
    check = -weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return min(check, 9) == digits[10]


@checked
def ar_cbu(value: str) -> bool:
    """Argentine bank account. https://es.wikipedia.org/wiki/Clave_Bancaria_Uniforme"""
    digits = digits_of(value, 22)
    weights = (3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3)
    return (
        any(digits)
        and -weighted(digits[:7], (7, 1, 3, 9, 7, 1, 3)) % 10 == digits[7]
        and -weighted(digits[8:21], weights) % 10 == digits[21]
    )


def _br_check(values: Sequence[int], weights: Sequence[int]) -> int:
    rest = weighted(values, weights) % 11
    return 0 if rest < 2 else 11 - rest


@checked
def br_cpf(value: str) -> bool:
    """Brazilian tax number of persons. https://pt.wikipedia.org/wiki/Cadastro_de_Pessoas_Físicas"""
    digits = digits_of(value, 11)
    return len(set(digits)) > 1 and all(
        _br_check(digits[:count], range(count + 1, 1, -1)) == digits[count] for count in (9, 10)
    )


@checked
def br_cnpj(value: str) -> bool:
    """Brazilian company number, with letters since 2026: each counts as its ASCII code less 48.

    https://www.gov.br/receitafederal/pt-br/assuntos/orientacao-tributaria/cadastros/cnpj
    """
    text = plain_of(value)
    if len(text) != 14 or not text.isascii() or len(set(text)) == 1:
        return False
    values = [ord(character) - 48 for character in text]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return text[12:].isdecimal() and (
        _br_check(values[:12], weights[1:]) == values[12]
        and _br_check(values[:13], weights) == values[13]
    )


@checked
def br_pis(value: str) -> bool:
    """Brazilian social number (PIS, PASEP, NIS). https://pt.wikipedia.org/wiki/PIS/PASEP"""
    digits = digits_of(value, 11)
    weights = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return len(set(digits)) > 1 and _br_check(digits, weights) == digits[10]


@checked
def br_cns(value: str) -> bool:
    """Brazilian health card. https://integracao.esusab.ufsc.br/ (algorithm of the CNS)"""
    digits = digits_of(value, 15)
    return digits[0] in {1, 2, 7, 8, 9} and weighted(digits, range(15, 0, -1)) % 11 == 0


@checked
def br_cnh(value: str) -> bool:
    """Brazilian driving licence, two check digits. https://www.gov.br/transportes/ (registro da CNH)"""
    digits = digits_of(value, 11)
    first = weighted(digits, range(9, 0, -1)) % 11
    second = weighted(digits, range(1, 10)) % 11
    less = 2 if first > 9 else 0
    first = 0 if first > 9 else first
    second = 0 if second > 9 else second - less
    if second < 0:
        second += 11
    second = 0 if second > 9 else second
    return len(set(digits)) > 1 and [first, second] == digits[9:]


@checked
def br_voter(value: str) -> bool:
    """Brazilian voter number. https://pt.wikipedia.org/wiki/Título_eleitoral"""
    digits = digits_of(value, 12)
    state = digits[8] * 10 + digits[9]
    if not 1 <= state <= 28:
        return False
    first = weighted(digits, range(2, 10)) % 11
    second = weighted((*digits[8:10], first % 10), (7, 8, 9)) % 11
    if state in {1, 2}:  # São Paulo and Minas Gerais write 1 for a remainder of 0
        first, second = first or 1, second or 1
        second = weighted((*digits[8:10], first % 10), (7, 8, 9)) % 11 or 1
    return [first % 10, second % 10] == digits[10:]


@checked
def ca_phn(value: str) -> bool:
    """Health number of British Columbia. https://www2.gov.bc.ca/ (PHN check digit, modulo 11)"""
    digits = digits_of(value, 10)
    check = -weighted(digits[1:9], (2, 4, 8, 5, 10, 9, 7, 3)) % 11
    return digits[0] == 9 and check == digits[9]


@checked
def ca_bn(value: str) -> bool:
    """Canadian business number: nine digits with Luhn, then the account. https://www.canada.ca/en/revenue-agency"""
    digits = digits_of(value)[:9]
    return len(digits) == 9 and any(digits) and luhn_fits(digits)


@checked
def cl_rut(value: str) -> bool:
    """Chilean tax and identity number. https://es.wikipedia.org/wiki/Rol_Único_Tributario"""
    text = plain_of(value)
    body, last = text[:-1], text[-1]
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(body)))
    return len(body) in {7, 8} and int(body) > 0 and "0123456789K"[-total % 11] == last


@checked
def co_nit(value: str) -> bool:
    """Colombian tax number. https://es.wikipedia.org/wiki/Número_de_Identificación_Tributaria"""
    digits = digits_of(value, *range(8, 17))
    primes = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
    total = weighted(digits[-2::-1], primes)
    return any(digits) and "01987654321"[total % 11] == str(digits[-1])


@checked
def ec_cedula(value: str) -> bool:
    """Ecuadorian identity number: province, then Luhn. https://es.wikipedia.org/wiki/Cédula_de_identidad"""
    digits = digits_of(value, 10)
    province = digits[0] * 10 + digits[1]
    return province in {*range(1, 25), 30, 50} and digits[2] <= 6 and luhn_fits(digits)


_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


@checked
def mx_curp(value: str) -> bool:
    """Mexican population code. https://es.wikipedia.org/wiki/Clave_Única_de_Registro_de_Población"""
    text = plain_of(value)
    if len(text) != 18 or not is_short_date(digits_of(text[4:10], 6)):
        return False
    total = sum(_CURP.index(c) * (18 - place) for place, c in enumerate(text[:17]))
    return str(-total % 10) == text[17]


@checked
def mx_rfc_date(value: str) -> bool:
    """The date of an `mx_rfc`, for the many in use whose check character is wrong."""
    text = "".join(c for c in value.upper() if c.isalnum() or c == "&")
    return len(text) in {12, 13} and is_short_date(digits_of(text[-9:-3], 6))


_RFC = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"


@checked
def mx_rfc(value: str) -> bool:
    """Mexican tax code with its date and check character. https://es.wikipedia.org/wiki/Registro_Federal_de_Contribuyentes_(México)"""
    text = "".join(c for c in value.upper() if c.isalnum() or c == "&")
    if not mx_rfc_date(text):
        return False
    body = text[:-1].rjust(12)
    total = sum(_RFC.index(c) * (13 - place) for place, c in enumerate(body))
    return "0123456789A"[-total % 11] == text[-1]


@checked
def mx_nss(value: str) -> bool:
    """Mexican social security number: Luhn. https://www.imss.gob.mx/"""
    digits = digits_of(value, 11)
    return any(digits) and luhn_fits(digits)


@checked
def mx_clabe(value: str) -> bool:
    """Mexican bank account. https://en.wikipedia.org/wiki/CLABE"""
    digits = digits_of(value, 18)
    total = sum(
        digit * weight % 10 for digit, weight in zip(digits[:17], (3, 7, 1) * 6, strict=False)
    )
    return any(digits) and -total % 10 == digits[17]


@checked
def pe_ruc(value: str) -> bool:
    """Peruvian tax number. https://es.wikipedia.org/wiki/Registro_Único_de_Contribuyentes"""
    digits = digits_of(value, 11)
    if digits[0] * 10 + digits[1] not in {10, 15, 16, 17, 20}:
        return False
    check = 11 - weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return check % 10 == digits[10]


@checked
def us_dea(value: str) -> bool:
    """DEA registration. https://en.wikipedia.org/wiki/DEA_number"""
    digits = digits_of(value[-7:], 7)
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


@checked
def uy_ci(value: str) -> bool:
    """Uruguayan identity number. https://es.wikipedia.org/wiki/Cédula_de_identidad_de_Uruguay"""
    digits = digits_of(value, 7, 8)
    digits = [0] * (8 - len(digits)) + digits
    return any(digits) and weighted(digits, (2, 9, 8, 7, 6, 3, 4, 1)) % 10 == 0
