"""Where do the names and values of an urlencoded text stand?

Law: every character of the text lies in a name, a value or a separator; nothing is dropped, empty
and repeated names included (WHATWG URL, application/x-www-form-urlencoded parsing).
"""

from __future__ import annotations

from collections.abc import Iterator

type Span = tuple[int, int]


def pairs(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[Span, Span]]:
    """Spans of each name and its value in `text[start:end]`; without `=`, the value is empty.

    Only `&` separates. Some servers split at `;` too, but a value that holds one is read whole,
    so that what stands after it is seen all the same.
    """
    stop = len(text) if end is None else end
    at = start
    while at <= stop:
        amp = text.find("&", at, stop)
        amp = stop if amp < 0 else amp
        equals = text.find("=", at, amp)
        if amp > at:
            yield ((at, amp), (amp, amp)) if equals < 0 else ((at, equals), (equals + 1, amp))
        at = amp + 1
