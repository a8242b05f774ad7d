"""Makes the corpora of this folder: `python -m tests.corpus.generate` writes them.

Law: one seed, so that every run writes the same files; a test checks that the committed ones are
these. Templates of the tuned set (`dev`) and of the held-out set share no sentence and no value.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the same names as a script, as a module and in tests

import benign  # noqa: E402
import ids_said  # noqa: E402
import secrets_said  # noqa: E402
import texts  # noqa: E402
import values as v  # noqa: E402

UNLABELLED = ["DATE_TIME", "ORGANIZATION", "SOURCE_CODE"]
"""Dates, products and code stand in many texts; nobody marked them all."""


def _mark(entity):
    return lambda value: f"[[{entity}:{value}]]"


def _ids(name, generator):
    return lambda rng, _: _mark(name)(generator(rng))


def _names(rng, culture, part):
    culture = culture or rng.choice(sorted(v.NAMES))
    return rng.choice(v.NAMES[culture][part])


SLOTS = {
    "person": lambda r, a: _mark("PERSON")(v.person(r, a)),
    "lperson": lambda r, a: _mark("PERSON")(v.person(r, a).lower()),
    "first": lambda r, a: _mark("PERSON")(_names(r, a, 0)),
    "last": lambda r, a: _mark("PERSON")(_names(r, a, 1)),
    "city": lambda r, a: _mark("LOCATION")(v.city(r, a or "en")),
    "org": lambda r, _: _mark("ORGANIZATION")(v.organization(r)),
    "address": lambda r, a: _mark("STREET_ADDRESS")(v.address(r, (a or "us").strip())),
    "dob": lambda r, a: _mark("DATE_OF_BIRTH")(v.birthday(r, a or "en")),
    "iban": lambda r, a: _mark("IBAN_CODE")(v.iban(r, a)),
    "email": _ids("EMAIL_ADDRESS", v.email),
    "ipv4": _ids("IP_ADDRESS", v.ipv4),
    "mac": _ids("MAC_ADDRESS", v.mac),
    "url": _ids("URL", v.url),
    "uuid": _ids("UUID", v.uuid),
    "card": _ids("CREDIT_CARD", v.card),
    **{
        name: _ids("PHONE_NUMBER", getattr(v, name))
        for name in ("phone_us", "phone_uk", "phone_de", "phone_fr", "phone_es", "phone_it",
                     "phone_pt", "phone_nl", "phone_world")
    },
    **{
        entity.lower() if name is None else name: _ids(entity, generator)
        for name, entity, generator in [
            ("us_ssn", "US_SSN", v.us_ssn), ("us_passport", "US_PASSPORT", v.us_passport),
            ("us_mbi", "US_MBI", v.us_mbi), ("us_npi", "US_NPI", v.us_npi),
            ("us_license", "US_DRIVER_LICENSE", v.us_license), ("uk_nhs", "UK_NHS", v.uk_nhs),
            ("uk_nino", "UK_NINO", v.uk_nino), ("uk_passport", "UK_PASSPORT", v.uk_passport),
            ("de_tax_id", "DE_TAX_ID", v.de_tax_id), ("de_social", "DE_SOCIAL_SECURITY", v.de_social),
            ("de_health", "DE_HEALTH_INSURANCE", v.de_health), ("es_nif", "ES_NIF", v.es_nif),
            ("es_nie", "ES_NIE", v.es_nie), ("it_fiscal", "IT_FISCAL_CODE", v.it_fiscal),
            ("nl_bsn", "NL_BSN", v.nl_bsn), ("br_cpf", "BR_CPF", v.br_cpf),
            ("fr_nir", "FR_NIR", v.fr_nir),
        ]
    },
    # What follows is not to be found.
    "order": lambda r, _: v.order_number(r),
    "order_": lambda r, _: v.order_number(r),
    "version": lambda r, _: v.version(r),
    "part": lambda r, _: v.part_number(r),
    "isbn": lambda r, _: v.isbn13(r),
    "epoch": lambda r, _: v.epoch(r),
    "not_card": lambda r, _: v.not_a_card(r),
    "not_ssn": lambda r, _: v.not_an_ssn(r),
    "not_iban": lambda r, _: v.not_an_iban(r),
    "digits": lambda r, a: v.digits(r, int(a), first="123456789"),
    "hex": lambda _, a: f"<<hex:{a}>>",
    "b64": lambda _, a: f"<<base64:{a}>>",
    "semver": lambda r, _: f"{r.randrange(20)}.{r.randrange(30)}.{r.randrange(50)}",
    "date": lambda r, _: _mark("DATE_TIME")(f"2025-0{r.randint(1, 9)}-{r.randint(10, 28)}"),
    "stamp": lambda r, _: _mark("DATE_TIME")(SLOTS["time"](r, None)),
    "time": lambda r, _: f"2025-0{r.randint(1, 9)}-{r.randint(10, 28)}T{r.randint(10, 23)}:{r.randint(10, 59)}:{r.randint(10, 59)}Z",
}  # fmt: skip

_SLOT = re.compile(r"«(\w+)(?::([^«»]*))?»")


def fill(template: str, rng: Random) -> str:
    """A template with its slots filled."""

    def one(slot):
        return SLOTS[slot[1]](rng, slot[2].strip() if slot[2] else None)

    return _SLOT.sub(one, template)


def _line(identity, template, kind, unlabelled=UNLABELLED):
    line = {"id": identity, "kind": kind, "template": template}
    return line | {"unlabelled": unlabelled} if unlabelled else line


def _documents(split: str) -> Iterator[dict]:
    rng = Random(f"leakgate {split}")
    dev = split == "dev"
    for number, (kind, template) in enumerate(texts.DEV if dev else texts.HELD_OUT):
        for turn in range(4):
            yield _line(f"{split}-text-{number}-{turn}", fill(template, rng), kind)
    for number, (entity, make, *sentences) in enumerate(ids_said.IDS):
        for place, sentence in enumerate(sentences[0] if dev else sentences[1]):
            for turn in range(2):
                text = sentence.replace("«v»", _mark(entity)(make(rng)))
                yield _line(f"{split}-id-{number}-{place}-{turn}", text, "identifier")
    carriers = secrets_said.DEV_CARRIERS if dev else secrets_said.HELD_OUT_CARRIERS
    for number, (entity, variable, shape) in enumerate(secrets_said.TOKENS):
        for turn in range(2):
            kind, carrier = carriers[(2 * number + turn * 3) % len(carriers)]
            lower = variable.lower()
            words = lower.split("_")
            text = (
                carrier.replace("«var»", variable).replace("«lower»", lower)
                .replace("«camel»", words[0] + "".join(map(str.title, words[1:])))
                .replace("«dotted»", lower.replace("_", "."))
                .replace("«VALUE»", _mark(entity)(shape))
            )  # fmt: skip
            yield _line(f"{split}-secret-{number}-{turn}", text, f"secret in {kind}")
    whole = secrets_said.DEV_WHOLE if dev else secrets_said.HELD_OUT_WHOLE
    for number, (kind, template) in enumerate(whole):
        for turn in range(2):
            yield _line(f"{split}-whole-{number}-{turn}", fill(template, rng), f"secret in {kind}")
    for number, (kind, template) in enumerate(
        texts.NEGATIVE_DEV if dev else texts.NEGATIVE_HELD_OUT
    ):
        for turn in range(3 if "«" in template else 1):
            yield _line(f"{split}-none-{number}-{turn}", fill(template, rng), f"no {kind}")


def _benign(name: str) -> Iterator[dict]:
    rng = Random(f"leakgate benign {name}")
    for number, template in enumerate(benign.SETS[name]):
        for turn in range(benign.turns(template)):
            yield _line(f"{name}-{number}-{turn}", fill(template, rng), name, ["SOURCE_CODE"])


def files() -> dict[str, str]:
    """Name of each file to its text."""
    sets = {"dev.jsonl": _documents("dev"), "held-out.jsonl": _documents("held-out")}
    sets |= {f"benign/{name}.jsonl": _benign(name) for name in benign.SETS}
    return {
        name: "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents)
        for name, documents in sets.items()
    }


if __name__ == "__main__":
    for name, text in files().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(HERE.parent.parent)}: {text.count(chr(10))} documents")
