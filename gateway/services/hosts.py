"""Which catalogue entry does a host name belong to?

Law: a host is compared in one canonical spelling (lower case, no trailing dot, IDNA form), and the
most specific pattern wins: an exact name, then a name with a hole in it, then a whole subdomain.
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

import tldextract

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LABEL_WITH_HOLES = re.compile(r"[a-z0-9_*-]{1,63}")
_PORT = re.compile(r":[0-9]{0,5}\Z")
_PREFIX = re.compile(r"(?:/[a-z0-9._~-]+)+")
_PLAIN = re.compile(r"[a-z0-9._-]*[a-z0-9_-]")
_HOLE = "[a-z0-9_-]+"
_TAIL = "." + string.whitespace


def normalise(host: str) -> str:
    """The one spelling of a host name under which it is looked up; never raises.

    RFC 9110 section 4.2.3: the host is case-insensitive. A trailing dot names the same host
    (RFC 1034 section 3.1). Non-ASCII names, full-width letters and ideographic dots included, take
    the IDNA form (RFC 3490) that a resolver would ask for; what has none keeps its own letters.
    """
    if _PLAIN.fullmatch(host):
        return host
    text = host.strip().lower()
    if not text.isascii():
        text = _to_ascii(text).strip()
    if text.startswith("["):  # an IPv6 literal: its colons are no port
        return text
    text = text.rstrip(_TAIL)
    if text.count(":") == 1:
        text = _PORT.sub("", text).rstrip(_TAIL)
    return text


def _to_ascii(text: str) -> str:
    # Trailing dots in any script would be empty labels, which the codec refuses.
    trimmed = text.rstrip(".。．｡")  # the label separators of RFC 3490 section 3.1
    try:
        return trimmed.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return unicodedata.normalize("NFKC", trimmed).lower()


@functools.cache
def suffixes() -> tldextract.TLDExtract:
    """Takes a host apart: what somebody registered, and what stands before it."""
    # INVARIANT: the list that is bundled; without this, it would be loaded from the network.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def registered_domain(host: str) -> str:
    """What of a host in canonical spelling is registered, so that anybody may look it up.

    `example.co.uk` of `a.b.example.co.uk`; empty for an address or a name within a company. A
    domain whose owner gives names away is registered, those names are not.
    """
    return suffixes()(host).top_domain_under_public_suffix


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A host that a service answers on, with an optional path prefix that narrows it.

    `name` is exact (`api.example.com`), has a leading wildcard for any depth of subdomain
    (`*.example.com`, the apex not included), or has holes of one label or a piece of one
    (`runtime.*.example.com`, `*-api.example.com`).
    """

    name: str
    prefix: str = ""
    regex: re.Pattern[str] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> HostPattern:
        """Read `host` or `host/prefix`; `ValueError` says what is wrong and how to write it."""
        name, slash, rest = text.partition("/")
        if "://" in text:
            raise ValueError(f"`{text}` is a URL: write the host alone, such as `api.example.com`")
        if not name.isascii():
            raise ValueError(f"`{text}` is not ASCII: write `{normalise(name)}`")
        if name != name.lower() or name.endswith("."):
            raise ValueError(
                f"`{text}` is not in lower case or ends in a dot: write `{normalise(name)}`"
            )
        if ":" in name:
            raise ValueError(f"`{text}` has a port: hosts match on every port, leave it out")
        prefix = (slash + rest).rstrip("/").lower()
        if prefix and (not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/"))):
            raise ValueError(f"`{text}`: the path prefix must be plain, such as `/chat`")
        body = name.removeprefix("*.")
        for label in body.split("."):
            if not (
                _LABEL.fullmatch(label) or ("*" in label and _LABEL_WITH_HOLES.fullmatch(label))
            ):
                raise ValueError(f"`{text}` is not a host name")
        fixed = [label for label in body.split(".") if "*" not in label]
        if "*" in text and len(fixed) < 2:
            raise ValueError(f"`{text}` is too wide: keep at least two fixed labels")
        if "*" in body:
            if body != name:
                raise ValueError(
                    f"`{text}` mixes a leading `*.` with other wildcards: use one kind"
                )
            regex = re.compile(re.escape(name).replace(r"\*", _HOLE))
            return cls(name, prefix, regex)
        return cls(name, prefix)

    @property
    def text(self) -> str:
        """The pattern as people write it."""
        return self.name + self.prefix

    def covers(self, host: str) -> bool:
        """Does this pattern cover a normalised host, prefix aside?"""
        if self.regex is not None:
            return self.regex.fullmatch(host) is not None
        if self.name.startswith("*."):
            return host.endswith(self.name[1:])
        return host == self.name


class HostIndex[T]:
    """Values by host pattern, looked up by the most specific pattern that covers a host."""

    def __init__(self) -> None:
        self._exact: dict[str, T] = {}
        self._suffix: dict[str, T] = {}
        self._holes: dict[str, list[tuple[HostPattern, T]]] = {}

    def __iter__(self) -> Iterator[T]:
        """Every value, in no particular order."""
        yield from self._exact.values()
        yield from self._suffix.values()
        for bucket in self._holes.values():
            for _, value in bucket:
                yield value

    def add(self, pattern: HostPattern, value: T) -> None:
        """File `value` under `pattern`; a pattern with the same name is replaced."""
        if pattern.regex is not None:
            bucket = self._holes.setdefault(_anchor(pattern.name), [])
            bucket[:] = [entry for entry in bucket if entry[0].name != pattern.name]
            bucket.append((pattern, value))
            # The pattern with the most fixed text is the most specific one.
            bucket.sort(key=lambda entry: -len(entry[0].name))
        elif pattern.name.startswith("*."):
            self._suffix[pattern.name[2:]] = value
        else:
            self._exact[pattern.name] = value

    def find(self, host: str) -> T | None:
        """The value for a host in any spelling, or None when no pattern covers it."""
        value = self._exact.get(host)
        if value is not None:
            return value
        name = normalise(host)
        value = self._exact.get(name)
        if value is not None:
            return value
        for pattern, candidate in self._holes.get(_anchor(name), ()):
            if pattern.covers(name):
                return candidate
        rest = name
        while "." in rest:
            rest = rest.partition(".")[2]
            value = self._suffix.get(rest)
            if value is not None:
                return value
        return None


def _anchor(name: str) -> str:
    """The last two labels, by which patterns with holes are bucketed."""
    return ".".join(name.rsplit(".", 2)[-2:])
