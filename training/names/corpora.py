"""What text with known names is there to learn from? Law: a document says which kinds of names its
annotators did not mark, so that nothing is learned from their silence.

Readers for the openly licensed sets that `README.md` lists, each as published. All of them end in
`Document`s: plain text with spans, as it would stand in a prompt.
"""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = ("PER", "LOC", "ORG", "MISC")
"""What is told apart. MISC (works, products, events, groups) is learned so that it is not mistaken
for an organisation; it is never reported."""


@dataclass(frozen=True, slots=True)
class Document:
    """Text and its names: (start, end, kind) in code points, ascending, apart.

    `silent` are kinds that the annotators did not mark.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]
    silent: frozenset[str] = frozenset()
    source: str = ""


type Sentence = tuple[list[str], list[str]]
"""Tokens, and for each its tag: `O`, `B-kind` or `I-kind`."""

_MISC = frozenset({"MISC"})

_CROSSNER = {
    **dict.fromkeys(
        ("person", "politician", "writer", "musicalartist", "scientist", "researcher"), "PER"
    ),
    **dict.fromkeys(("location", "country"), "LOC"),
    **dict.fromkeys(("organisation", "politicalparty", "band", "university"), "ORG"),
}
_WNUT = {"person": "PER", "location": "LOC", "corporation": "ORG", "group": "ORG"}
_TITLE = re.compile(
    r"(?:the|a|mr|mrs|miss|ms|dr|sir|lady|lord|madame|madam|mademoiselle|monsieur|captain|colonel"
    r"|major|general|lieutenant|sergeant|professor|prof|reverend|rev|uncle|aunt|aunty|old|poor"
    r"|young|little|dear|my|st|king|queen|prince|princess|count|countess|duke|duchess|judge)\b\.?\s*",
    re.IGNORECASE,
)


def train(data: Path) -> Iterator[Document]:
    """Everything to learn from."""
    ner = data / "ner"
    gold = list(_conll(ner / "wikigold/wikigold.conll.txt", separator=" "))
    yield from _documents(gold[: len(gold) * 4 // 5], "wikigold")
    for part in ("train", "dev"):
        yield from _documents(_conll(ner / f"wnut17/{part}.conll"), "wnut17", kinds=_WNUT, size=1)
    for part in "abegh":
        yield from _documents(_tweets(ner / f"btc/{part}.conll"), "btc", silent=_MISC, size=1)
    for part in ("dev", "pud"):
        yield from _uner(ner / f"uner_ewt/{part}.iob2")
    for domain in ("ai", "literature", "music", "politics", "science"):
        for part in ("train", "dev"):
            path = ner / f"crossner/{domain}-{part}.txt"
            yield from _documents(_conll(path), "crossner", kinds=_CROSSNER, size=2)
    yield from _litbank(ner / "litbank")
    for name in ("FIN3", "FIN5"):
        yield from _documents(_filings(ner / f"sec/{name}.txt"), "sec", size=3)


def held_out(data: Path) -> dict[str, list[Document]]:
    """What is never learned from, by set."""
    ner = data / "ner"
    gold = list(_conll(ner / "wikigold/wikigold.conll.txt", separator=" "))
    crossner = [
        document
        for domain in ("ai", "literature", "music", "politics", "science")
        for document in _documents(
            _conll(ner / f"crossner/{domain}-test.txt"), "crossner", kinds=_CROSSNER, size=1
        )
    ]
    return {
        "crossner": crossner,
        "ewt": list(_uner(ner / "uner_ewt/test.iob2", size=1)),
        "btc-f": list(_documents(_tweets(ner / "btc/f.conll"), "btc", silent=_MISC, size=1)),
        "wikigold": list(_documents(gold[len(gold) * 4 // 5 :], "wikigold", size=1)),
        "wnut17": list(
            _documents(_conll(ner / "wnut17/test.conll"), "wnut17", kinds=_WNUT, size=1)
        ),
    }


_SOMEBODY = re.compile(
    r"(?i)\b(?:author|copyright|contributed|thanks|written by|maintain|license|van|inc|corp|foundation"
    r"|university)\b|@|[A-Z][a-z]+ [A-Z]\. |\b(?:Guido|Tim|Fred|Barry|Raymond|Antoine|Victor|Ka-Ping"
    r"|Eric|Ezio|Alice|Bob|John|Jane|Smith|Jack|Mary|Paul|Peter|George|Larry|Brian|Eddy|Monty"
    r"|Python Software|Unix|IBM|Microsoft|Apple|Google|Sun|Europe|America|London|Paris|New York"
    r"|Amsterdam|Berlin|Tokyo|Utah|US|UTC)\b"
)


def sources(*, least: int = 400, most: int = 6_000) -> Iterator[Document]:
    """Code without names: pieces of the modules of the Python that runs this, as they stand.

    Pieces in which somebody or something could be named are left out.
    """
    pieces: list[str] = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        text = path.read_text("utf-8", errors="replace")
        start = 0
        while start < len(text):
            end = text.find("\n\n", start + least)
            end = len(text) if end < 0 else end
            piece = text[start:end].strip("\n")
            if piece and len(piece) < 4 * least and not _SOMEBODY.search(piece):
                pieces.append(piece)
            start = end + 2
    for piece in pieces[:: max(1, len(pieces) // most)]:
        yield Document(piece, (), frozenset(), "code")


# --- tokens to text -------------------------------------------------------------------------------

_NO_SPACE_BEFORE = re.compile(
    r"(?:[,.;:!?%)\]}]+|'(?:s|re|ve|ll|m|d|t)?|n't|’s|'')$", re.IGNORECASE
)
_NO_SPACE_AFTER = frozenset("([{$#`@")


def _joined(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The tokens as people write them, and where each stands."""
    out: list[str] = []
    places: list[tuple[int, int]] = []
    at, glued, quoted = 0, True, False
    for token in tokens:
        plain = {"``": '"', "''": '"', "-LRB-": "(", "-RRB-": ")"}.get(token, token)
        closing = plain == '"' and quoted
        if not glued and not closing and not _NO_SPACE_BEFORE.match(plain):
            out.append(" ")
            at += 1
        if plain == '"':
            quoted = not quoted
        glued = plain in _NO_SPACE_AFTER or (plain == '"' and not closing)
        out.append(plain)
        places.append((at, at + len(plain)))
        at += len(plain)
    return "".join(out), places


def spans_of(tags: Sequence[str], kinds: dict[str, str] | None) -> list[tuple[int, int, str]]:
    """Spans of tokens (first, end, kind) from tags in IOB1 or IOB2."""
    spans: list[tuple[int, int, str]] = []
    before = "O"
    for position, tag in enumerate([*tags, "O"]):
        if before != "O" and (tag == "O" or tag[0] == "B" or tag[2:] != before):
            first, _, kind = spans[-1]
            spans[-1] = (first, position, kind)
            before = "O"
        if tag != "O" and before == "O":
            before = tag[2:]
            kind = kinds.get(before, "MISC") if kinds is not None else before
            spans.append((position, position, kind))
    return spans


def _documents(
    sentences: Iterable[Sentence],
    source: str,
    *,
    kinds: dict[str, str] | None = None,
    silent: frozenset[str] = frozenset(),
    size: int = 3,
) -> Iterator[Document]:
    """Documents of `size` sentences each."""
    texts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    at = 0
    for tokens, tags in sentences:
        text, places = _joined(tokens)
        for first, end, kind in spans_of(tags, kinds):
            known = kind if kind in KINDS else "MISC"
            spans.append((at + places[first][0], at + places[end - 1][1], known))
        texts.append(text)
        at += len(text) + 1
        if len(texts) == size:
            yield Document(" ".join(texts), tuple(spans), silent, source)
            texts, spans, at = [], [], 0
    if texts:
        yield Document(" ".join(texts), tuple(spans), silent, source)


# --- readers --------------------------------------------------------------------------------------


def _conll(path: Path, *, separator: str | None = None) -> Iterator[Sentence]:
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        columns = line.split(separator)
        if len(columns) < 2 or columns[0] == "-DOCSTART-":
            if tokens:
                yield tokens, tags
                tokens, tags = [], []
            continue
        tokens.append(columns[0])
        tags.append(columns[-1])


def _tweets(path: Path) -> Iterator[Sentence]:
    """Tweets; handles are labelled as people there, which they are not for us."""
    for tokens, tags in _conll(path):
        handles = [
            token.startswith("@") or (place > 0 and tokens[place - 1] == "@")
            for place, token in enumerate(tokens)
        ]
        yield tokens, ["O" if h else tag for h, tag in zip(handles, tags, strict=True)]


_ROLE = re.compile(
    r"(?i)borrower|lender|company|bank|executive|employee|tenant|landlord|party|agent"
)


def _filings(path: Path) -> Iterator[Sentence]:
    """Filings; roles are labelled as people there."""
    for tokens, tags in _conll(path):
        yield (
            tokens,
            [
                "O" if tag.endswith("PER") and _ROLE.search(token) else tag
                for token, tag in zip(tokens, tags, strict=True)
            ],
        )


def _uner(path: Path, *, size: int = 2) -> Iterator[Document]:
    """Universal NER: the comments hold the text as it was written."""
    texts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    at = 0
    text, tokens, tags = "", [], []
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        if line.startswith("# text = "):
            text = line[len("# text = ") :]
        elif line.startswith("#"):
            continue
        elif line:
            columns = line.split("\t")
            tokens.append(columns[1])
            tags.append(columns[2])
        elif tokens:
            places, reached = [], 0
            for token in tokens:
                found = text.find(token, reached)
                if found < 0:
                    break
                places.append((found, found + len(token)))
                reached = found + len(token)
            if len(places) < len(tokens):
                text, places = _joined(tokens)
            for first, end, kind in spans_of(tags, None):
                if kind in KINDS:
                    spans.append((at + places[first][0], at + places[end - 1][1], kind))
            texts.append(text)
            at += len(text) + 1
            tokens, tags = [], []
            if len(texts) == size:
                yield Document(" ".join(texts), tuple(spans), _MISC, "uner")
                texts, spans, at = [], [], 0
    if texts:
        yield Document(" ".join(texts), tuple(spans), _MISC, "uner")


def _litbank(folder: Path) -> Iterator[Document]:
    """Novels: proper names only, without titles; common nouns are marked there too."""
    kinds = {"PER": "PER", "LOC": "LOC", "GPE": "LOC", "FAC": "LOC", "ORG": "ORG", "VEH": "MISC"}
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text("utf-8")
        found: list[tuple[int, int, str]] = []
        for line in path.with_suffix(".ann").read_text("utf-8").splitlines():
            columns = line.split("\t")
            if len(columns) < 3:
                continue  # the end of a text with a line break in it
            label, start, end = columns[1].split(" ")[:3]
            category, _, kind = label.partition("_")
            if category != "PROP":
                continue
            first, last = int(start), int(end)
            while title := _TITLE.match(text, first, last):
                if title.end() >= last:
                    break
                first = title.end()
            if text[first].isupper():
                found.append((first, last, kinds.get(kind, "MISC")))
        found.sort(key=lambda span: (span[0] - span[1], span[0]))
        spans: list[tuple[int, int, str]] = []
        for span in found:
            if all(span[1] <= other[0] or span[0] >= other[1] for other in spans):
                spans.append(span)
        spans.sort()
        for start, end in _paragraphs(text):
            inside = [(s - start, e - start, k) for s, e, k in spans if start <= s and e <= end]
            # Titles were cut off: what is left of them is no silence, they are no names.
            yield _tidied(Document(text[start:end], tuple(inside), _MISC, "litbank"))


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Some 600 code points each, cut at line ends."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + 600)
        end = len(text) if end < 0 else end
        yield start, end
        start = end + 1


_LOOSE = re.compile(r" (?=[,.;:!?)\]]|'s\b|n't\b|'(?:re|ve|ll|m|d)\b)|(?<=[(\[]) |\n")


def _tidied(document: Document) -> Document:
    """The text with the spaces that its tokeniser put in taken out again."""
    out: list[str] = []
    shift, reached = 0, 0
    moves: list[tuple[int, int]] = [(0, 0)]
    for gap in _LOOSE.finditer(document.text):
        out.append(document.text[reached : gap.start()])
        if gap[0] == "\n":
            out.append(" ")
        else:
            shift += 1
            moves.append((gap.end(), shift))
        reached = gap.end()
    out.append(document.text[reached:])

    def moved(place: int) -> int:
        return place - max((s for at, s in moves if at <= place), default=0)

    spans = tuple((moved(s), moved(e), kind) for s, e, kind in document.spans)
    return Document("".join(out), spans, document.silent, document.source)
