"""How many of the personal values that Faker makes up do our detectors find?

    python tests/bench/identifiers_recall.py [--count 40] [--locale de_DE] [--misses]

Faker (https://faker.readthedocs.io) knows how values of each country look, and knows nothing of our
rules. A value stands in sentences and forms of its language, with a word for what it is, as people
write it. Found means that a finding of one of the right entities covers half of the value and more.

Law: what Faker makes up wrong (check digits, dates that do not exist) stays in the figures; `--misses`
shows it. Who mends a rule by what is missed here has seen the values: the figures say what is
covered, not how well it would be elsewhere.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from faker import Faker

from gateway.detectors import Engine, Settings, catalogue

PLACES = ("{word}: {value}", "{word} {value}.", "| {word} | {value} |", '"{word}": "{value}",')
"""Where a value stands, beside the sentences of its language."""

BIRTH = {
    "en": "%m/%d/%Y", "en_GB": "%d/%m/%Y", "de": "%d.%m.%Y", "fr": "%d/%m/%Y", "es": "%d/%m/%Y",
    "it": "%d/%m/%Y", "pt": "%d/%m/%Y", "nl": "%d-%m-%Y", "pl": "%d.%m.%Y", "sv": "%Y-%m-%d",
    "ja": "%Y年%m月%d日", "zh": "%Y年%m月%d日", "hi": "%d/%m/%Y", "da": "%d.%m.%Y", "fi": "%d.%m.%Y",
    "no": "%d.%m.%Y", "cs": "%d.%m.%Y", "tr": "%d.%m.%Y", "ko": "%Y년 %m월 %d일", "ru": "%d.%m.%Y",
}  # fmt: skip
"""How a language writes a date."""

ID = frozenset({"government_id", "financial"})
WANTED: Mapping[str, frozenset[str]] = {
    "id": ID,
    "tax": ID,
    "iban": frozenset({"IBAN_CODE"}),
    "card": frozenset({"CREDIT_CARD"}),
    "phone": frozenset({"contact"}),
    "address": frozenset({"STREET_ADDRESS", "LOCATION"}),
    "plate": frozenset({"vehicle"}),
    "birth": frozenset({"DATE_OF_BIRTH", "DATE_TIME"}),
    "e-mail": frozenset({"EMAIL_ADDRESS"}),
    "name": frozenset({"PERSON"}),
    "ip": frozenset({"IP_ADDRESS"}),
    "mac": frozenset({"MAC_ADDRESS"}),
    "passport": frozenset({"government_id"}),
    "vin": frozenset({"VIN"}),
    "bic": frozenset({"SWIFT_BIC"}),
}
"""Kind of value to the entities, or groups of entities, that count."""


@dataclass(frozen=True, slots=True)
class Country:
    """The words of a country's language for each kind, and sentences around them."""

    locale: str
    words: Mapping[str, tuple[str, ...]]
    sentences: tuple[str, ...]
    own: Mapping[str, str]
    """Kind to the method of Faker that makes it up, where the locale has one of its own."""


def country(locale: str, sentences: tuple[str, ...], own: dict[str, str], **words: str) -> Country:
    split = {kind.replace("_", "-"): tuple(text.split(", ")) for kind, text in words.items()}
    return Country(locale, split, sentences, own)


COUNTRIES = (
    country(
        "en_US",
        ("Hi, my {word} is {value}, please update my file.", "His {word} ({value}) is wrong."),
        {"id": "ssn", "tax": "ein"},
        id="SSN, social security number", tax="EIN, tax id", iban="IBAN",
        card="card number, credit card", phone="phone, cell", address="address, home address",
        plate="license plate, plate number", birth="date of birth, DOB", e_mail="email",
        name="name, customer", ip="IP address", mac="MAC address", passport="passport number",
        vin="VIN", bic="SWIFT code, BIC",
    ),
    country(
        "en_GB",
        ("Hello, my {word} is {value}, can you check?", "Her {word} ({value}) has changed."),
        {"id": "ssn", "tax": "vat_id"},
        id="National Insurance number, NINO", tax="VAT number", iban="IBAN", card="card number",
        phone="telephone, mobile", address="address", plate="registration, number plate",
        birth="date of birth", e_mail="email", name="name", passport="passport number",
    ),
    country(
        "en_CA",
        ("Hi, my {word} is {value}, please update my file.",),
        {"id": "ssn"},
        id="SIN, social insurance number", phone="phone", address="address",
        plate="license plate", name="name",
    ),
    country(
        "en_IN",
        ("Please verify: my {word} is {value}.",),
        {"id": "aadhaar_id"},
        id="Aadhaar, Aadhaar number", phone="mobile", address="address", plate="vehicle number",
        name="name",
    ),
    country(
        "de_DE",
        ("Guten Tag, meine {word} lautet {value}, bitte ändern.", "Die {word} ({value}) ist neu."),
        {"id": "rvnr", "tax": "vat_id"},
        id="Rentenversicherungsnummer, Sozialversicherungsnummer", tax="USt-IdNr.", iban="IBAN",
        card="Kreditkarte, Kartennummer", phone="Telefon, Handynummer", address="Adresse, Anschrift",
        plate="Kennzeichen", birth="Geburtsdatum", e_mail="E-Mail", name="Name",
        passport="Reisepassnummer", bic="BIC",
    ),
    country(
        "fr_FR",
        ("Bonjour, mon {word} est {value}, merci.", "Le {word} ({value}) est faux."),
        {"id": "ssn", "tax": "siret"},
        id="numéro de sécurité sociale, NIR", tax="SIRET", iban="IBAN", card="numéro de carte",
        phone="téléphone, portable", address="adresse", plate="immatriculation, plaque",
        birth="date de naissance", e_mail="e-mail", name="nom",
    ),
    country(
        "es_ES",
        ("Hola, mi {word} es {value}, gracias.", "El {word} ({value}) no es correcto."),
        {"id": "nif", "tax": "cif"},
        id="NIF, DNI", tax="CIF", iban="IBAN", card="número de tarjeta", phone="teléfono, móvil",
        address="dirección, domicilio", plate="matrícula", birth="fecha de nacimiento",
        e_mail="correo", name="nombre",
    ),
    country(
        "it_IT",
        ("Buongiorno, il mio {word} è {value}, grazie.", "Il {word} ({value}) è sbagliato."),
        {"id": "ssn", "tax": "company_vat"},
        id="codice fiscale", tax="partita IVA", iban="IBAN", card="numero di carta",
        phone="telefono, cellulare", address="indirizzo", plate="targa", birth="data di nascita",
        e_mail="e-mail", name="nome",
    ),
    country(
        "pt_BR",
        ("Olá, meu {word} é {value}, obrigado.", "O {word} ({value}) está errado."),
        {"id": "cpf", "tax": "cnpj"},
        id="CPF", tax="CNPJ", card="número do cartão", phone="telefone, celular",
        address="endereço", plate="placa", birth="data de nascimento", e_mail="e-mail", name="nome",
    ),
    country(
        "pt_PT",
        ("Olá, o meu {word} é {value}, obrigado.",),
        {"tax": "vat_id"},
        tax="NIF, contribuinte", iban="IBAN", phone="telefone, telemóvel", address="morada",
        plate="matrícula", birth="data de nascimento", name="nome",
    ),
    country(
        "nl_NL",
        ("Hallo, mijn {word} is {value}, bedankt.", "Het {word} ({value}) klopt niet."),
        {"id": "ssn", "tax": "vat_id"},
        id="BSN, burgerservicenummer", tax="btw-nummer", iban="IBAN", card="kaartnummer",
        phone="telefoon, mobiel", address="adres", plate="kenteken", birth="geboortedatum",
        e_mail="e-mail", name="naam",
    ),
    country(
        "pl_PL",
        ("Dzień dobry, mój {word} to {value}, dziękuję.", "{word} ({value}) jest błędny."),
        {"id": "pesel", "tax": "nip"},
        id="PESEL", tax="NIP", iban="IBAN", card="numer karty", phone="telefon, tel. kom.",
        address="adres", plate="numer rejestracyjny, tablica rejestracyjna", birth="data urodzenia",
        e_mail="e-mail", name="nazwisko",
    ),
    country(
        "sv_SE",
        ("Hej, mitt {word} är {value}, tack.", "Mitt {word} ({value}) är fel."),
        {"id": "ssn", "tax": "org_id"},
        id="personnummer", tax="organisationsnummer", card="kortnummer", phone="telefon, mobil",
        address="adress", plate="registreringsnummer", birth="födelsedatum", e_mail="e-post",
        name="namn",
    ),
    country(
        "da_DK",
        ("Hej, mit {word} er {value}, tak.",),
        {"id": "ssn"},
        id="CPR-nummer, CPR", phone="telefon, mobil", address="adresse", birth="fødselsdato",
        name="navn",
    ),
    country(
        "fi_FI",
        ("Hei, minun {word} on {value}, kiitos.",),
        {"id": "ssn"},
        id="henkilötunnus", phone="puhelin, puhelinnumero", address="osoite", plate="rekisterinumero",
        birth="syntymäaika", name="nimi",
    ),
    country(
        "no_NO",
        ("Hei, mitt {word} er {value}, takk.",),
        {"id": "ssn"},
        id="fødselsnummer, personnummer", phone="telefon, mobil", address="adresse",
        plate="registreringsnummer", birth="fødselsdato", name="navn",
    ),
    country(
        "cs_CZ",
        ("Dobrý den, moje {word} je {value}, děkuji.",),
        {"id": "birth_number"},
        id="rodné číslo", phone="telefon, mobil", address="adresa", birth="datum narození",
        name="jméno",
    ),
    country(
        "tr_TR",
        ("Merhaba, {word} {value}, teşekkürler.",),
        {"id": "ssn"},
        id="TC kimlik no, kimlik numarası", phone="telefon, cep", address="adres", plate="plaka",
        birth="doğum tarihi", name="ad soyad",
    ),
    country(
        "ru_RU",
        ("Здравствуйте, мой {word}: {value}, спасибо.",),
        {"tax": "individuals_inn"},
        tax="ИНН", phone="телефон, моб.", address="адрес", plate="госномер, номер автомобиля",
        birth="дата рождения", name="имя",
    ),
    country(
        "ja_JP",
        ("私の{word}は{value}です。",),
        {},
        phone="電話番号, 電話", address="住所", birth="生年月日", e_mail="メール", name="名前, 氏名",
        card="カード番号",
    ),
    country(
        "zh_CN",
        ("我的{word}是{value}，谢谢。",),
        {"id": "ssn"},
        id="身份证号, 身份证", phone="电话, 手机号", address="地址", birth="出生日期", e_mail="邮箱",
        name="姓名", card="卡号",
    ),
    country(
        "ko_KR",
        ("제 {word}는 {value}입니다.",),
        {"id": "ssn"},
        id="주민등록번호", phone="전화번호, 휴대폰", address="주소", birth="생년월일", name="이름",
    ),
    country(
        "hi_IN",
        ("मेरा {word} {value} है।",),
        {},
        phone="फोन, मोबाइल", address="पता", birth="जन्म तिथि", name="नाम",
    ),
)  # fmt: skip

METHODS: Mapping[str, str] = {
    "iban": "iban", "card": "credit_card_number", "phone": "phone_number", "address": "address",
    "plate": "license_plate", "e-mail": "email", "name": "name", "ip": "ipv4_public",
    "mac": "mac_address", "passport": "passport_number", "vin": "vin", "bic": "swift",
}  # fmt: skip


def value(fake: Faker, place: Country, kind: str) -> str:
    """One value of `kind`, as Faker makes it up for the country; an address on one line."""
    if kind == "birth":
        language = place.locale.partition("_")[0]
        written = BIRTH.get(place.locale) or BIRTH[language]
        return str(fake.date_of_birth(minimum_age=18, maximum_age=90).strftime(written))
    made = getattr(fake, place.own.get(kind) or METHODS[kind])()
    return ", ".join(str(made).splitlines()) if kind == "address" else str(made)


def texts(place: Country, kind: str, count: int) -> Iterator[tuple[str, int, int]]:
    """Texts with a value of `kind`, and where it stands."""
    fake = Faker(place.locale)
    fake.seed_instance(f"{place.locale} {kind}")
    rng = random.Random(f"{place.locale} {kind}")
    words = place.words[kind]
    forms = place.sentences + PLACES
    for number in range(count):
        made = value(fake, place, kind)
        form = forms[number % len(forms)]
        before, _, after = form.partition("{value}")
        start = before.replace("{word}", rng.choice(words))
        yield start + made + after, len(start), len(start) + len(made)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=42)
    options.add_argument("--locale")
    options.add_argument("--kind", choices=sorted(WANTED))
    options.add_argument("--misses", action="store_true")
    chosen = options.parse_args()
    engine = Engine.build(Settings(), key=b"bench", cache_dir=None)
    groups = catalogue.groups()
    totals: dict[str, list[float]] = {}
    print("locale  " + "".join(f"{kind:>9}" for kind in WANTED))
    for place in COUNTRIES:
        if chosen.locale not in (None, place.locale):
            continue
        row = []
        for kind, wanted in WANTED.items():
            if kind not in place.words or chosen.kind not in (None, kind):
                row.append("        –")
                continue
            entities = frozenset[str]().union(*(groups.get(name, {name}) for name in wanted))
            hits = 0
            for text, start, end in texts(place, kind, chosen.count):
                over = [
                    (max(start, m.start), min(end, m.end))
                    for m in engine.scan(text).matches
                    if m.entity in entities
                ]
                covered = {at for first, last in over for at in range(first, last)}
                if 2 * len(covered) >= end - start:
                    hits += 1
                elif chosen.misses:
                    print(f"MISS {place.locale} {kind}: {text!r}")
            totals.setdefault(kind, []).append(hits / chosen.count)
            row.append(f"{hits / chosen.count:9.2f}")
        print(f"{place.locale:8}" + "".join(row), flush=True)
    mean = ("".join(f"{sum(t) / len(t):9.2f}" if (t := totals.get(kind)) else "        –")
            for kind in WANTED)  # fmt: skip
    print("mean    " + "".join(mean))


if __name__ == "__main__":
    main()
