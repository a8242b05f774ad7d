"""Telling languages apart by their short words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.detectors import languages


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The invoice was paid and you will find it in the folder that we have sent."),
        ("de", "Die Rechnung ist bezahlt und liegt mit dem Vertrag bei den Akten, die wir haben."),
        ("fr", "La facture est payée et vous la trouverez dans le dossier avec les contrats."),
        ("es", "La factura está pagada y usted la encuentra en el archivo con los contratos."),
        ("it", "La fattura è pagata e si trova nella cartella con il contratto che ho firmato."),
        ("pt", "A fatura foi paga e você encontra o documento na pasta com os contratos, não é?"),
        ("nl", "De factuur is betaald en het contract ligt op de tafel van de directeur."),
    ],
)
def test_a_sentence_tells_its_language(language, text):
    assert languages.of(text) == language


@pytest.mark.parametrize("text", ["", "ok", "x = y + 1", "SELECT id FROM t", "12.5 kg", "日本語"])
def test_what_does_not_tell_is_not_guessed(text):
    assert languages.of(text) is None


@given(st.text())
def test_any_text_has_a_known_language_or_none(text):
    assert languages.of(text) in {*languages.KNOWN, None}
