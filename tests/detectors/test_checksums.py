"""What each check promises: a right digit passes, any other one in its place does not."""

from __future__ import annotations

import random

import pytest
import regex
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.detectors.checksums import CHECKS
from gateway.detectors.checksums.wallets import keccak256
from gateway.detectors.identifier_rules import load_rules, sample

# Published examples: specifications and encyclopaedias.
KNOWN = [
    ("bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ("mrz", ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n"
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10")),
    ("mrz", ("I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\n"
            "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")),
    ("vin", "1M8GDM9AXKP042788"),
    ("imei", "490154203237518"),
    ("uk_nhs", "943 476 5919"),
    ("isin", "US0378331005"),
    ("hk_id", "A123456(3)"),
    ("br_cnpj", "12.ABC.345/01DE-35"),
    ("eu_vat", "ATU13585627"),
]  # fmt: skip

# Checks of a shape, a date or a range, and of forms that have no digit to check.
NO_DIGIT = {
    "bic", "coordinates", "dk_cpr", "eg_national", "ethereum", "id_nik", "lv_personal", "my_kad",
    "mx_rfc_date", "solana", "vn_citizen",
}  # fmt: skip

# Two remainders share a digit, two ways of computing are in use, or some digits are not checked.
PARTIAL = {
    "ar_cuit", "be_national", "bg_egn", "br_cnh", "br_cnpj", "br_cns", "br_cpf", "br_pis",
    "br_voter", "ca_bn", "co_nit", "cz_birth", "ee_personal", "es_ccc", "eu_vat", "gr_afm",
    "hu_company", "iccid", "id_npwp", "jp_corporate", "jp_my_number", "kz_iin", "mx_curp",
    "nz_ird", "pe_ruc", "pl_regon", "pt_nif", "pt_niss", "ro_cnp", "ro_cui", "rs_jmbg", "ru_inn",
    "ru_ogrn", "ru_snils", "si_tax", "tw_id", "tw_ubn", "ua_edrpou", "ua_rnokpp", "uk_utr",
    "uk_vat", "us_dea", "uy_ci", "ch_uid", "nz_nhi", "se_personal",
}  # fmt: skip

CHECKED = sorted({rule.check for rule in load_rules() if rule.check} - NO_DIGIT)


@pytest.mark.parametrize(("name", "value"), KNOWN)
def test_published_examples_pass(name, value):
    assert CHECKS[name](value)


def test_keccak_of_nothing():
    assert keccak256(b"").hex().startswith("c5d2460186f7233c927e7db2dcc703c0")


def test_every_check_is_used_by_a_rule():
    used = {rule.check for rule in load_rules()}
    unused = set(CHECKS) - used - {"mod_11_10"}
    assert unused == set()


@pytest.mark.parametrize("name", CHECKED)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_another_digit_in_any_place_fails(name, seed):
    rng = random.Random(seed)
    rule = rng.choice([rule for rule in load_rules() if rule.check == name])
    text = sample(rule, rng.choice(rule.hits), rng)
    values = [text[slice(*rule.value(m))] for m in regex.finditer(rule.regex, text)]
    value = next(value for value in values if CHECKS[name](value))
    wrong = passed = 0
    for at, character in enumerate(value):
        if character.isdecimal():
            for other in set("0123456789") - {character}:
                wrong += 1
                passed += CHECKS[name](value[:at] + other + value[at + 1 :])
    assume(wrong)  # an address may hold letters alone
    assert passed == 0 if name not in PARTIAL else passed <= wrong // 2


@pytest.mark.parametrize("name", sorted(CHECKS))
@settings(max_examples=25, deadline=None)
@given(value=st.one_of(st.text(max_size=40), st.text("0123456789ABCKXZ.-/ <", max_size=24)))
def test_any_text_gets_an_answer(name, value):
    assert CHECKS[name](value) in {True, False}
