"""Is a match only a part of something longer that programs write? Law: a UUID, a hash in small letters,
a decimal fraction, a number with an exponent or a dotted number says so by its own form and by what
stands directly beside the match; nothing else is looked at.

One check digit lets every tenth of such parts pass, and programs write thousands of them.
"""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_LENGTH = 36
_HASH = re.compile(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{6,}")
"""A short one may hold a single letter: half a UUID, a commit, a byte mask."""
_NUMBER = re.compile(r"[0-9]+(?:[.][0-9]+)*")
_EXPONENT = re.compile(r"[0-9]+[eE]")
_SIGNED = re.compile(r"[+-][0-9]")
_WEIGHT = "q=0."
"""In a header, which has three digits for it (RFC 9110, 12.4.2): more are none."""
_GOES_ON = re.compile(r"[.](?!0+(?![0-9.]))[0-9]")
"""Digits after a point; zeros alone are what a table makes of a whole number (`4111111111111111.0`)."""


def is_part(text: str, start: int, end: int) -> bool:
    """True for `text[start:end]` that is, or looks like, no value by itself."""
    value = text[start:end]
    if _HASH.fullmatch(value) or _in_uuid(text, start, end):
        return True
    if text[start - 4 : start] == _WEIGHT:
        return False
    if start > 1 and text[start - 1] == "." and text[start - 2].isdecimal():
        return _NUMBER.fullmatch(value) is not None or _EXPONENT.fullmatch(value) is not None
    if _NUMBER.fullmatch(value):
        return _GOES_ON.match(text, end) is not None
    return _EXPONENT.fullmatch(value) is not None and _SIGNED.match(text, end) is not None


def _in_uuid(text: str, start: int, end: int) -> bool:
    if text[start - 1 : start] != "-" and text[end : end + 1] != "-":
        return False
    return any(
        found.start() <= start and end <= found.end() and found.span() != (start, end)
        for found in _UUID.finditer(text, max(0, start - _LENGTH), end + _LENGTH)
    )
