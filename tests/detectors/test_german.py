"""In German every noun has a capital, and only names are names."""

from __future__ import annotations

import pytest

from gateway.detectors.names import ENTITIES, Shipped

FINDER = Shipped(known=frozenset(ENTITIES.values()))


def found(text: str) -> list[tuple[str, str]]:
    return [(text[start:end], entity) for start, end, entity, _ in FINDER.find(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Der Hund und die Katze lagen vor dem Kamin, während der Regen gegen das Fenster schlug.",
        "Für das Rezept brauchst du Mehl, Zucker, Butter, Eier und eine Prise Salz.",
        "Die Katze jagt die Maus, doch die Maus versteckt sich hinter dem Schrank. Der Junge lacht.",
        "Die Wirtschaft wächst, die Inflation sinkt, und die Zinsen bleiben hoch.",
        "Der Richter wies die Klage ab, weil der Kläger die Frist versäumt hatte.",
        "Der Bauer pflügt das Feld, und der Müller mahlt das Korn, bis der Winter kommt.",
        "Das Programm liest die Datei ein, sortiert die Zeilen und schreibt das Ergebnis.",
    ],
)
def test_a_common_noun_is_no_name(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "Gestern hat mich Katharina Vogel angerufen, weil die Lieferung nicht angekommen ist.",
            [("Katharina Vogel", "PERSON")],
        ),
        (
            "Die Patientin Monika Lehmann wurde von Dr. Schubert untersucht, und der Befund ist da.",
            [("Monika Lehmann", "PERSON"), ("Schubert", "PERSON")],
        ),
        (
            "Die Anna hat gesagt, dass der Markus heute nicht kommen wird.",
            [("Anna", "PERSON"), ("Markus", "PERSON")],
        ),
        (
            "Das hat auch Ursula von Bergen gesagt, sie ist nicht mit der Rechnung einverstanden.",
            [("Ursula von Bergen", "PERSON")],
        ),
        (
            "Wir reisen mit Kindern nach Freiburg, und das ist nicht weit von der Grenze.",
            [("Freiburg", "LOCATION")],
        ),
    ],
)
def test_a_name_stays_one_without_the_verb_behind_it(text, names):
    assert found(text) == names
