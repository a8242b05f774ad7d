"""How does a file that is text look with some words replaced? The same, but for these.

Law: runs in the sandbox, `plain` apart. What a reader joined or decoded is found again in the source,
and what is new is spliced in there, escaped as the format needs; all else stays, byte for byte, but
that a mail's body in base64 or quoted-printable is encoded anew. Where source and reading do not fit
together for certain, and where the format needs the words as they are, it is `CannotRewrite`.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import email
import email.header
import email.message
import email.policy
import html
import itertools
import quopri
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal
from urllib.parse import unquote_to_bytes

from gateway.content.readers import mail, markup
from gateway.content.reading import Budget, FileLimits, Stop
from gateway.content.rewriting import CannotRewrite, Change, Wish
from gateway.content.types import text_encoding
from gateway.encodings import enclosed, json_text, splice

type Inner = Callable[[bytes, Sequence[Wish]], bytes]
"""Rewrites a file within the file."""

_UNKNOWN = "a part of the document cannot be changed"
_FIXED = "a name or number that the document depends on cannot be changed"
_INSIDE = "a file inside it cannot be changed"
_SIGNED = "a signed document cannot be changed"


@dataclass(frozen=True, slots=True)
class _Splice:
    """`start:end` of the source becomes `new`. `whole`: it is a layer that was encoded anew."""

    start: int
    end: int
    new: str = field(repr=False)
    whole: bool = False


def rewritten(data: bytes, kind: str, wishes: Sequence[Wish], inner: Inner) -> bytes:
    """The text file `data` of type `kind` with all `wishes` met."""
    source, mark, codec = _source(data)
    own: list[Change] = []
    rest: list[Wish] = []
    for wish in wishes:
        if isinstance(wish, Change) and not wish.file:
            own.append(wish)
        else:
            rest.append(wish)
    splices = [_Splice(one.start, one.end, one.new) for one in own]
    if kind == "text/html":
        # Of two readings of the same words the one that knows where they stand goes first.
        splices = [replace(one, new=html.escape(one.new)) for one in splices]
        splices = [*_in_page(source, rest, inner), *splices]
    elif kind == "message/rfc822":
        splices = list(_in_mail(_Mail(source, codec), rest, splices, inner))
    elif kind == "application/x-ipynb+json":
        splices = [*_in_json(source, splices), *_in_notebook(source, rest)]
    else:
        splices = [*_in_json(source, splices), *_in_plain(source, rest, inner)]
    return mark + _spliced(source, splices).encode(codec, "replace")


def plain(data: bytes, changes: Sequence[Change]) -> bytes:
    """A file that is only text, with `changes`. Parses nothing but JSON, as bodies are parsed."""
    return rewritten(data, "text/plain", changes, _refuse)


def _refuse(_data: bytes, _wishes: Sequence[Wish]) -> bytes:
    raise CannotRewrite(_INSIDE)


def _source(data: bytes) -> tuple[str, bytes, str]:
    """The text, its byte order mark, and the codec of what follows that."""
    encoding = text_encoding(data)
    little = data[:1] == b"\xff"
    match encoding:
        case "utf-8":
            size, codec = 0, "utf-8"
        case "utf-8-sig":
            size, codec = 3, "utf-8"
        case "utf-16":
            size, codec = 2, "utf-16-le" if little else "utf-16-be"
        case "utf-32":
            size, codec = 4, "utf-32-le" if little else "utf-32-be"
        case None:
            raise CannotRewrite(_UNKNOWN)
        case _:
            size, codec = 0, encoding
    return data[size:].decode(codec), data[:size], codec


def _spliced(source: str, splices: Iterable[_Splice]) -> str:
    """Words that are to go in two readings go once; what lies in a layer made anew goes with it."""
    out: list[str] = []
    at = 0
    for one in _apart(splices):
        if not 0 <= one.start <= one.end <= len(source):
            raise CannotRewrite(_UNKNOWN)
        out += source[at : one.start], one.new
        at = one.end
    return "".join((*out, source[at:]))


def _apart(splices: Iterable[_Splice]) -> Iterator[_Splice]:
    last: _Splice | None = None
    for one in sorted(splices, key=lambda each: (each.start, -each.end, not each.whole)):
        if last is None or (
            one.start >= last.end and (one.start, one.end) != (last.start, last.end)
        ):
            if last is not None:
                yield last
            last = one
        elif one.end > last.end:
            if last.whole or one.whole:
                raise CannotRewrite(_UNKNOWN)
            last = replace(last, end=one.end)
    if last is not None:
        yield last


# --- words of a reading, and where they stand in the source ---------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text of a reading that stands at `start:end` of the source; nowhere when `start` is -1.

    In the source it is escaped as HTML or JSON; one escape of HTML is a piece of its own.
    """

    text: str = field(repr=False)
    start: int = -1
    end: int = -1
    escaped: Literal["", "html", "json"] = ""


def _found(source: str, pieces: Sequence[_Piece], changes: Sequence[Change]) -> Iterator[_Splice]:
    """The splices of the source for `changes` of what the `pieces` read together."""
    at = 0
    changes = _joined(changes)
    rest = [change.new for change in changes]
    placed = [False] * len(changes)
    first = 0
    for piece in pieces:
        stop = at + len(piece.text)
        while first < len(changes) and changes[first].end <= at:
            first += 1
        local: list[tuple[int, int, str]] = []
        for number in range(first, len(changes)):
            change = changes[number]
            if change.start >= stop:
                break
            if piece.start >= 0:
                local.append((max(change.start, at) - at, min(change.end, stop) - at, rest[number]))
                rest[number] = ""
                placed[number] = True
        if local:
            yield from _in_piece(source, piece, local)
        at = stop
    if not all(placed):
        raise CannotRewrite(_UNKNOWN)


def _alike(source: str, text: str) -> bool:
    """Is it the same, but for what is read as a space?"""
    return source.translate(markup.SPACES) == text


def _in_piece(
    source: str, piece: _Piece, local: Sequence[tuple[int, int, str]]
) -> Iterator[_Splice]:
    raw = source[piece.start : piece.end]
    if piece.escaped == "json":
        codec = splice.CODECS["json-string"]
        for start, end, new in codec.splice(raw, list(local), ""):
            yield _Splice(piece.start + start, piece.start + end, str(new))
    elif _alike(raw, piece.text):
        for start, end, new in local:
            shown = html.escape(new) if piece.escaped else new
            yield _Splice(piece.start + start, piece.start + end, shown)
    else:
        text, at = "", 0
        for start, end, new in local:
            text += piece.text[at:start] + new
            at = end
        yield _Splice(piece.start, piece.end, html.escape(text + piece.text[at:]))


_CHARREF = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
"""What `html.unescape` looks at, one by one."""


def _unescaped(source: str, start: int, end: int, text: str) -> list[_Piece]:
    """The pieces of `start:end`, which reads as `text`."""
    pieces = []
    at = start
    for found in _CHARREF.finditer(source, start, end):
        if found.start() > at:
            pieces.append(_Piece(source[at : found.start()], at, found.start(), "html"))
        pieces.append(_Piece(html.unescape(found[0]), found.start(), found.end(), "html"))
        at = found.end()
    if at < end:
        pieces.append(_Piece(source[at:end], at, end, "html"))
    if not _alike("".join(piece.text for piece in pieces), text):
        # Nothing that a change could be made in.
        return [_Piece(text)]
    ends = itertools.accumulate(len(piece.text) for piece in pieces)
    return [
        replace(piece, text=text[last - len(piece.text) : last])
        for piece, last in zip(pieces, ends, strict=True)
    ]


def _joined(changes: Iterable[Change]) -> list[Change]:
    """In order; those that overlap become one."""
    out: list[Change] = []
    for one in sorted(changes, key=lambda each: (each.start, each.end)):
        if out and one.start < out[-1].end:
            out[-1] = replace(out[-1], end=max(out[-1].end, one.end))
        else:
            out.append(one)
    return out


# --- HTML -----------------------------------------------------------------------------------------


class _Placed(markup.Page):
    """A page that remembers where in the source each of its texts stands."""

    def __init__(self, source: str) -> None:
        super().__init__(Budget(FileLimits(), len(source)))
        self._source = source
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))]
        self.pieces: list[_Piece] = []
        self.places: dict[int, tuple[int, int]] = {}
        self._open: tuple[str, int] | None = None
        self._tag = -1

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _until(self) -> None:
        """What was said last ends where the next thing begins."""
        self._close(self._at())

    def _close(self, end: int) -> None:
        if self._open is None:
            return
        text, start = self._open
        self._open = None
        if _alike(self._source[start : start + len(text)], text):
            self.pieces.append(_Piece(text, start, start + len(text), "html"))
        else:
            self.pieces += _unescaped(self._source, start, end, text)

    def say(self, text: str) -> None:
        super().say(text)
        self._until()
        self._open = text, self._at()

    def divide(self, mark: str) -> None:
        super().divide(mark)
        self.pieces.append(_Piece(mark))

    def hide(self, text: str) -> None:
        self.places[len(self.hidden)] = self._tag, self._tag
        super().hide(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._until()
        self._tag = self._at()
        for_end = self._tag + len(self.get_starttag_text() or "")
        before = len(self.hidden)
        super().handle_starttag(tag, attrs)
        for number in range(before, len(self.hidden)):
            self.places[number] = self._tag, for_end
        self._tag = -1

    def handle_endtag(self, tag: str) -> None:
        self._until()
        super().handle_endtag(tag)

    def handle_comment(self, data: str) -> None:
        self._until()
        super().handle_comment(data)

    def handle_decl(self, decl: str) -> None:
        self._until()
        super().handle_decl(decl)

    def handle_pi(self, data: str) -> None:
        self._until()
        super().handle_pi(data)

    def unknown_decl(self, data: str) -> None:
        self._until()
        super().unknown_decl(data)

    def close(self) -> None:
        super().close()
        self._close(len(self._source))


_IN_PLAIN = re.compile(r"enclosed\[(\d{1,9})\](?:\.|\Z)")


def _in_plain(source: str, wishes: Sequence[Wish], inner: Inner) -> Iterator[_Splice]:
    """Files among the words of a text, encoded anew as they were."""
    files: defaultdict[int, list[Wish]] = defaultdict(list)
    for wish in wishes:
        found = _IN_PLAIN.match(wish.file)
        if found is None:
            raise CannotRewrite(_INSIDE)
        files[int(found[1])].append(replace(wish, file=wish.file[found.end() :]))
    places = list(enclosed.files_in(source)) if files else []
    for number, some in files.items():
        if number >= len(places):
            raise CannotRewrite(_INSIDE)
        start, end, name = places[number]
        codec, raw = splice.CODECS[name], source[start:end]
        content = codec.decode(raw, "")
        if not isinstance(content, bytes):
            raise CannotRewrite(_INSIDE)
        ((_, _, new),) = codec.splice(raw, [(0, len(content), inner(content, some))], "")
        yield _Splice(start, end, str(new), whole=True)


_ATTRIBUTE = re.compile(r"=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_IN_PAGE = re.compile(r"(body|hidden|address)(?:\[(\d{1,9})\])?(?:\.|\Z)")


def _in_page(source: str, wishes: Sequence[Wish], inner: Inner) -> Iterator[_Splice]:
    if not wishes:
        return
    page = _Placed(source)
    try:
        markup.feed(page, source)
    except Stop:
        raise CannotRewrite(_UNKNOWN) from None
    joined = "".join(piece.text for piece in page.pieces)
    shown: list[Change] = []
    files: defaultdict[int, list[Wish]] = defaultdict(list)
    for wish in wishes:
        found = _IN_PAGE.match(wish.file)
        if found is None:
            raise CannotRewrite(_INSIDE)
        if found[1] == "address":
            files[int(found[2])].append(replace(wish, file=wish.file[found.end() :]))
        elif not isinstance(wish, Change):
            raise CannotRewrite(_INSIDE)
        elif found[1] == "body":
            shown.append(wish)
        else:
            yield from _in_tag(source, page, int(found[2]), wish)
    back = _Back(joined, markup.SPACE, "\n")
    yield from _found(
        source,
        page.pieces,
        [replace(one, start=back.at(one.start), end=back.at(one.end - 1) + 1) for one in shown],
    )
    for number, match in enumerate(markup.DATA.finditer(source)):
        if number in files:
            yield _in_address(match, files.pop(number), inner)
    if files:
        raise CannotRewrite(_INSIDE)


class _Back:
    """From offsets in a text in which `pattern` became `new`, back to those before."""

    def __init__(self, text: str, pattern: re.Pattern[str], new: str) -> None:
        self._after, self._before = [0], [0]
        size = at = 0
        for match in pattern.finditer(text):
            size += match.start() - at
            self._after += size, size + len(new)
            self._before += match.start(), match.end()
            size += len(new)
            at = match.end()

    def at(self, offset: int) -> int:
        index = bisect.bisect_right(self._after, offset) - 1
        return self._before[index] + offset - self._after[index]


def _in_tag(source: str, page: _Placed, number: int, wish: Change) -> Iterator[_Splice]:
    """Every attribute of the tag that has this value."""
    start, end = page.places.get(number, (-1, -1))
    value = page.hidden[number] if number < len(page.hidden) else None
    changed = False
    for found in _ATTRIBUTE.finditer(source, max(start, 0), max(end, 0)):
        which = next(group for group in (1, 2, 3) if found[group] is not None)
        if value is not None and html.unescape(found[which]) == value:
            pieces = _unescaped(source, found.start(which), found.end(which), value)
            yield from _found(source, pieces, [wish])
            changed = True
    if not changed:
        raise CannotRewrite(_UNKNOWN)


def _in_address(match: re.Match[str], wishes: Sequence[Wish], inner: Inner) -> _Splice:
    raw = unquote_to_bytes(match[3])
    if "base64" not in match[2].lower():
        raise CannotRewrite(_INSIDE)
    try:
        content = base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        raise CannotRewrite(_UNKNOWN) from None
    new = base64.b64encode(inner(content, wishes)).decode()
    return _Splice(match.start(3), match.end(3), new, whole=True)


# --- mail -----------------------------------------------------------------------------------------

_HEADER = re.compile(r"[!-9;-~]+(?=:)")
_PART = re.compile(r"part\[(\d{1,9})\](?:\.(header)\Z|\.|\Z)")
_STRUCTURE = re.compile(r"content-|mime-version|dkim-|arc-", re.ASCII)
_ADDRESSES = frozenset({"from", "to", "cc", "bcc", "sender", "reply-to", "return-path"})


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A part of a mail: spans of its headers' values by name, and of its body."""

    message: email.message.Message = field(repr=False)
    headers: tuple[tuple[str, int, int], ...]
    start: int
    end: int
    leaf: bool


@dataclass(frozen=True, slots=True)
class _Mail:
    """The source of a mail, or of several in one file, and the codec that makes bytes of it."""

    source: str = field(repr=False)
    codec: str

    def bytes(self, start: int, end: int) -> bytes:
        """The bytes of a span."""
        return self.source[start:end].encode(self.codec)


def _in_mail(
    mail_file: _Mail, wishes: Sequence[Wish], raw: Sequence[_Splice], inner: Inner
) -> Iterator[_Splice]:
    source = mail_file.source
    parts: list[_Leaf] = []
    for start, end in mail.messages(source):
        message = email.message_from_bytes(
            mail_file.bytes(start, end), policy=email.policy.compat32
        )
        _divide(mail_file, (start, end), message, parts)
    by_part: defaultdict[tuple[int, bool], list[Wish]] = defaultdict(list)
    for wish in wishes:
        found = _PART.match(wish.file)
        if found is None or int(found[1]) >= len(parts):
            raise CannotRewrite(_INSIDE)
        by_part[int(found[1]), bool(found[2])].append(replace(wish, file=wish.file[found.end() :]))
    if any(
        part.message.get_content_type() in {"multipart/signed", "application/pkcs7-mime"}
        for part in parts
    ):
        raise CannotRewrite(_SIGNED)
    made: list[_Splice] = []
    for (number, in_header), some in by_part.items():
        part = parts[number]
        if in_header:
            changes = [one for one in some if isinstance(one, Change)]
            made += _in_headers(source, part, changes)
        elif part.leaf:
            made.append(_in_body(mail_file, part, some, inner))
        else:
            raise CannotRewrite(_INSIDE)
    for one in raw:
        for part in parts:
            coded = part.leaf and _coding(part.message) == "base64"
            if coded and part.start < one.end and one.start < part.end:
                held = any(m.start <= one.start and one.end <= m.end for m in made if m.whole)
                if not held:
                    raise CannotRewrite(_UNKNOWN)
            for name, start, end in part.headers:
                if _STRUCTURE.match(name) and start < one.end and one.start < end:
                    raise CannotRewrite(_FIXED)
    yield from made
    yield from raw


def _divide(
    mail_file: _Mail, span: tuple[int, int], message: email.message.Message, parts: list[_Leaf]
) -> None:
    """The parts in the order of the reader. The library and we must see the same, or it is refused."""
    source = mail_file.source
    start, end = span
    at = start
    values: list[tuple[str, int, int]] = []
    while at < end:
        stop = source.find("\n", at, end) + 1 or end
        line = source[at:stop]
        name = _HEADER.match(line)
        if not line.strip("\r\n"):
            at = stop
            break
        if line[0] in " \t" and values:
            values[-1] = values[-1][0], values[-1][1], stop
        elif name is not None:
            values.append((name[0].lower(), at + name.end() + 1, stop))
        elif at == start and line.startswith("From "):
            pass
        else:
            break
        at = stop
    headers = []
    for (field_name, first, last), (known, value) in _same_length(
        values, list(message.raw_items())
    ):
        raw = source[first:last].rstrip("\r\n")
        bare = raw.lstrip(" \t\r\n")
        if known.lower() != field_name or _raw(value) != bare.encode(mail_file.codec):
            raise CannotRewrite(_UNKNOWN)
        headers.append((field_name, first + len(raw) - len(bare), first + len(raw)))
    inside = message.get_payload()
    leaf = not message.is_multipart()
    parts.append(_Leaf(message, tuple(headers), at, end, leaf))
    if leaf:
        inside = inside if _coding(message) in _CODED else message.get_payload(decode=True)
        if _raw(inside) != mail_file.bytes(at, end):
            raise CannotRewrite(_UNKNOWN)
        return
    boundary = message.get_boundary()
    if message.get_content_maintype() != "multipart":
        spans = [(at, end)]
    elif boundary:
        spans = list(_between(source, at, end, boundary))
    else:
        raise CannotRewrite(_UNKNOWN)
    for inner_span, below in _same_length(spans, list(inside)):
        if not isinstance(below, email.message.Message):
            raise CannotRewrite(_UNKNOWN)
        _divide(mail_file, inner_span, below, parts)


def _same_length[A, B](ours: Sequence[A], theirs: Sequence[B]) -> Iterator[tuple[A, B]]:
    if len(ours) != len(theirs):
        raise CannotRewrite(_UNKNOWN)
    return zip(ours, theirs, strict=True)


def _between(source: str, start: int, end: int, boundary: str) -> Iterator[tuple[int, int]]:
    """Spans of the parts that the delimiter divides (RFC 2046, 5.1.1)."""
    line = re.compile(rf"^--{re.escape(boundary)}(--)?[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
    lines = []
    for found in line.finditer(source, start, end):
        lines.append(found)
        if found[1]:
            break
    for one, other in pairwise(lines):
        last = other.start()
        if source.endswith("\r\n", one.end(), last):
            last -= 2
        elif source.endswith("\n", one.end(), last):
            last -= 1
        yield one.end(), max(last, one.end())


_CODED = frozenset({"base64", "quoted-printable", "x-uuencode", "uuencode", "uue", "x-uue"})


def _raw(value: object) -> bytes:
    """The bytes of what the library gave; they were not ASCII where they are surrogates."""
    if isinstance(value, bytes):
        return value
    try:
        return str(value).encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        pass
    raise CannotRewrite(_UNKNOWN)


def _coding(message: email.message.Message) -> str:
    return str(message.get("content-transfer-encoding", "")).strip().lower()


def _in_headers(source: str, part: _Leaf, changes: Sequence[Change]) -> Iterator[_Splice]:
    at = 0
    left = _joined(changes)
    for name, start, end in part.headers:
        raw = source[start:end]
        words = mail.words(raw)
        stop = at + len(words)
        here = [one for one in left if one.start < stop and at < one.end]
        if here:
            if _STRUCTURE.match(name):
                raise CannotRewrite(_FIXED)
            local = [
                replace(one, start=max(one.start, at) - at, end=min(one.end, stop) - at)
                for one in here
            ]
            left = [replace(one, new="") if one in here else one for one in left]
            if words == raw:
                yield from _found(
                    source, [_Piece(raw, start, end)], [_in_ascii(one) for one in local]
                )
            else:
                yield _Splice(start, end, _encoded(name, words, local), whole=True)
        at = stop + 1


def _in_ascii(change: Change) -> Change:
    return replace(change, new=" ".join(change.new.encode("ascii", "replace").decode().split("\n")))


def _encoded(name: str, words: str, changes: Sequence[Change]) -> str:
    """The value of a header in which words were encoded (RFC 2047)."""
    for one in reversed(changes):
        words = words[: one.start] + one.new + words[one.end :]
    words = " ".join(words.split())
    if words.isascii():
        return words
    if name in _ADDRESSES:
        raise CannotRewrite(_UNKNOWN)  # an address must not be encoded
    return email.header.Header(words, "utf-8", header_name=name).encode()


def _in_body(mail_file: _Mail, part: _Leaf, wishes: Sequence[Wish], inner: Inner) -> _Splice:
    source = mail_file.source
    message = part.message
    content = message.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise CannotRewrite(_UNKNOWN)
    charset = "utf-8"
    is_text = message.get_content_maintype() == "text"
    if is_text:
        charset = mail.charset_of(message, content)
        content = _other_charset(content, charset, "utf-8")
    new = inner(content, wishes)
    if is_text:
        new = _other_charset(new, "utf-8", charset)
    old = source[part.start : part.end]
    newline = "\r\n" if "\r\n" in source else "\n"
    match _coding(message):
        case "base64":
            text = base64.encodebytes(new).decode().replace("\n", newline)
        case "quoted-printable":
            text = quopri.encodestring(new).decode()
        case "" | "7bit" | "8bit" | "binary" if not new.startswith(b"From "):
            try:
                text = new.decode(mail_file.codec)
            except UnicodeDecodeError:
                raise CannotRewrite(_UNKNOWN) from None
        case _:
            raise CannotRewrite(_UNKNOWN)
    if not old.endswith("\n"):
        text = text.rstrip("\r\n")
    return _Splice(part.start, part.end, text, whole=True)


def _other_charset(content: bytes, old: str, new: str) -> bytes:
    try:
        return content.decode(old).encode(new, "strict" if new == "utf-8" else "replace")
    except (LookupError, UnicodeError):
        pass
    raise CannotRewrite(_UNKNOWN)


# --- JSON -----------------------------------------------------------------------------------------

_TABLE = json_text.compile_table({}, None)
_NUMBER = re.compile(r"[-+.\deE]+")


def _walked(source: str) -> list[json_text.Event[None]]:
    """Strings, keys and numbers of a text that is JSON, or JSON line by line; none of another."""
    if source.lstrip("\ufeff \t\r\n")[:1] not in {"{", "["}:
        return []
    for walk in (json_text.walk, json_text.walk_sequence):
        try:
            return walk(source, _TABLE).events
        except json_text.JsonError:
            pass
    return []


def _in_json(source: str, splices: Sequence[_Splice]) -> Iterator[_Splice]:
    """The splices as JSON needs them: escaped in a string, and a string in the place of a number."""
    events = _walked(source)
    starts = [event[2] for event in events]
    for one in splices:
        index = bisect.bisect_right(starts, one.start) - 1
        if index < 0 or one.end > events[index][3]:
            yield one
            continue
        kind, _, start, end = events[index][:4]
        new = splice.json_string(one.new)
        if kind in {json_text.EventKind.STRING, json_text.EventKind.KEY}:
            yield replace(one, new=new)
            continue
        for number in _NUMBER.finditer(source, start, end):
            if number.start() < one.end and one.start < number.end():
                yield _Splice(number.start(), number.end(), f'"{new}"')


def _in_notebook(source: str, wishes: Sequence[Wish]) -> Iterator[_Splice]:
    """Every string, or list of strings that is one text, that reads as the wish says."""
    wanted: defaultdict[str, list[Change]] = defaultdict(list)
    for wish in wishes:
        if not isinstance(wish, Change) or "." in wish.file:
            raise CannotRewrite(_INSIDE)
        wanted[wish.whole].append(wish)
    if not wanted:
        return
    met = set()
    for pieces in _texts(source):
        text = "".join(piece.text for piece in pieces)
        if text in wanted:
            met.add(text)
            yield from _found(source, pieces, wanted[text])
    if met != wanted.keys():
        raise CannotRewrite(_UNKNOWN)


def _texts(source: str) -> Iterator[list[_Piece]]:
    """Each string as one text, and strings that follow one another in a list as one text."""
    run: list[_Piece] = []
    around: object = None
    for kind, text, start, end, _, container, key in _walked(source):
        in_list = kind is json_text.EventKind.STRING and isinstance(key, int)
        if run and (not in_list or container is not around):
            if len(run) > 1:
                yield run
            run = []
        if kind is json_text.EventKind.STRING:
            piece = _Piece(text, start, end, "json")
            yield [piece]
            if in_list:
                run.append(piece)
                around = container
    if len(run) > 1:
        yield run
