"""How does a PDF look without what is to go? Its pages by `pages`, and all that stands behind them.

Law: runs in the sandbox only, and raises only `CannotRewrite`. A value that goes somewhere goes
wherever it stands as a word of its own: in pages, looks of annotations, strings, names, marked
content. What cannot be changed inside is taken out whole: attachments, scripts, looks of fields,
metadata. At the end no stream of the new file may hold a value.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pikepdf
import pypdfium2 as pdfium

from gateway.content.pdfwrite import pages
from gateway.content.pdfwrite.fonts import Unfollowed
from gateway.content.pdfwrite.pages import Done, Means, Span, Wanted
from gateway.content.readers import pdf
from gateway.content.reading import Budget, FileLimits, Stop
from gateway.content.rewriting import (
    CannotRewrite,
    Change,
    Cover,
    Erase,
    Mark,
    Replace,
    Strip,
    Wish,
)
from gateway.content.types import text_encoding

type Inner = Callable[[bytes, Sequence[Wish]], bytes]
"""How a file within the file is rewritten."""

_PLACE = re.compile(r"(page|drawing|strings|object|revision|gap)\[(\d{1,9})\](?:\.(.*))?\Z")
_PICTURE = re.compile(r"picture\[(\d{1,9})\](?:\..*)?\Z")
_COLUMN = re.compile(r"column\[(\d{1,9})\]\Z")
_SHORT = 5
"""A value with fewer letters and digits is taken out where it was found, not wherever it stands."""
_MOST_VALUES = 2_000
_CLAIMS = re.compile(
    rb"<(pdf(?:a|ua|x|vt|e)id:\w+)\b[^<>]*>[^<]*</\1\s*>|pdf(?:a|ua|x|vt|e)id:\w+\s*=\s*(?:\"[^\"]*\"|'[^']*')"
)
"""What XMP claims of standards that a changed file may not keep to."""
_SPEAKS = re.compile(rb"/(?:ActualText|Alt|E)\b")
_PARENTS = 32


def rewritten(data: bytes, wishes: Sequence[Wish], inner: Inner) -> bytes:
    """The PDF `data` with all `wishes` met. Raises `CannotRewrite`."""
    try:
        with (
            pikepdf.Pdf.open(io.BytesIO(data), suppress_warnings=True) as document,
            pdfium.PdfDocument(data) as seen,
        ):
            return _Writing(document, seen, wishes, inner).done()
    except CannotRewrite:
        raise
    except Stop:
        raise CannotRewrite("writing the file took too long or too much") from None
    except Exception:  # noqa: BLE001  # libraries raise what they like; their text is content
        raise CannotRewrite("the PDF is damaged") from None


class _Writing:
    def __init__(
        self,
        document: pikepdf.Pdf,
        seen: pdfium.PdfDocument,
        wishes: Sequence[Wish],
        inner: Inner,
    ) -> None:
        self._document = document
        self._seen = seen
        self._inner = inner
        self._budget = Budget(FileLimits(), 1 << 30)
        self._values = _Values(wishes)
        self._means = Means(document, self._values.without)
        self._marks = pdf.Marks()
        self._in_pages: defaultdict[int, list[Wish]] = defaultdict(list)
        self._in_drawings: defaultdict[int, list[Erase]] = defaultdict(list)
        self._in_strings: defaultdict[int, list[Erase]] = defaultdict(list)
        self._in_files: defaultdict[int, list[Wish]] = defaultdict(list)
        self._touched: set[tuple[int, int]] = set()
        """Dictionaries whose words were changed."""
        for wish in wishes:
            self._sort(wish)

    def _sort(self, wish: Wish) -> None:
        if not wish.file and isinstance(wish, Erase):
            return  # a text that is the whole file goes as the file is written anew
        if isinstance(wish, Mark):
            raise CannotRewrite("pictures of this format cannot be marked; send a PNG or JPEG")
        place = _PLACE.match(wish.file)
        if place is None:
            raise CannotRewrite("a part of the document cannot be changed")
        number = int(place[2])
        inside = replace(wish, file=place[3] or "")
        match place[1]:
            case "page":
                self._in_pages[number].append(inside)
            case "object":
                self._in_files[number].append(inside)
            case "drawing" | "strings" if isinstance(inside, Erase):
                held = self._in_drawings if place[1] == "drawing" else self._in_strings
                held[number].append(inside)
            case "revision" | "gap":
                pass  # the new file has none
            case _:
                raise CannotRewrite("a part of the document cannot be changed")

    def done(self) -> bytes:
        """The new file."""
        held = list(pdf.strings(self._document, self._marks, self._budget))
        if self._marks.signed:
            raise CannotRewrite("a signed document cannot be changed")
        root = self._document.Root
        if root.get("/NeedsRendering") and self._in_files:
            raise CannotRewrite("an XFA form cannot be changed; send it as a plain PDF")
        wanted = self._wanted()
        new_pages = self._pages(wanted)
        shown = self._drawings()
        self._files()
        self._strings(held)
        self._looks(shown)
        self._drop()
        for number, done in new_pages.items():
            if done is not None:
                page = self._document.pages[number]
                page.obj.Contents = self._document.make_stream(done.content)
                if done.resources is not None:
                    page.obj.Resources = done.resources
            else:
                self._as_picture(number, wanted[number])
        data = self._saved()
        again = self._left(data, new_pages)
        if again:
            for number in again:
                self._as_picture(number, wanted[number])
            data = self._saved()
        self._check(data)
        return data

    def _as_picture(self, number: int, wanted: Wanted) -> None:
        page = self._seen[number]
        pages.as_picture(page, self._document.pages[number], wanted, self._means)
        page.close()

    # --- pages ---

    def _wanted(self) -> dict[int, Wanted]:
        """What is to go from each page."""
        texts = []
        for number in range(len(self._seen)):
            self._budget.tick()
            page = self._seen[number]
            texts.append(pdf.page_text(page)[0])
            page.close()
        spans: defaultdict[str, list[Span]] = defaultdict(list)
        wanted: defaultdict[int, Wanted] = defaultdict(Wanted)
        for number, wishes in self._in_pages.items():
            if number >= len(texts):
                raise CannotRewrite("a part of the document cannot be changed")
            for wish in wishes:
                picture, column = _PICTURE.match(wish.file), _COLUMN.match(wish.file)
                if isinstance(wish, Erase) and not wish.file:
                    # A text that is the same on another page was said once.
                    spans[texts[number]].append(Span(wish.start, wish.end, wish.new))
                elif isinstance(wish, Erase) and column is not None:
                    spans[texts[number]] += self._in_column(number, int(column[1]), wish)
                elif isinstance(wish, Cover) and picture is not None:
                    self._picture(number, int(picture[1]), wish, texts[number], wanted[number])
                elif isinstance(wish, Strip) and picture is not None:
                    wanted[number].bare.add(int(picture[1]))
                else:
                    raise CannotRewrite("a part of the document cannot be changed")
        for number, text in enumerate(texts):
            some = [*spans.get(text, ()), *self._values.spans(text)]
            if some:
                wanted[number].spans = _apart(some)
        return wanted

    def _in_column(self, number: int, column: int, wish: Erase) -> Iterator[Span]:
        """Where a value stands that was found in a column: in each line of its cell."""
        page = self._seen[number]
        _, columns = pdf.page_columns(page)
        page.close()
        if column >= len(columns):
            raise CannotRewrite("a part of the document cannot be changed")
        new = wish.new
        for start, end in columns[column].spans(wish.start, wish.end):
            yield Span(start, end, new)
            new = ""

    def _picture(self, number: int, picture: int, wish: Cover, text: str, wanted: Wanted) -> None:
        page = self._seen[number]
        if pdf.is_looked_at(page, text):
            wanted.regions.append(pages.region_of(page, wish.box, FileLimits().pixels // 4))
        else:
            wanted.boxes[picture].append(wish.box)
        page.close()

    def _pages(self, wanted: dict[int, Wanted]) -> dict[int, Done | None]:
        """New content of pages; None for those that have to become pictures."""
        done: dict[int, Done | None] = {}
        speaking = [
            number
            for number in range(len(self._document.pages))
            if number not in wanted and self._speaks(number)
        ]
        for number in (*wanted, *speaking):
            self._budget.tick()
            page, target = self._seen[number], self._document.pages[number]
            try:
                new = pages.changed(
                    page, target, target.resources, wanted.get(number, Wanted()), self._means
                )
            except Unfollowed:
                if number in wanted:
                    done[number] = None
            else:
                if new is not None:
                    done[number] = new
            page.close()
        return done

    def _speaks(self, number: int) -> bool:
        if not self._values:
            return False
        content = self._document.pages[number].obj.get("/Contents")
        parts = list(content) if isinstance(content, pikepdf.Array) else [content]
        return any(
            isinstance(part, pikepdf.Stream) and _SPEAKS.search(part.read_bytes()) for part in parts
        )

    def _left(self, data: bytes, new_pages: dict[int, Done | None]) -> list[int]:
        """Pages on which more is read than should be left."""
        left = []
        with pdfium.PdfDocument(data) as after:
            for number, done in new_pages.items():
                if done is None:
                    continue
                page = after[number]
                text = pdf.page_text(page)[0]
                page.close()
                more = Counter(text) - Counter(done.kept) - Counter(done.added)
                if any(not letter.isspace() for letter in more):
                    left.append(number)
        return left

    # --- what annotations and patterns show ---

    def _drawings(self) -> set[int]:
        """Take it out of streams that draw by themselves; the numbers of those that were changed."""
        if not self._values and not self._in_drawings:
            return set()
        streams = pdf.drawings(self._document, self._budget)
        changed: set[int] = set()
        if not streams:
            return changed
        new: list[tuple[pikepdf.Stream, bytes, pikepdf.Object | None]] = []
        with pdfium.PdfDocument(pdf.as_pages(streams)) as drawn:
            for index, (number, stream) in enumerate(streams.items()):
                self._budget.tick()
                page = drawn[index]
                text = pdf.page_text(page)[0]
                spans = [Span(wish.start, wish.end, wish.new) for wish in self._in_drawings[number]]
                spans = _apart([*spans, *self._values.spans(text)])
                if spans:
                    changed.add(number)
                    resources = stream.get("/Resources")
                    try:
                        done = pages.changed(page, stream, resources, Wanted(spans), self._means)
                    except Unfollowed:
                        done = None
                    new.append(
                        (stream, done.content, done.resources) if done else (stream, b"", None)
                    )
                page.close()
        for stream, content, resources in new:
            stream.write(content)
            if resources is not None:
                stream.Resources = resources
        return changed

    def _looks(self, shown: set[int]) -> None:
        """Drop looks of annotations whose words were changed, where these were not found in them."""
        for page in self._document.pages:
            annotations = page.obj.get("/Annots")
            for annotation in annotations if isinstance(annotations, pikepdf.Array) else ():
                if not isinstance(annotation, pikepdf.Dictionary) or "/AP" not in annotation:
                    continue
                if not any(one.objgen in self._touched for one in _lineage(annotation)):
                    continue
                if not shown & {stream.objgen[0] for stream in _streams(annotation.AP)}:
                    del annotation["/AP"]
                    form = self._document.Root.get("/AcroForm")
                    if annotation.get("/Subtype") == "/Widget" and form is not None:
                        form.NeedAppearances = True

    # --- strings, names, files ---

    def _strings(self, held: list[list[pdf.Held]]) -> None:
        renamed: dict[str, str] = {}
        alone: dict[int, str] = {}
        for number, piece in enumerate(held):
            at = 0
            for one in piece:
                spans = [
                    Span(max(0, wish.start - at), min(len(one.text), wish.end - at), wish.new)
                    for wish in self._in_strings.get(number, ())
                    if wish.start < at + len(one.text) and at < wish.end
                ]
                at += len(one.text) + 1
                spans = _apart([*spans, *self._values.spans(one.text)])
                if not spans:
                    continue
                if one.is_name:
                    renamed[f"/{one.text}"] = f"/Removed{len(renamed)}"
                elif one.holder is None:
                    alone[int(one.key)] = _cut(one.text, spans)
                else:
                    self._put(one.holder, one.key, _cut(one.text, spans))
        if any(number >= len(held) for number in self._in_strings):
            raise CannotRewrite("a part of the document cannot be changed")
        if renamed or alone:
            self._refer(renamed, alone)

    def _put(self, holder: pikepdf.Object, key: str | int, text: str) -> None:
        holder[key] = pikepdf.String(text)
        self._touched.add(holder.objgen)

    def _refer(self, renamed: dict[str, str], alone: dict[int, str]) -> None:
        """Give names new ones, and strings that are objects of their own, to all that refer to them."""
        for item in (self._document.trailer, *self._document.objects):
            stack = [item]
            while stack:
                self._budget.tick()
                value = stack.pop()
                if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
                    places: list[tuple[str | int, object]] = list(value.items())
                elif isinstance(value, pikepdf.Array):
                    places = list(enumerate(value))
                else:
                    continue
                for key, inner in places:
                    if isinstance(inner, pikepdf.Name):
                        name = pdf.name_of(inner)
                        if name in renamed:
                            value[key] = pikepdf.Name(renamed[name])
                    elif isinstance(inner, pikepdf.String) and inner.objgen[0] in alone:
                        self._put(value, key, alone[inner.objgen[0]])
                    elif isinstance(inner, pikepdf.Object) and not inner.is_indirect:
                        stack.append(inner)
                    if isinstance(key, str) and key in renamed:
                        value[renamed[key]] = value[key]
                        del value[key]

    def _files(self) -> None:
        """Attachments, scripts and metadata."""
        for item in list(self._document.objects):
            if not isinstance(item, pikepdf.Stream) or not pdf.is_file(item, self._marks):
                continue
            wishes = self._in_files.pop(item.objgen[0], [])
            try:
                content = pdf.decoded(item, self._budget)
            except Exception:  # noqa: BLE001  # the reader has said that it could not read it
                if wishes:
                    raise CannotRewrite("a part of the document cannot be changed") from None
                continue
            new = self._file(content, wishes)
            if pdf.is_metadata(item):
                new = _CLAIMS.sub(b"", new)
            if new != content:
                _store(item, new)
        if self._in_files:
            raise CannotRewrite("a part of the document cannot be changed")

    def _file(self, content: bytes, wishes: list[Wish]) -> bytes:
        """`content` with `wishes` met; empty where that cannot be done."""
        encoding = text_encoding(content)
        own = [wish for wish in wishes if isinstance(wish, Erase | Change) and not wish.file]
        if encoding is not None and len(own) == len(wishes):
            text = content.decode(encoding)
            spans = [Span(wish.start, wish.end, wish.new) for wish in own]
            spans = _apart([*spans, *self._values.spans(text)])
            return _cut(text, spans).encode(encoding) if spans else content
        if not wishes:
            return content
        try:
            return self._inner(content, wishes)
        except CannotRewrite:
            return b""

    # --- the whole ---

    def _drop(self) -> None:
        """What is a copy of something else, or was emptied."""
        root = self._document.Root
        for page in self._document.pages:
            for key in ("/Thumb", "/PieceInfo"):
                if key in page.obj:
                    del page.obj[key]
        for item in self._document.objects:
            if isinstance(item, pikepdf.Stream | pikepdf.Dictionary):
                if "/PieceInfo" in item:
                    del item["/PieceInfo"]
                told = item.get("/Metadata")
                if told is not None and _is_empty(told):
                    del item["/Metadata"]
        if "/XFA" in root.get("/AcroForm", {}) and self._values:
            # It says again what the fields say, and fields were looked at one by one.
            del root.AcroForm["/XFA"]

    def _saved(self) -> bytes:
        out = io.BytesIO()
        self._document.save(
            out,
            fix_metadata_version=False,
            compress_streams=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            deterministic_id=True,
        )
        return out.getvalue()

    def _check(self, data: bytes) -> None:
        """No stream that can be decoded holds a value."""
        pattern = self._values.in_bytes()
        if pattern is None:
            return
        with pikepdf.Pdf.open(io.BytesIO(data), suppress_warnings=True) as new:
            for item in new.objects:
                if not isinstance(item, pikepdf.Stream) or item.get("/Subtype") == "/Image":
                    continue
                self._budget.tick()
                try:
                    content = pdf.decoded(item, self._budget)
                except Exception:  # noqa: BLE001  # what cannot be decoded was not read either
                    content = b""
                if pattern.search(content):
                    raise CannotRewrite("a part of the document cannot be changed")


class _Values:
    """Values that go wherever they stand as words of their own, and what is said instead."""

    def __init__(self, wishes: Sequence[Wish]) -> None:
        new: dict[str, str] = {}
        for wish in wishes:
            match wish:
                case Erase():
                    value = wish.value
                case Change():
                    value = wish.whole[wish.start : wish.end]
                case Replace():
                    value = wish.line[wish.start : wish.end]
                case _:
                    continue
            value = " ".join(value.split())
            if sum(letter.isalnum() for letter in value) >= _SHORT:
                new.setdefault(value, wish.new)
        if len(new) > _MOST_VALUES:
            new = dict(list(new.items())[:_MOST_VALUES])
        self._new = new
        parts = (
            r"\s+".join(re.escape(part) for part in value.split())
            for value in sorted(new, key=len, reverse=True)
        )
        whole = "|".join(parts)
        self._pattern = re.compile(rf"(?<!\w)(?:{whole})(?!\w)") if whole else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def spans(self, text: str) -> list[Span]:
        """Where they stand in `text`."""
        if self._pattern is None:
            return []
        return [
            Span(found.start(), found.end(), self._new.get(" ".join(found[0].split()), ""))
            for found in self._pattern.finditer(text)
        ]

    def without(self, text: str) -> str:
        """`text` with something else in their place."""
        return _cut(text, self.spans(text))

    def in_bytes(self) -> re.Pattern[bytes] | None:
        """How they look as they stand in a file: in one byte for a letter, or in two."""
        forms: list[bytes] = []
        for value in self._new:
            forms += {value.encode("utf-8", "replace"), value.encode("utf-16-be", "replace")}
        if not forms:
            return None
        whole = b"|".join(re.escape(form) for form in forms)
        return re.compile(b"(?<![0-9A-Za-z])(?:" + whole + b")(?![0-9A-Za-z])")


def _apart(spans: Sequence[Span]) -> list[Span]:
    """The same spans in order, those that overlap made one."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if out and span.start < out[-1].end:
            out[-1] = replace(out[-1], end=max(out[-1].end, span.end))
        else:
            out.append(span)
    return out


def _cut(text: str, spans: Sequence[Span]) -> str:
    out, at = [], 0
    for span in spans:
        out += [text[at : span.start], span.new]
        at = span.end
    return "".join([*out, text[at:]])


def _is_empty(metadata: pikepdf.Object) -> bool:
    """Was its content taken out whole?"""
    return isinstance(metadata, pikepdf.Stream) and not metadata.read_raw_bytes()


def _lineage(annotation: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """The annotation and the fields that it belongs to."""
    current: pikepdf.Object | None = annotation
    for _ in range(_PARENTS):
        if not isinstance(current, pikepdf.Dictionary):
            return
        yield current
        current = current.get("/Parent")


def _streams(looks: pikepdf.Object) -> Iterator[pikepdf.Stream]:
    """Streams of an appearance dictionary, those of its states included."""
    if isinstance(looks, pikepdf.Stream):
        yield looks
    elif isinstance(looks, pikepdf.Dictionary):
        for value in looks.values():
            if isinstance(value, pikepdf.Stream):
                yield value
            elif isinstance(value, pikepdf.Dictionary):
                yield from (one for one in value.values() if isinstance(one, pikepdf.Stream))


def _store(stream: pikepdf.Stream, content: bytes) -> None:
    """Put `content` into the stream, and what is said of it in step."""
    stream.write(content)
    told = stream.get("/Params")
    if isinstance(told, pikepdf.Dictionary):
        told.Size = len(content)
        if "/CheckSum" in told:
            del told["/CheckSum"]
