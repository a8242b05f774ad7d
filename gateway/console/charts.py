"""How do figures become pictures? As SVG that is made here, next to a table with the same figures.

Law: a picture says nothing that the table does not; colour comes from classes of the style sheet, so
that light and dark both read, and never stands for something by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a chart: what it is called, and its parts from the bottom up."""

    label: str
    parts: tuple[int, ...]


_WIDTH, _HEIGHT = 720, 180
_LEFT, _BOTTOM, _TOP = 44, 22, 8


def columns(title: str, names: Sequence[str], given: Sequence[Column]) -> Markup:
    """Stacked columns. `names` are those of the parts, and their classes."""
    most = max((sum(each.parts) for each in given), default=0)
    top = _round_up(most)
    height = _HEIGHT - _BOTTOM - _TOP
    room = (_WIDTH - _LEFT) / max(1, len(given))
    what = f"{escape(title)}; the table below has the figures"
    out = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{what}">']
    for share in (0.0, 0.5, 1.0):
        y = _TOP + height * (1 - share)
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if share == 0 or top * share == int(top * share):
            out.append(
                f'<text class="scale" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{short(int(top * share))}</text>"
            )
    every = ceil(len(given) / 8) if given else 1
    for number, column in enumerate(given):
        x = _LEFT + number * room
        y = float(_TOP + height)
        told = ", ".join(f"{n} {name}" for n, name in zip(column.parts, names, strict=True))
        out.append(f"<g><title>{escape(column.label)}: {escape(told)}</title>")
        for part, name in zip(column.parts, names, strict=True):
            if part:
                tall = max(1.0, part / top * height)
                y -= tall
                out.append(
                    f'<rect class="part-{escape(name)}" x="{x + room * 0.14:.1f}" y="{y:.1f}"'
                    f' width="{room * 0.72:.1f}" height="{tall:.1f}"/>'
                )
        out.append("</g>")
        if number % every == 0:
            out.append(
                f'<text class="scale" x="{x + room / 2:.1f}" y="{_HEIGHT - 6}"'
                f' text-anchor="middle">{escape(column.label)}</text>'
            )
    out.append("</svg>")
    # Everything that came from outside was escaped above.
    return Markup("".join(out))  # noqa: S704


def bar(part: int, most: int, kind: str = "forward") -> Markup:
    """A bar in a table's cell, beside the figure that it shows."""
    wide = 0.0 if most <= 0 else max(0.0, min(100.0, part / most * 100))
    return Markup(  # noqa: S704  # as above
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="part-{escape(kind)}" width="{wide:.1f}" height="8" rx="1"/></svg>'
    )


def short(number: int) -> str:
    """A figure that is read at a glance: 1,234 as 1.2k."""
    for limit, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            text = f"{number / limit:.1f}".removesuffix(".0")
            return f"{text}{sign}"
    return str(number)


def _round_up(number: int) -> int:
    """The next round figure, as the end of a scale."""
    if number <= 4:
        return 4
    step = 10 ** int(log10(number))
    for times in (1, 2, 4, 5, 10):
        if step * times >= number:
            return int(step * times)
    return number
