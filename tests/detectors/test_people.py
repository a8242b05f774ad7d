"""What the name model takes for people: in prose it stays, elsewhere something has to speak for it."""

from __future__ import annotations

import pytest

from gateway.detectors import name_words, people

_LISTS = {
    "maria": name_words.bits(("forename",)),
    "tanaka": name_words.bits(("surname",)),
    "moore": name_words.bits(("surname",)),
    "jun": name_words.bits(("forename",)),
    "legal": name_words.bits(("common",)),
}


def kept(text: str, *said: str, sure: float = 0.6) -> list[str]:
    found = [(at := text.index(word), at + len(word), sure) for word in said]
    stays = people.people(text, found, (), lambda word: _LISTS.get(word, 0))
    return [text[start:end] for start, end, _ in stays]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("4 Hinge ; 185721 ; 3 pieces", "Hinge"),
        ("<U0041> CYRILLIC LETTER", "CYRILLIC"),
        ("y = tanh(x) + 1", "tanh"),
        ("Sales | Legal | Ops", "Legal"),
        ("Ockham's razor, Moore's law", "Moore"),
        ("-rw-r--r-- 1 root root 12 Jun 14 x", "Jun"),
    ],
)
def test_a_word_that_nothing_speaks_for_is_nobody(text, word):
    assert kept(text, word) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Dear Ifeoma,", "Ifeoma"),
        ('"last_name": "Okonkwo"', "Okonkwo"),
        ("he helps Maria and Onveer. Maths", "Onveer"),
        ("and Demirel objected to it", "Demirel"),
        ("[12/03/2025, 18:02:40] Anatol: no", "Anatol"),
        ("ask maria about it", "maria"),
        ("Mr Moore's law firm", "Moore"),
        ("ask Jun about it", "Jun"),
        ("| Yuki Tanaka | ytanaka |", "ytanaka"),
        ("signed: TANAKA", "TANAKA"),
        ("al signor Telemaco Mastandrea, nato", "Mastandrea"),
        ("hi @onveer did", "onveer"),
        ("by Nuno da Costa.", "da"),
        ("1\tytanaka\t2", "ytanaka"),
        ("maria-tanaka.example", "tanaka"),
        ("tanaka_maria;12", "tanaka"),
    ],
)
def test_who_is_listed_or_spoken_for_stays(text, word):
    assert kept(text, word) == [word]


def test_the_model_is_believed_where_it_is_certain():
    assert kept("it was Olawale", "Olawale", sure=0.97) == ["Olawale"]


def test_part_of_a_full_name_stays_by_itself():
    assert kept("Ada Okonkwo came. then Okonkwo", "Ada Okonkwo") == ["Ada Okonkwo"]
    text = "Ada Okonkwo came, it saw Okonkwo"
    found = [(0, 11, 0.9), (text.rindex("Okonkwo"), len(text), 0.6)]
    assert len(list(people.people(text, found, (), lambda _: 0))) == 2


def test_in_running_text_the_model_is_believed():
    prose = "nobody had told them that Hinge went to the bakery before noon"
    assert kept(prose, "Hinge") == ["Hinge"]
    assert kept(prose.replace(" ", " | "), "Hinge") == []


def test_the_rest_of_a_long_line_is_not_read_for_each_name():
    words = "a " * 500
    text = f"{words}; Hinge ; 12 ; {words}"
    assert kept(text, "Hinge") == []


def in_a_row(text: str, **named: tuple[str, float]) -> dict[str, str]:
    lists = {"lourdes": name_words.bits(("city",)), "gatsby": name_words.bits(("common",))} | _LISTS
    found = sorted(
        (at := text.index(word), at + len(word), entity, sure)
        for word, (entity, sure) in named.items()
    )
    told = people.row(text, found, lambda word: lists.get(word, 0))
    return {text[start:end]: entity for start, end, entity, _ in told}


PERSON, PLACE = ("PERSON", 0.9), ("LOCATION", 0.8)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the letter which Souter, Wexbane, and Kennedy had signed", "Wexbane"),
        ("they were told that Kennedy and Wexbane are wonderful", "Wexbane"),
        ("which is what Wexbane & Kennedy said about it", "Wexbane"),
    ],
)
def test_who_stands_in_a_row_with_people_is_one(text, word):
    named = {who: PERSON for who in ("Souter", "Kennedy") if who in text}
    assert in_a_row(text, **named, **{word: PLACE})[word] == "PERSON"


@pytest.mark.parametrize(
    ("text", "word", "sure"),
    [
        ("they were told that Kennedy, Wexbane is a nice place", "Wexbane", 0.8),
        ("they were told that Kennedy and Wexbane are wonderful", "Wexbane", 0.97),
        ("the roads of Kennedy and Lourdes are not wide at all", "Lourdes", 0.8),
        ("we use both of them, Kennedy and Gatsby, for this", "Gatsby", 0.8),
        ("a shop of this kind is in Wexbane and Kennedy said so", "Wexbane", 0.8),
        ("Kennedy, Wexbane, Kennedy", "Wexbane", 0.8),
    ],
)
def test_a_place_in_a_row_with_people_stays_one(text, word, sure):
    assert in_a_row(text, Kennedy=PERSON, **{word: ("LOCATION", sure)})[word] == "LOCATION"
