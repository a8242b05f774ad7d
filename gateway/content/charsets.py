"""In which character set is a text that is not in Unicode, and does not say?

Law: a set is told only where letters make words of a language that is written in it, in its case and
with its common letters, and no other set does as well. All sets here keep ASCII, so digits and English
read right in any case.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from gateway.encodings import charset

_SAMPLE = 1 << 15
"""Bytes that are looked at."""
_RUN = re.compile(rb"[\x80-\xff]+")
_GLUED = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
"""Letters with accents stand in words with letters of ASCII, those of other scripts by themselves."""
_FEW = 8
"""Fewer such letters tell nothing."""
_MARKS = frozenset(" \xa0§«»°·‘’“”„‚–—…•€´©®№")
_META = re.compile(rb"""(?i)<meta\s[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})""")
_HEAD = 1024
"""Bytes in which a page has to say its character set (HTML, section 4.2.5.5)."""


def declared(data: bytes) -> str | None:
    """The codec that a page or an XML file names for itself, if it is in that."""
    name = charset.declared_in_xml(data[:_HEAD])
    if not name and (meta := _META.search(data, 0, _HEAD)):
        name = meta[1].decode("ascii")
    codec = charset.codec_of(name)
    try:
        is_so = codec is not None and data.decode(codec).encode(codec) == data
    except UnicodeError:
        return None
    return codec if is_so else None


def told(data: bytes) -> str | None:
    """The codec, where that is certain enough; None for most texts in Western languages, too."""
    sample = data
    if len(data) > _SAMPLE:
        # No character is cut where white space stands.
        sample = data[: max(data.rfind(b"\n", 0, _SAMPLE), data.rfind(b" ", 0, _SAMPLE))]
    runs = _RUN.findall(sample)
    size = sum(map(len, runs))
    if size < _FEW:
        return None
    codec = _in_two_bytes(sample)
    if codec is None and 2 * len(_GLUED.findall(sample)) < len(runs):
        codec = _in_other_letters(runs)
    elif codec is None:
        codec = _in_latin_letters(Counter(b"".join(runs)))
    try:
        return codec if codec and data.decode(codec).encode(codec) == data else None
    except UnicodeError:
        return None


# --- Letters of other scripts --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Script:
    codecs: tuple[str, ...]
    word: re.Pattern[str]
    common: frozenset[str]


_SCRIPTS = (
    _Script(
        ("cp1251", "koi8-u", "iso8859-5", "cp866"),
        re.compile("[А-ЯЁЂ-Џ]?[а-яё-џґ]+|(?P<capitals>[А-ЯЁЂ-ЏҐ]+)"),
        frozenset("оеаинтсрвліы"),
    ),
    _Script(
        ("cp1253", "iso8859-7"),
        re.compile("[Ά-Ϋ]?[ΐά-ώ]+|(?P<capitals>[Ά-Ϋ]+)"),
        frozenset("αοιετσνηυρςάίόέή"),
    ),
    _Script(("cp1255",), re.compile("[א-ת]+|(?P<capitals>)"), frozenset("יוהלאתרבמשנם")),
    _Script(("cp1256",), re.compile("[ء-ي]+|(?P<capitals>)"), frozenset("اليمنوتربةعدسه")),
)
_WORD = re.compile(r"[^\W\d_]+")
_CAPITALS = 0.9
_LEAST_COMMON = 0.5
_AHEAD = 1.2
"""By how much the best reading has to be better than the next."""


def _in_other_letters(runs: list[bytes]) -> str | None:
    scores: dict[str, tuple[float, str]] = {}
    for script in _SCRIPTS:
        for codec in script.codecs:
            try:
                text = b" ".join(runs).decode(codec)
            except UnicodeError:
                continue
            letters = [letter for letter in text.lower() if letter not in _MARKS]
            common = sum(letter in script.common for letter in letters) / max(1, len(letters))
            if len(letters) >= _FEW and common >= _LEAST_COMMON:
                cased = sum(_cased(word, script) for word in _WORD.findall(text))
                scores[codec] = cased / len(letters) * common, text
    if not scores:
        return None
    best, (score, text) = max(scores.items(), key=lambda one: one[1][0])
    rivals = [other for other, its_text in scores.values() if its_text != text]
    return best if all(score >= _AHEAD * other for other in rivals) else None


def _cased(word: str, script: _Script) -> float:
    """How many letters of the word stand in a case that words have; capitals alone count less."""
    found = script.word.fullmatch(word)
    return 0.0 if found is None else len(word) * (_CAPITALS if found["capitals"] else 1)


# --- Latin letters --------------------------------------------------------------------------------

_WESTERN = tuple(
    map(
        frozenset,
        (
            "äöüß",
            "àâçéèêëîïôùûüÿœæ",
            "àèéìíîòóù",
            "áéíñóúüªº",
            "ãáâàçéêíóôõúü",
            "æøåéäö",
            "áðéíóúýþæö",
            "áéëèïíöóüêâ",
            "àçèéíïòóúü",
        ),
    )
)
_ALPHABETS = (
    ("cp1250", "áčďéěíňóřšťúůýž"),
    ("cp1250", "áäčďéíĺľňóôŕšťúýž"),
    ("cp1250", "ąćęłńóśźż"),
    ("cp1250", "áéíóöőúüű"),
    ("cp1250", "ăâîşţ"),
    ("cp1250", "čćđšž"),
    ("cp1254", "çğıöşüâîûİ"),
    ("cp1257", "ąčęėįšųūž"),
    ("cp1257", "āčēģīķļņšūž"),
)
_SAME = {"cp1250": "iso8859-2", "cp1254": "iso8859-9", "cp1257": "iso8859-13"}
_COVERED = 0.97
_MARK = 0.1


def _in_latin_letters(letters: Counter[int]) -> str | None:
    """None where one of the Western alphabets has all of the letters in Windows-1252."""
    if max(_share(letters, "cp1252", alphabet) for alphabet in _WESTERN) >= _COVERED:
        return None
    shares: dict[str, float] = {}
    for windows, alphabet in _ALPHABETS:
        for codec in (windows, _SAME[windows]):
            share = _share(letters, codec, frozenset(alphabet))
            shares[codec] = max(share, shares.get(codec, 0.0))
    best = max(shares, key=lambda codec: shares[codec])
    text = bytes(letters).decode(best, "replace")
    rivals = [codec for codec in shares if bytes(letters).decode(codec, "replace") != text]
    rival = max(map(shares.__getitem__, rivals), default=0.0)
    return best if shares[best] >= _COVERED and shares[best] > rival else None


def _share(letters: Counter[int], codec: str, alphabet: frozenset[str]) -> float:
    """How much of the letters belongs to the alphabet; quotation marks and the like count little."""
    known = other = 0.0
    for byte, count in letters.items():
        letter = bytes([byte]).decode(codec, "replace")
        if letter in alphabet or letter.lower() in alphabet:
            known += count
        else:
            other += count * (_MARK if letter in _MARKS else 1)
    return known / (known + other) if known else 0.0


# --- two bytes for a letter -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wide:
    """First bytes of signs and marks, of kana, and of the characters that are in daily use."""

    codec: str
    marks: range
    kana: range
    daily: range
    least_kana: float = 0.0
    least: float = 0.9
    high: bool = True
    """The second bytes of daily characters are not ASCII."""


_WIDE = (
    _Wide("cp949", range(0xA1, 0xA4), range(0), range(0xB0, 0xC9), least=0.97),
    _Wide("euc_jp", range(0xA1, 0xA4), range(0xA4, 0xA6), range(0xB0, 0xD0), least_kana=0.15),
    _Wide("cp932", range(0x81, 0x82), range(0x82, 0x84), range(0x88, 0x99), high=False),
    _Wide("gbk", range(0xA1, 0xA4), range(0), range(0xB0, 0xD8)),
    _Wide("big5", range(0xA1, 0xA4), range(0), range(0xA4, 0xC7), high=False),
)
"""Those before others are told from them by being narrower: what is Korean might be Chinese by its bytes."""


def _in_two_bytes(sample: bytes) -> str | None:
    for wide in _WIDE:
        try:
            text = sample.decode(wide.codec)
        except UnicodeError:
            continue
        kana = daily = rare = 0
        for letter, count in Counter(text).items():
            if letter.isascii():
                continue
            code = letter.encode(wide.codec)
            if len(code) == 2 and code[0] in wide.kana:
                kana += count
            elif len(code) == 2 and code[0] in wide.daily and (code[1] > 0x7F or not wide.high):
                daily += count
            elif len(code) != 2 or code[0] not in wide.marks:
                rare += count
        known = kana + daily
        if (
            known >= _FEW
            and known >= wide.least * (known + rare)
            and kana >= wide.least_kana * known
        ):
            return wide.codec
    return None
