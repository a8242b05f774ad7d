"""What do pictures look like that people upload? Drawn here, with values planted in them.

Law: the same seed gives the same pictures; every planted value is made up, with the check digits of
a real one, and stands in no file of the repository. Fonts are DejaVu, as matplotlib ships them.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import itertools
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from corpus import values
from PIL import Image, ImageDraw, ImageFont

SIZE = (1920, 1080)


@dataclass(frozen=True)
class Shot:
    """A picture file and what is planted in it, by kind."""

    name: str
    data: bytes
    planted: tuple[tuple[str, str], ...]


@functools.cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    spec = importlib.util.find_spec("matplotlib")
    root = Path(spec.submodule_search_locations[0])
    return ImageFont.truetype(str(root / "mpl-data/fonts/ttf" / f"{name}.ttf"), size)


def save(picture: Image.Image, form: str, **more) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **more)
    return out.getvalue()


FIRST = "Amelia Bruno Chiara Dmitri Elif Farid Greta Hannah Imran Jonas Katya Leila".split()
LAST = "Okafor Lindqvist Moreau Tanaka Kowalski Petrov Alvarez Schneider Haddad Novak".split()
WORDS = (
    "please send the updated draft before noon so that we can review it with legal the quarterly "
    "numbers look fine but margin fell again after the price change let me know when the build is "
    "green and who is on call this weekend customers asked for an export of all open tickets"
).split()


def card(rng: Random) -> str:
    body = "4" + values.digits(rng, 14)
    number = body + values.luhn(body)
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def iban(rng: Random) -> str:
    body = values.digits(rng, 18)
    number = "DE" + values.mod_97("DE", body) + body
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def key(rng: Random) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "sk-" + "proj-" + values.letters(rng, 40, alphabet)


def mail(rng: Random) -> str:
    return f"{rng.choice(FIRST)}.{rng.choice(LAST)}{rng.randrange(10, 99)}@initech.example".lower()


def phone(rng: Random) -> str:
    return f"+49 30 {values.digits(rng, 4, first='123456789')} {values.digits(rng, 4)}"


def person(rng: Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


MAKERS = {
    "card": card,
    "iban": iban,
    "ssn": values.us_ssn,
    "email": mail,
    "phone": phone,
    "key": key,
    "name": person,
    "case": lambda rng: f"CASE-{rng.randrange(100_000, 999_999)}",
}


def prose(rng: Random, count: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(count))


LIGHT = {
    "back": "#ffffff",
    "panel": "#f1f3f5",
    "line": "#c8ccd0",
    "text": "#1f2328",
    "soft": "#57606a",
}
DARK = {
    "back": "#0d1117",
    "panel": "#1c2230",
    "line": "#3b4252",
    "text": "#d5dae1",
    "soft": "#8b949e",
}


def _chat(draw, rng, look, size, planted):
    face = font("DejaVuSans", size)
    y, todo = 40, list(planted)
    draw.rectangle((0, 0, 260, SIZE[1]), fill=look["panel"])
    for row in range(9):
        draw.text(
            (20, 40 + row * 48),
            f"# {rng.choice(WORDS)}-{rng.choice(WORDS)}",
            font=face,
            fill=look["soft"],
        )
    while y < SIZE[1] - 120:
        mine = rng.random() < 0.5
        lines = [prose(rng, rng.randrange(4, 9))]
        if todo:
            kind, value = todo.pop(0)
            lines.append(f"{kind}: {value}")
        left = 900 if mine else 320
        high = 20 + len(lines) * int(size * 1.5)
        draw.rounded_rectangle(
            (left, y, left + 820, y + high), 14, fill=look["panel"], outline=look["line"]
        )
        for row, line in enumerate(lines):
            draw.text(
                (left + 16, y + 10 + row * int(size * 1.5)), line, font=face, fill=look["text"]
            )
        y += high + 22


def _terminal(draw, rng, look, size, planted):
    face = font("DejaVuSansMono", size)
    todo, y = list(planted), 24
    while y < SIZE[1] - 2 * size:
        if todo and rng.random() < 0.4:
            kind, value = todo.pop(0)
            line = rng.choice(("export {}='{}'", "{}: {}", "INFO user {} = {}", '  "{}": "{}",'))
            line = line.format(kind.upper(), value)
        else:
            line = f"$ {rng.choice(WORDS)} --{rng.choice(WORDS)} /var/{rng.choice(WORDS)}/{rng.choice(WORDS)}.log"
        draw.text((24, y), line, font=face, fill=look["text"])
        y += int(size * 1.45)


def _table(draw, rng, look, size, planted):
    face = font("DejaVuSans", size)
    high, todo = int(size * 2.1), list(planted)
    columns = (0, 60, 330, 640, 1060, 1400, 1920)
    rows = range(60, SIZE[1] - high, high)
    cells = [(row, column) for row in range(1, len(rows) - 1) for column in (2, 3)]
    where = dict(zip(rng.sample(cells, len(todo)), todo, strict=True))
    for row, y in enumerate(rows):
        draw.line((0, y, SIZE[0], y), fill=look["line"])
        draw.text((14, y + size // 2), str(row + 1), font=face, fill=look["soft"])
        for column in (1, 2, 3, 4, 5):
            draw.line((columns[column], 60, columns[column], SIZE[1]), fill=look["line"])
            if (row, column) in where:
                text = where[row, column][1]
            elif column in (2, 3):
                text = prose(rng, 2)
            else:
                text = f"{rng.randrange(1, 99_999):,}.{rng.randrange(10, 99)}"
            draw.text((columns[column] + 10, y + size // 2), text, font=face, fill=look["text"])


def _form(draw, rng, look, size, planted):
    face, bold = font("DejaVuSans", size), font("DejaVuSans-Bold", size)
    for place, (kind, value) in enumerate(planted):
        x, y = 200 + 800 * (place % 2), 160 + 170 * (place // 2)
        draw.text((x, y), kind.title(), font=bold, fill=look["soft"])
        draw.rounded_rectangle(
            (x, y + 34, x + 700, y + 90), 6, fill=look["panel"], outline=look["line"]
        )
        draw.text((x + 16, y + 62 - size // 2), value, font=face, fill=look["text"])
    draw.text((200, 880), prose(rng, 14), font=face, fill=look["text"])


def _code(draw, rng, look, size, planted):
    face = font("DejaVuSansMono", size)
    todo, y, number = list(planted), 30, 1
    while y < SIZE[1] - 2 * size:
        indent = "    " * rng.randrange(3)
        if todo and rng.random() < 0.45:
            kind, value = todo.pop(0)
            line = f'{indent}{kind} = "{value}"'
        else:
            line = f"{indent}{rng.choice(WORDS)} = {rng.choice(WORDS)}({rng.choice(WORDS)}, {rng.randrange(100)})"
        draw.text((20, y), f"{number:>4}", font=face, fill=look["soft"])
        draw.text((110, y), line, font=face, fill=look["text"])
        y += int(size * 1.5)
        number += 1


SCENES = {"chat": _chat, "terminal": _terminal, "table": _table, "form": _form, "code": _code}


def screenshots(
    seed: int = 7, *, scenes=tuple(SCENES), sizes=(13, 17), forms=("png", "q60", "q30")
):
    """One picture per scene, theme, font size and form: 5 x 2 x 2 x 3 by default."""
    for scene, dark, size, form in itertools.product(scenes, (False, True), sizes, forms):
        name = f"{scene}-{'dark' if dark else 'light'}-{size}-{form}"
        rng = Random(f"{seed} {name}")
        look = DARK if dark else LIGHT
        picture = Image.new("RGB", SIZE, look["back"])
        planted = tuple((kind, make(rng)) for kind, make in MAKERS.items())
        SCENES[scene](ImageDraw.Draw(picture), rng, look, size, planted)
        if form == "png":
            data = save(picture, "PNG")
        else:
            data = save(picture, "JPEG", quality=int(form[1:]))
        yield Shot(f"{name}", data, planted)


def plain(seed: int = 7, size=SIZE) -> Image.Image:
    """A picture without text: soft shapes and noise, like a photograph out of focus."""
    rng = Random(seed)
    noise = np.random.default_rng(seed).normal(128, 20, (size[1], size[0]))
    picture = Image.fromarray(noise.clip(0, 255).astype(np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, r = rng.randrange(size[0]), rng.randrange(size[1]), rng.randrange(20, 200)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(256) for _ in range(3)))
    return picture
