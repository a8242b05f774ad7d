"""What do people send to AI services, and where are names in it? Texts invented from templates.

Law: what is invented follows from the random numbers alone. Templates are ours; names come from the
openly licensed lists of `README.md`.
"""

from __future__ import annotations

import csv
import json
import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.names import phrases
from training.names.corpora import Document

_SLOT = re.compile(r"\{([A-Za-z_]+)(?::([a-z]+))?\}")


@dataclass(frozen=True, slots=True)
class Names:
    """The lists to draw from."""

    cultures: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    forenames_us: tuple[str, ...]
    surnames_us: tuple[str, ...]
    surnames_any: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]

    @classmethod
    def read(cls, data: Path) -> Names:
        """From the folder of data."""
        first: dict[str, list[str]] = {}
        last: dict[str, list[str]] = {}
        for row in _rows(data / "names/forenames.csv"):
            for name in sorted({row["Romanized Name"].strip(), row["Localized Name"].strip()}):
                if _latin(name):
                    first.setdefault(row["Country"], []).append(name)
        for row in _rows(data / "names/surnames.csv"):
            for name in sorted({row["Romanized Name"].strip(), row["Localized Name"].strip()}):
                if _latin(name):
                    last.setdefault(row["Country"], []).append(name)
        base = data / "names/gaz/NamesDatabases"

        def words(path: str) -> tuple[str, ...]:
            return tuple(
                line.strip().title()
                for line in (base / path).read_text("utf-8").splitlines()
                if line.strip()
            )

        every = [
            (tuple(first[c]), tuple(last[c])) for c in sorted(first) if len(last.get(c, ())) > 9
        ]
        cities = tuple(
            (row["name"], row["subcountry"], row["country"])
            for row in _rows(data / "names/gaz/world-cities.csv")
        )
        return cls(
            tuple(every),
            words("first names/us.txt"),
            words("surnames/us.txt"),
            words("surnames/all.txt"),
            cities,
        )

    def pair(self, rng: random.Random) -> tuple[str, str]:
        """A forename and a surname that go together more often than not."""
        luck = rng.random()
        if luck < 0.5:
            first, last = rng.choice(self.cultures)
            return rng.choice(first), rng.choice(last)
        if luck < 0.8:
            return rng.choice(self.forenames_us), rng.choice(self.surnames_us)
        first, last = rng.choice(self.cultures)
        if luck < 0.9:
            return rng.choice(first), rng.choice(self.surnames_any)
        return rng.choice(self.forenames_us), rng.choice(rng.choice(self.cultures)[1])

    def forename(self, rng: random.Random) -> str:
        """A forename."""
        return self.pair(rng)[0]

    def surname(self, rng: random.Random) -> str:
        """A surname."""
        return self.pair(rng)[1]

    def person(self, rng: random.Random) -> str:
        """A full name, in one of the ways that people write it."""
        first, last = self.pair(rng)
        luck = rng.random()
        letter = rng.choice("ABCDEFGHIJKLMNOPRSTVW")
        if luck < 0.60:
            return f"{first} {last}"
        if luck < 0.67:
            return f"{first} {letter}. {last}"
        if luck < 0.71:
            return f"{first[0]}. {last}"
        if luck < 0.74:
            return f"{first[0]}.{letter}. {last}"
        if luck < 0.80:
            return f"{first} {self.forename(rng)} {last}"
        if luck < 0.85:
            return f"{first} {last}-{self.surname(rng)}"
        if luck < 0.88:
            particle = rng.choice(
                [
                    "van",
                    "van der",
                    "de",
                    "von",
                    "al",
                    "bin",
                    "de la",
                    "da",
                    "dos",
                    "ben",
                    "El",
                    "Mc",
                ]
            )
            return f"{first} {particle} {last}"
        if luck < 0.92:
            return f"{first} {last} {self.surname(rng)}"
        if luck < 0.94:
            return f"{first} O'{last}"
        if luck < 0.97:
            return f"{last} {first}"
        return f"{first} {last} {rng.choice(['Jr.', 'Sr.', 'III', 'II', 'PhD', 'MD'])}"

    def city(self, rng: random.Random) -> str:
        """A city."""
        if rng.random() < 0.5:
            return rng.choice(phrases.CITIES)
        return rng.choice(self.cities)[0]


def _latin(name: str) -> bool:
    return bool(name) and all(not c.isalpha() or "LATIN" in unicodedata.name(c, "") for c in name)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# --- slots ----------------------------------------------------------------------------------------


class Draft:
    """A text that grows, with the names in it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0
        self.spans: list[tuple[int, int, str]] = []

    def put(self, text: str, kind: str = "") -> None:
        """Add `text`, a name of `kind` if there is one."""
        if kind and text:
            self.spans.append((self.size, self.size + len(text), kind))
        self.parts.append(text)
        self.size += len(text)

    def done(self, source: str = "generated") -> Document:
        """The document."""
        return Document("".join(self.parts), tuple(self.spans), frozenset(), source)


def digits(rng: random.Random, pattern: str) -> str:
    """`#` becomes a digit, `@` a letter."""
    return "".join(
        rng.choice("0123456789")
        if c == "#"
        else rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ")
        if c == "@"
        else c
        for c in pattern
    )


def company(rng: random.Random, names: Names) -> str:
    """A company or an institution."""
    luck = rng.random()
    if luck < 0.18:
        return rng.choice(phrases.COMPANIES)
    if luck < 0.40:
        return f"{names.surname(rng)} {rng.choice(phrases.SUFFIXES)}"
    if luck < 0.52:
        return f"{names.surname(rng)} {rng.choice(['&', 'and'])} {names.surname(rng)}"
    if luck < 0.60:
        one, two = names.surname(rng), names.surname(rng)
        return f"{one}, {two} & {rng.choice(['Sons', 'Partners', 'Co', names.surname(rng)])}"
    if luck < 0.78:
        root = rng.choice(phrases.ROOTS) + rng.choice(phrases.TAILS)
        return root if rng.random() < 0.4 else f"{root} {rng.choice(phrases.SUFFIXES)}"
    if luck < 0.92:
        place = rng.choice([names.city(rng), names.surname(rng), rng.choice(phrases.COUNTRIES)])
        made = rng.choice(phrases.INSTITUTIONS)
        return made.replace("*", place)
    first = rng.choice(phrases.ADJECTIVES)
    return f"{first} {rng.choice(phrases.FIELDS)} {rng.choice(phrases.SUFFIXES)}"


def street(rng: random.Random, names: Names) -> str:
    """A street with a number."""
    luck = rng.random()
    base = rng.choice([names.surname(rng), rng.choice(phrases.STREET_WORDS), names.city(rng)])
    number = str(rng.randint(1, 400)) + (rng.choice("abc") if rng.random() < 0.08 else "")
    if luck < 0.6:
        number = str(rng.randint(1, 9999)) if rng.random() < 0.5 else number
        way = rng.choice([""] * 6 + ["N ", "South ", "E. ", "West "])
        made = f"{number} {way}{base} {rng.choice(phrases.STREETS)}"
        if rng.random() < 0.2:
            made += rng.choice([", Apt ", ", Suite ", " Unit ", ", Flat "]) + str(
                rng.randint(1, 900)
            )
        return made
    if luck < 0.75:
        kind = rng.choice(["straße", "str.", "weg", "gasse", "allee", "platz", "strasse"])
        return f"{base}{kind} {number}" if rng.random() < 0.7 else f"{base}-{kind.title()} {number}"
    if luck < 0.87:
        kind = rng.choice(
            ["rue de", "avenue de", "rue du", "boulevard", "place de", "chemin de la"]
        )
        return f"{number} {kind} {base}"
    kind = rng.choice(["Calle", "Via", "Avenida", "Rua", "Plaza", "Viale", "Paseo de", "Carrer de"])
    return f"{kind} {base}{rng.choice([', ', ' '])}{number}"


def _address(draft: Draft, rng: random.Random, names: Names, gap: str) -> None:
    draft.put(street(rng, names), "LOC")
    draft.put(gap)
    city, region, country = rng.choice(names.cities)
    if rng.random() < 0.5:
        city = rng.choice(phrases.CITIES)
    luck = rng.random()
    if luck < 0.45:
        draft.put(city, "LOC")
        draft.put(", ")
        draft.put(rng.choice(phrases.STATES), "LOC")
        draft.put(" " + digits(rng, rng.choice(["#####", "#####-####"])))
    elif luck < 0.7:
        draft.put(digits(rng, rng.choice(["##### ", "#### ", "####@@ ", "##-### "])))
        draft.put(city, "LOC")
    elif luck < 0.85:
        draft.put(city, "LOC")
        draft.put(" " + digits(rng, rng.choice(["@@# #@@", "@## #@@", "@#@ #@#", "####"])))
    else:
        draft.put(city, "LOC")
        draft.put(", ")
        draft.put(region or country, "LOC")
    if rng.random() < 0.3:
        draft.put(rng.choice([", ", gap]))
        draft.put(country, "LOC")


def place(rng: random.Random, names: Names) -> str:
    """A place in a sentence."""
    luck = rng.random()
    if luck < 0.45:
        return names.city(rng)
    if luck < 0.65:
        return rng.choice(phrases.COUNTRIES)
    if luck < 0.75:
        return rng.choice(phrases.REGIONS)
    if luck < 0.85:
        return rng.choice(names.cities)[1] or names.city(rng)
    if luck < 0.93:
        base = rng.choice([names.surname(rng), names.city(rng), rng.choice(phrases.STREET_WORDS)])
        return f"{base} {rng.choice(phrases.SITES)}"
    return street(rng, names)


def plain(name: str) -> str:
    """A name as it stands in addresses of mail and in identifiers."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]", "", folded) or "user"


class Filler:
    """Fills slots; the people of one text come back in it."""

    def __init__(self, rng: random.Random, names: Names) -> None:
        self.rng, self.names = rng, names
        self.pairs = [names.pair(rng) for _ in range(2)]

    def fill(self, draft: Draft, template: str) -> None:
        """Add `template` with its slots filled."""
        reached = 0
        for slot in _SLOT.finditer(template):
            draft.put(template[reached : slot.start()])
            self.slot(draft, slot[1], slot[2] or "")
            reached = slot.end()
        draft.put(template[reached:])

    def slot(self, draft: Draft, name: str, style: str) -> None:  # a table
        """Add what `name` stands for."""
        rng, names = self.rng, self.names
        first, last = rng.choice(self.pairs)
        match name:
            case "PER":
                value = f"{first} {last}" if rng.random() < 0.4 else names.person(rng)
                draft.put(_styled(value, style), "PER")
            case "FIRST":
                value = first if rng.random() < 0.5 else names.forename(rng)
                draft.put(_styled(value, style), "PER")
            case "LAST":
                value = last if rng.random() < 0.5 else names.surname(rng)
                draft.put(_styled(value, style), "PER")
            case "LASTFIRST":
                draft.put(_styled(f"{last}, {first}", style), "PER")
            case "TITLED":
                draft.put(rng.choice(phrases.TITLES) + " ")
                draft.put(last if rng.random() < 0.6 else f"{first} {last}", "PER")
            case "ORG":
                draft.put(_styled(company(rng, names), style), "ORG")
            case "LOC":
                draft.put(_styled(place(rng, names), style), "LOC")
            case "CITY":
                draft.put(_styled(names.city(rng), style), "LOC")
            case "COUNTRY":
                draft.put(_styled(rng.choice(phrases.COUNTRIES), style), "LOC")
            case "STREET":
                draft.put(_styled(street(rng, names), style), "LOC")
            case "ADDR":
                _address(draft, rng, names, ", ")
            case "BLOCK":
                _address(draft, rng, names, "\n")
            case "EMAIL":
                sep = rng.choice([".", "_", "", "-"])
                host = rng.choice(phrases.HOSTS)
                user = rng.choice(
                    [f"{plain(first)}{sep}{plain(last)}", f"{plain(first)[0]}{plain(last)}"]
                )
                draft.put(f"{user}{rng.choice(['', '', str(rng.randint(1, 99))])}@{host}")
            case "USER":
                draft.put(
                    f"{plain(first)[:1]}{plain(last)}{rng.choice(['', str(rng.randint(1, 99))])}"
                )
            case "PHONE":
                draft.put(digits(rng, rng.choice(phrases.PHONES)))
            case "DATE":
                draft.put(_date(rng))
            case "TIME":
                draft.put(f"{rng.randint(0, 23)}:{rng.randint(0, 59):02d}")
            case "NUM":
                draft.put(str(rng.randint(1, 10 ** rng.randint(1, 6))))
            case "MONEY":
                draft.put(rng.choice("$€£") + f"{rng.randint(10, 99999):,}")
            case "ID":
                draft.put(digits(rng, rng.choice(phrases.IDS)))
            case "AGE":
                draft.put(str(rng.randint(1, 95)))
            case "NAT":
                draft.put(rng.choice(phrases.NATIONALITIES), "MISC")
            case "TECH":
                draft.put(rng.choice(phrases.TECH))
            case "EVENT":
                draft.put(rng.choice(phrases.EVENTS), "MISC")
            case "AND":
                count = rng.randint(2, 4)
                for number in range(count):
                    if number:
                        draft.put(
                            ", " if number < count - 1 else rng.choice([" and ", ", and ", " & "])
                        )
                    draft.put(
                        names.person(rng) if rng.random() < 0.6 else names.forename(rng), "PER"
                    )
            case _:
                options = getattr(phrases, name.upper())
                chosen = rng.choice(options)
                if "{" in chosen:
                    self.fill(draft, chosen)
                else:
                    draft.put(chosen)


def _styled(value: str, style: str) -> str:
    match style:
        case "upper":
            return value.upper()
        case "lower":
            return value.lower()
        case _:
            return value


def _date(rng: random.Random) -> str:
    year, month, day = rng.randint(1940, 2026), rng.randint(1, 12), rng.randint(1, 28)
    word = phrases.MONTHS[month - 1]
    return rng.choice(
        [f"{year}-{month:02d}-{day:02d}", f"{day:02d}.{month:02d}.{year}", f"{month}/{day}/{year}",
         f"{word} {day}, {year}", f"{day} {word} {year}", f"{word} {year}", f"{word[:3]} {day}",
         rng.choice(phrases.DAYS)]
    )  # fmt: skip


# --- kinds of text --------------------------------------------------------------------------------


def _prose(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    for number in range(rng.randint(1, 6)):
        if number:
            draft.put(rng.choice([" ", " ", " ", "\n", "\n\n"]))
        luck = rng.random()
        pool = (
            phrases.SENTENCES if luck < 0.6 else phrases.PROMPTS if luck < 0.8 else phrases.NEUTRAL
        )
        filler.fill(draft, rng.choice(pool))


def _foreign(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    language = rng.choice(list(phrases.FOREIGN))
    for number in range(rng.randint(1, 5)):
        if number:
            draft.put(rng.choice([" ", "\n"]))
        filler.fill(draft, rng.choice(phrases.FOREIGN[language]))


def _mail(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    if rng.random() < 0.6:
        for line in rng.sample(phrases.HEADERS, rng.randint(2, len(phrases.HEADERS))):
            filler.fill(draft, line + "\n")
        draft.put("\n")
    filler.fill(draft, rng.choice(phrases.GREETINGS) + "\n\n")
    _prose(draft, filler)
    filler.fill(draft, "\n\n" + rng.choice(phrases.CLOSINGS) + "\n")
    filler.fill(draft, rng.choice(phrases.SIGNATURES))


def _chat(draft: Draft, filler: Filler) -> None:
    rng, names = filler.rng, filler.names
    people = [rng.choice([names.forename(rng), names.person(rng)]) for _ in range(2)]
    roles = rng.random() < 0.25
    style = rng.choice(
        ["{}: ", "[{t}] {}: ", "{} ({t}): ", "<{}> ", "{} — {t}\n", "**{}**: ", "@{} "]
    )
    for _ in range(rng.randint(2, 7)):
        before, after = style.split("{}")
        stamp = f"{rng.randint(0, 23)}:{rng.randint(0, 59):02d}"
        draft.put(before.replace("{t}", stamp))
        if roles:
            draft.put(rng.choice(phrases.ROLES))
        else:
            draft.put(rng.choice(people), "PER")
        draft.put(after.replace("{t}", stamp))
        pool = phrases.CHATTER if rng.random() < 0.7 else phrases.SENTENCES
        filler.fill(draft, rng.choice(pool))
        draft.put("\n")


def _form(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    mark = rng.choice([": ", ": ", ":\t", " = ", " - ", ":\n", " | "])
    fields = rng.sample(phrases.FIELDS_OF_FORMS, rng.randint(3, 9))
    bullet = rng.choice(["", "", "", "- ", "* ", "• "])
    for label, value in fields:
        draft.put(bullet + rng.choice([label, label.upper(), label.title(), f"**{label}**"]) + mark)
        filler.fill(draft, value)
        draft.put("\n")


def _records(filler: Filler) -> tuple[list[str], list[str]]:
    rng = filler.rng
    chosen = rng.sample(phrases.COLUMNS, rng.randint(2, 6))
    return [label for label, _ in chosen], [value for _, value in chosen]


def _table(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    labels, values = _records(filler)
    style = rng.choice([",", ",", ";", "\t", " | ", "  ", '","'])
    edge = ("| ", " |") if style == " | " and rng.random() < 0.7 else ("", "")
    if style == '","':
        edge = ('"', '"')
    if rng.random() < 0.85:
        draft.put(edge[0] + style.join(labels) + edge[1] + "\n")
        if style == " | ":
            draft.put("|".join(["---"] * len(labels)) + "\n")
    for _ in range(rng.randint(2, 8)):
        filler.pairs = [filler.names.pair(rng)]
        draft.put(edge[0])
        for number, value in enumerate(values):
            draft.put(style if number else "")
            filler.fill(draft, value)
        draft.put(edge[1] + "\n")


def _json(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    indent = rng.choice(["", "", "  ", "    "])
    end = "\n" if indent else ""
    yaml = rng.random() < 0.25
    count = rng.randint(1, 4)
    draft.put("" if yaml else rng.choice(["[", '{"data": [', "records = ["]) + end)
    for item in range(count):
        labels, values = _records(filler)
        filler.pairs = [filler.names.pair(rng)]
        draft.put(("- " if yaml else "{") + ("" if yaml else end))
        for number, (label, value) in enumerate(zip(labels, values, strict=True)):
            key = rng.choice([label, label.replace(" ", "_"), label.title().replace(" ", "")])
            if yaml:
                draft.put(("  " if number else "") + key.lower() + ": ")
                filler.fill(draft, value)
                draft.put("\n")
            else:
                draft.put(f'{indent}"{key}": "')
                filler.fill(draft, value)
                draft.put('"' + ("," if number < len(labels) - 1 else "") + (end or " "))
        draft.put("" if yaml else "}" + ("," if item < count - 1 else "") + end)
    draft.put("" if yaml else "]")


def _code(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    for _ in range(rng.randint(3, 14)):
        line = rng.choice(phrases.CODE)
        line = re.sub(r"<n>", lambda _: _identifier(rng), line)
        line = re.sub(r"<C>", lambda _: _identifier(rng).title().replace("_", ""), line)
        if rng.random() < 0.12:
            line = rng.choice(phrases.COMMENTS)
        draft.put("    " * rng.randint(0, 2))
        filler.fill(draft, line)
        draft.put("\n")


def _identifier(rng: random.Random) -> str:
    count = rng.choice([1, 1, 2, 2, 3])
    parts = [rng.choice(phrases.CODE_WORDS) for _ in range(count)]
    if rng.random() < 0.35:
        return parts[0] + "".join(part.title() for part in parts[1:])
    return "_".join(parts)


def _log(draft: Draft, filler: Filler) -> None:
    rng = filler.rng
    for _ in range(rng.randint(2, 8)):
        filler.fill(draft, rng.choice(phrases.LOGS))
        draft.put("\n")


def _bare(draft: Draft, filler: Filler) -> None:
    """Lists of names and the like, hardly any words around them."""
    rng = filler.rng
    slot = rng.choice(["{PER}", "{PER}", "{FIRST}", "{LASTFIRST}", "{CITY}", "{ORG}", "{COUNTRY}",
                       "{PER} <{EMAIL}>", "{PER}\n{BLOCK}\n", "{ADDR}", "{PER}, {ORG}",
                       "{PER:upper}", "{PER:lower}", "{PER} ({AGE})", "{PER}, {CITY}"])  # fmt: skip
    style = rng.choice(["\n", "\n", ", ", "; ", "\n- ", "\n* "])
    draft.put(rng.choice(["", *phrases.LIST_HEADS]))
    for number in range(rng.randint(1, 8)):
        filler.pairs = [filler.names.pair(rng)]
        draft.put(style if number else "")
        filler.fill(draft, slot)


_MAKERS: Sequence[tuple[Callable[[Draft, Filler], None], int]] = (
    (_prose, 30), (_mail, 13), (_chat, 10), (_form, 9), (_table, 8), (_json, 8), (_code, 12),
    (_log, 4), (_bare, 6), (_foreign, 12),
)  # fmt: skip


def document(rng: random.Random, names: Names) -> Document:
    """One text."""
    draft, filler = Draft(), Filler(rng, names)
    weights = [weight for _, weight in _MAKERS]
    if rng.random() < 0.25:
        filler.fill(draft, rng.choice(phrases.TASKS) + rng.choice(["\n\n", "\n", ":\n\n", " "]))
    for number in range(rng.choice([1, 1, 1, 2])):
        draft.put("\n\n" if number else "")
        rng.choices([maker for maker, _ in _MAKERS], weights)[0](draft, filler)
    made = draft.done()
    luck = rng.random()
    if luck < 0.12:
        lower = made.text.lower()
        made = (
            made
            if len(lower) != len(made.text)
            else Document(lower, made.spans, source="generated")
        )
    elif luck < 0.2:
        made = sloppy(made, rng)
    return carried(made, rng) if rng.random() < 0.12 else made


def sloppy(made: Document, rng: random.Random) -> Document:
    """Typed in haste: commas gone, names in small letters, capitals missing."""
    text = list(made.text)
    for place_, character in enumerate(text):
        if character.isupper() and rng.random() < 0.5:
            lower = character.lower()
            text[place_] = lower if len(lower) == 1 else character
        elif character in ",;" and rng.random() < 0.5:
            text[place_] = " "
    return Document("".join(text), made.spans, made.silent, made.source)


def carried(made: Document, rng: random.Random) -> Document:
    """The same in something else: quoted, commented out, a string of JSON."""
    style = rng.choice(["> ", "# ", "// ", "json", "    ", "- ", '"'])
    if style == "json":
        inner = json.dumps(made.text, ensure_ascii=False)
        if len(inner) != len(made.text) + 2:  # escapes would move the names
            inner = '"' + made.text.replace('"', "'").replace("\\", "/").replace("\n", " ") + '"'
        head = rng.choice(['{"content": ', '{"role": "user", "content": ', "message = "])
        tail = "}" if head[0] == "{" else ""
        shift = len(head) + 1
        spans = tuple((s + shift, e + shift, k) for s, e, k in made.spans)
        return Document(head + inner + tail, spans, made.silent, made.source)
    if style == '"':
        spans = tuple((s + 1, e + 1, k) for s, e, k in made.spans)
        return Document(f'"{made.text}"', spans, made.silent, made.source)
    breaks = [place_ for place_, c in enumerate(made.text) if c == "\n"]

    def moved(at: int) -> int:
        return at + len(style) * (1 + sum(1 for b in breaks if b < at))

    if any(s < b < e for s, e, _ in made.spans for b in breaks):
        return made
    text = style + made.text.replace("\n", "\n" + style)
    return Document(text, tuple((moved(s), moved(e), k) for s, e, k in made.spans), made.silent,
                    made.source)  # fmt: skip
