"""What path does a request target name, however it is spelt?

Law: an operation cannot be evaded by spelling. Every spelling that some server would read as the
same path (escapes, doubled slashes, dot segments, parameters, case) has one normal form here.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import unquote

_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~:@!$&'()*+,=-][A-Za-z0-9_.~:@!$&'()*+,=-]*)+")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)
_END = re.compile(r"[?#]")
_DECODINGS = 4
_NOISE = "".join(map(chr, range(0x21))) + "\x7f\xa0\ufeff"
_PLACEHOLDER = re.compile(r"\{[a-z_][a-z0-9_]*\}")
_FIXED = re.compile(r"[a-z0-9._~:@!$&'()+,=-]*")


def normalise(target: str) -> str:
    """The path of a request target in normal form: decoded, lower case, `/`-led, no empty segment.

    Over-matching is the safe side: escapes are decoded until nothing changes (at most four times),
    a decoded question mark ends the path, a decoded slash or backslash separates segments, dot
    segments are resolved (RFC 3986 section 5.2.4), path parameters (`;v=1`, RFC 3986 section 3.3)
    and blanks or control characters at the ends of a segment are dropped. Never raises.
    """
    path = _END.split(target, maxsplit=1)[0]
    if _PLAIN.fullmatch(path):
        return path.lower()
    if not path.startswith("/"):
        path = _ABSOLUTE.sub("", path, count=1)  # absolute form, RFC 9112 section 3.2.2
    for _ in range(_DECODINGS):
        decoded = unquote(path, errors="replace")
        if decoded == path:
            break
        path = decoded
    path = _END.split(path, maxsplit=1)[0]
    segments: list[str] = []
    for raw in path.replace("\\", "/").split("/"):
        segment = raw.partition(";")[0].strip(_NOISE)
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    return "/" + "/".join(segments).lower()


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path with holes: `{x}` is one segment or a piece of one, `**` any number of segments.

    `expression` matches the paths, where equality does not decide. `length` is the number of
    segments that a matching path has, None when `**` leaves it open;
    `literal` tells that there is no hole, so that equality decides; `tail` is what every matching
    path ends in. INVARIANT: one hole per segment and one `**` per pattern, so that matching takes
    linear time whatever is sent.
    """

    text: str
    expression: str
    length: int | None
    literal: bool
    tail: str

    @classmethod
    @functools.lru_cache(maxsize=8_192)
    def parse(cls, text: str) -> PathPattern:
        """Read a pattern; `ValueError` says what is wrong with it."""
        if not text.startswith("/"):
            raise ValueError(f"path `{text}` must start with `/`")
        if "?" in text or "#" in text:
            raise ValueError(f"path `{text}` has a query or fragment: only the path is matched")
        segments = text.lower().strip("/").split("/") if text != "/" else []
        pieces: list[str] = []
        for segment in segments:
            if segment == "**":
                pieces.append("(?:/[^/]+)*")
                continue
            if "*" in segment:
                raise ValueError(
                    f"path `{text}`: `**` must stand alone between slashes; one segment is `{{x}}`"
                )
            fixed = _PLACEHOLDER.split(segment)
            if segment in {"", ".", ".."} or not all(_FIXED.fullmatch(piece) for piece in fixed):
                raise ValueError(
                    f"path `{text}`: `{segment}` is not a plain segment or a `{{name}}`"
                )
            if len(fixed) > 2:
                raise ValueError(f"path `{text}`: `{segment}` has more than one `{{name}}`")
            pieces.append("/" + "[^/]+".join(re.escape(piece) for piece in fixed))
        if segments.count("**") > 1:
            raise ValueError(f"path `{text}` has more than one `**`")
        return cls(
            text="/" + "/".join(segments),
            expression="".join(pieces) or "/",
            length=None if "**" in segments else len(segments),
            literal="{" not in text and "**" not in segments,
            tail=_PLACEHOLDER.split(text.lower().rstrip("/").rpartition("**")[2])[-1],
        )

    def matches(self, path: str) -> bool:
        """Does the pattern match a path in normal form?"""
        if not path.endswith(self.tail):
            return False
        if self.literal:
            return path == self.text
        return _compiled(self.expression).fullmatch("" if path == "/" else path) is not None


@functools.lru_cache(maxsize=8_192)
def _compiled(expression: str) -> re.Pattern[str]:
    """Compiled with the first path that is held against it: there are thousands."""
    return re.compile(expression)
