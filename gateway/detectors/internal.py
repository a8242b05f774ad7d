r"""Which names of a company's own machines and packages stand in a text?

Law: a name alone is not enough where programs have the same: `threading.local` is an attribute. What
makes a host of it is a scheme or user before it, a port after it, or a label that machines have
(`db-01`). The company's own domains and packages, told by policy, count wherever they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import regex

from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import Expression
from gateway.detectors.probes import Probe, Raw, matches
from gateway.detectors.settings import Settings

HOST, PACKAGE = "INTERNAL_HOST", "INTERNAL_PACKAGE"

KINDS = ("host:suffix", "host:single", "host:address", "host:share", "host:own", "package:own")
"""The detectors here."""

_REACH = 300
_WORDS = Vocabulary(
    ["host", "hostname", "server", "ssh", "ping", "dns", "node", "endpoint", "intranet", "proxy"]
)

type Judge = Callable[[str, regex.Match[str]], float]
"""How sure a match in a text is; 0 for none."""


class InternalProbe:
    """One kind of name. Group `value` of `pattern` is the name."""

    def __init__(
        self,
        name: str,
        entity: str,
        shape: str,
        pattern: str,
        judge: Judge,
        *,
        strongest: float,
        own: bool = False,
    ) -> None:
        self.name = name
        self.entity = entity
        self.strongest = strongest
        self.vocabulary = _WORDS if name == "host:suffix" else Vocabulary(())
        self.expressions = (Expression(shape, regex.IGNORECASE, before=_REACH, own=own),)
        self._pattern = regex.compile(pattern, regex.IGNORECASE)
        self._judge = judge

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Names that start in `text[start:end]`."""
        for match in matches(self._pattern, text, start, end, reach=_REACH):
            sure = self._judge(text, match)
            if sure:
                first, last = match.span("value")
                yield Raw(first, last, sure, self.entity, self)


# Top-level names that no public domain has: RFC 6762 appendix G (`intranet`, `internal`, `private`,
# `corp`, `home`, `lan`), RFC 6762 (`local`), RFC 8375 (`home.arpa`), and ICANN's reservation of
# `internal` (https://www.icann.org/en/board-activities-and-meetings/materials/approved-resolutions-special-meeting-of-the-icann-board-29-07-2024-en).
# Kubernetes names services `svc.cluster.local`.
_ENDINGS = r"internal|corp|local|lan|intra|intranet|private|localdomain|home\.arpa|consul"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SUFFIXED = rf"(?<![\w.@$-])(?P<value>(?:{_LABEL}\.){{1,6}}(?:{_ENDINGS}))(?![\w(=\[-]|\.\w)"
_SUFFIXED_AT = rf"@(?P<value>(?:{_LABEL}\.){{1,6}}(?:{_ENDINGS}))(?![\w(=\[-]|\.\w)"

_COMMON = regex.compile(
    r"(?i)(?:metadata\.google|(?:host|gateway|kubernetes)\.docker|localhost|example|foo|bar|test|my-?host)"
    r"\.[\w.]+|.*\.example\.\w+"
)
"""Names that all machines have, or none."""

_TELLING = regex.compile(
    r"(?i)(?:^|\.)[a-z-]*\d[a-z0-9-]*\.|-|\.svc\.cluster\.|\.(?:corp|lan|intranet|home\.arpa)$"
)
_PLAIN_OK = regex.compile(r"(?i)\.(?:corp|lan|intra|intranet|home\.arpa)$")


def _suffixed(text: str, match: regex.Match[str]) -> float:
    name, first, last = match["value"], match.start("value"), match.end("value")
    if _COMMON.fullmatch(name):
        return 0.0
    before = text[max(0, first - 3) : first]
    if before.endswith("//") or (before.endswith("@") and match.start() < first):
        return 0.9
    if regex.match(r":\d{2,5}\b", text[last : last + 6]):
        return 0.85
    dots = name.count(".")
    if _TELLING.search(name) and (dots > 1 or regex.search(r"[\d-]", name)):
        return 0.75
    if _PLAIN_OK.search(name):
        return 0.5
    return 0.35  # a word beside it may still say that it is a host


_SCHEMES = r"(?:https?|wss?|ftps?|sftp|ssh|git|ldaps?|smb|nfs|rdp|vnc|tcp|udp|amqps?|mqtts?|kafka|redis|rediss|mongodb|mysql|mariadb|postgres(?:ql)?|sqlserver|oracle|clickhouse|jdbc:\w+)"
_AFTER = r"""(?=[:/?#\s"'<>)\]},;`|]|$)"""
_SINGLE = rf"\b{_SCHEMES}://(?:[^\s/@]{{0,80}}@)?(?P<value>[a-z][a-z0-9-]{{1,62}}){_AFTER}"
_GENERIC = frozenset(
    [
        "localhost",
        "host",
        "hostname",
        "server",
        "servername",
        "domain",
        "example",
        "site",
        "url",
        "uri",
        "proxy",
        "foo",
        "bar",
        "baz",
        "test",
        "user",
        "username",
        "your",
        "yourhost",
        "myhost",
        "myserver",
        "www",
        "api",
        "address",
        "ip",
        "endpoint",
        "base",
        "path",
        "some",
        "my",
        "website",
        "username",
        "xxx",
        "abc",
        "name",
        "x",
        "y",
        "z",
    ]
)


def _single(_text: str, match: regex.Match[str]) -> float:
    name = match["value"].lower()
    if name in _GENERIC or name.startswith(("your-", "my-", "example", "some-")):
        return 0.0
    return 0.8 if regex.search(r"[\d-]", name) else 0.6


_PRIVATE = (
    r"(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2})"
)
# RFC 1918 section 3, RFC 4193 section 3.1.
_ADDRESS = rf"\b{_SCHEMES}://(?:[^\s/@]{{0,80}}@)?(?P<value>{_PRIVATE}|\[f[cd][0-9a-f]{{2}}:[0-9a-f:]{{2,36}}\]){_AFTER}"
_SHARE = r"(?<![\\\w])\\\\(?P<value>[a-z][a-z0-9]*[\d-][a-z0-9.-]{0,60}|[a-z][a-z0-9.-]{2,60}(?=\\[a-z]\$))\\[\w$]"


def probes(settings: Settings) -> list[Probe]:
    """The probes of names that `settings` wants."""
    made: list[Probe] = []
    if HOST not in settings.disabled:
        shape = rf"[a-z0-9]\.(?:{_ENDINGS})\b"
        url = r"://(?:[^\s/@]*@)?[a-z][a-z0-9-]*(?:[:/?#\s\"'<>)\]},;`|]|$)"
        private = r"://(?:[^\s/@]*@)?(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d|://(?:[^\s/@]*@)?\[f[cd]"
        made += [
            InternalProbe("host:suffix", HOST, shape, _SUFFIXED, _suffixed, strongest=0.9),
            InternalProbe("host:suffix", HOST, shape, _SUFFIXED_AT, _suffixed, strongest=0.9),
            InternalProbe("host:single", HOST, url, _SINGLE, _single, strongest=0.8),
            InternalProbe("host:address", HOST, private, _ADDRESS, lambda *_: 0.8, strongest=0.8),
            InternalProbe(
                "host:share", HOST, r"\\\\[a-z][a-z0-9.-]*\\[\w$]", _SHARE, lambda *_: 0.8,
                strongest=0.8,
            ),
        ]  # fmt: skip
        made += _own_hosts(settings.internal.hosts)
    if PACKAGE not in settings.disabled:
        made += _own_packages(settings.internal.packages)
    return made


def _own_hosts(domains: tuple[str, ...]) -> Iterator[Probe]:
    if not domains:
        return
    names = "|".join(regex.escape(domain) for domain in sorted(domains, key=len, reverse=True))

    def judge(text: str, match: regex.Match[str]) -> float:
        # Everybody's mail address ends in the domain; names below it after `@` are machines.
        first = match.start("value")
        mail = text[max(0, first - 1) : first] == "@" and match["value"].lower() in domains
        return 0.0 if mail else 0.95

    yield InternalProbe(
        "host:own",
        HOST,
        rf"(?:{names})\b",
        rf"(?<![\w.-])(?P<value>(?:{_LABEL}\.){{0,8}}(?:{names}))(?![\w-]|\.\w)",
        judge,
        strongest=0.95,
        own=True,
    )


def _own_packages(prefixes: tuple[str, ...]) -> Iterator[Probe]:
    if not prefixes:
        return
    ordered = sorted(prefixes, key=len, reverse=True)
    names = "|".join(regex.escape(prefix) for prefix in ordered)
    # A prefix that ends in a word is followed by none of its letters: `com.acme` is not `com.acmed`.
    yield InternalProbe(
        "package:own",
        PACKAGE,
        rf"(?:{names})",
        rf"(?<![\w.@/-])(?P<value>(?:{names})(?<=[./:@-])[\w][\w./:-]*\w|(?:{names})(?![a-z0-9])(?:[./:_-]\w+)*)",
        lambda *_: 0.95,
        strongest=0.95,
        own=True,
    )
