"""What flows through the gateway? The nouns that every stage takes and gives.

Law: everything here is frozen, imports nothing of ours, and keeps content out of `repr`, so that
no traceback, log line or assertion message can carry a sensitive value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal

type Header = tuple[bytes, bytes]
"""One header field as it stood on the wire: name and value, case and bytes kept."""

type Headers = tuple[Header, ...]


# --- what was sent -------------------------------------------------------------------------------


class Transport(StrEnum):
    """What carried the bytes of an exchange."""

    HTTP = "http"
    WEBSOCKET_TEXT = "websocket_text"
    WEBSOCKET_BINARY = "websocket_binary"


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture with a face that went to `service` at Unix time `at`; `mark` is its keyed digest."""

    at: float
    service: str
    mark: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave for `item`, as rule `rule` hit it, to go to `service`, for a reason that somebody gave.

    `item` is a keyed digest or a closed word of ours, see `gateway.policy.evaluate`. Where no
    catalogue knows the service, `service` is the host: leave for one is none for all.
    """

    rule: str
    service: str = field(repr=False)
    item: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Before:
    """The end of what an upload had brought before a piece of it; empty for the first piece."""

    end: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request (or one client WebSocket message) on its way to an AI service.

    `received_at` is Unix time in seconds. `target` is the request target in origin form (path and
    query, as on the wire). `body` is the body as on the wire, still content-encoded, without
    transfer framing. For a WebSocket message, method, target and headers are those of the upgrade
    request and `body` is the message. `history` is what the same actor sent before, as far as it is
    remembered. `before` is what stood before this piece of an upload; None for what is no piece, and
    for a piece of which that is not known.

    `token_key` names the key that tokens are made with, the newest one when empty. `taken` are
    tokens that stand for another value of this actor already.

    `grants` are those of the sender that are in force.

    `actor` is empty while nobody knows who sends, and so is `device`. `groups` are those of the
    actor, in lower case; None when they are not known, which is not the same as none. `keys` are keyed fingerprints
    of the API keys that it carries; None while nobody has looked.
    """

    id: str
    received_at: float
    actor: str
    source_ip: str
    method: str
    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    trailers: Headers = field(default=(), repr=False)
    transport: Transport = Transport.HTTP
    history: tuple[Sent, ...] = field(default=(), repr=False)
    token_key: str = ""
    taken: frozenset[str] = field(default=frozenset(), repr=False)
    before: Before | None = field(default=None, repr=False)
    groups: frozenset[str] | None = field(default=None, repr=False)
    device: str = ""
    keys: frozenset[str] | None = field(default=None, repr=False)
    grants: frozenset[Grant] = field(default=frozenset(), repr=False)

    @property
    def sender(self) -> str:
        """Who sends: the actor, or the address where none is known."""
        return self.actor or self.source_ip

    def header(self, name: str) -> str | None:
        """First value of header `name` (any case), decoded as Latin-1; None when absent."""
        wanted = name.lower().encode("latin-1")
        for key, value in self.headers:
            if key.lower() == wanted:
                return value.decode("latin-1")
        return None


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a sender beyond name and address when rules were asked about them.

    `groups` are those of theirs that a pattern of `asked` means; None when theirs were not known.
    `device` and `keys` as of the exchange; `keys` are None, too, when there were too many to keep.
    """

    groups: frozenset[str] | None = field(default=None, repr=False)
    asked: tuple[str, ...] = ()
    device: str = ""
    keys: frozenset[str] | None = field(default=None, repr=False)


# --- whom it is sent to --------------------------------------------------------------------------


class Act(StrEnum):
    """What kind of act an operation is, from the person's point of view."""

    PROMPT = "prompt"
    EMBED = "embed"
    GENERATE_IMAGE = "generate_image"
    GENERATE_VIDEO = "generate_video"
    AUDIO = "audio"
    UPLOAD = "upload"
    TRAIN = "train"
    OTHER = "other"


type FactValue = str | bool | int
"""A service fact. What is not known is the string ``unknown``, never absent."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where an exchange goes: the service, the operation, and what is known of the service.

    An exchange to a host that is in no catalogue has service ``unknown``, never no route.
    """

    service: str
    category: str
    operation: str
    act: Act
    protocol: str
    facts: Mapping[str, FactValue] = field(repr=False)


# --- what is in it -------------------------------------------------------------------------------


class Role(StrEnum):
    """Who speaks in a part, in the words of chat protocols."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    NONE = "none"


class PartKind(StrEnum):
    """What a part is within its request; policy can match on it."""

    TEXT = "text"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    TOOL_DEFINITION = "tool_definition"
    REASONING = "reasoning"
    METADATA = "metadata"
    IDENTIFIER = "identifier"
    KEY = "key"
    NUMBER = "number"
    FILE = "file"
    FILE_NAME = "file_name"
    URL_PATH = "url_path"
    QUERY = "query"
    HEADER = "header"
    PROTOCOL_HEADER = "protocol_header"
    CREDENTIAL = "credential"
    TRAILER = "trailer"


@dataclass(frozen=True, slots=True)
class Step:
    """One level on the way from the wire to a text.

    `codec` names how the slice `start:end` of the parent is decoded; see
    `gateway.encodings.splice` for the codecs. Offsets count units of the parent: bytes where the
    parent is bytes, code points where it is text.
    """

    codec: str
    start: int
    end: int
    param: str = ""


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a part stands: for people (`path`) and for rewriting (`steps`).

    INVARIANT: `path` holds names that the gateway knows (field names of protocols, places) and
    positions, never text that a person sent; an unknown key is written ``*``.
    """

    path: str
    steps: tuple[Step, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text that a person or their tool sends, decoded.

    `editable` is False for places that must go out byte-identical (ids, signatures, numbers):
    a finding there cannot be redacted, only blocked. `label` is the name of the field that holds
    the text (a JSON key, a form field, a header name), for context; it is content. `before` is what
    stood just before it and has left already: what is found there alone is not asked for again.
    """

    locator: Locator
    text: str = field(repr=False)
    role: Role = Role.NONE
    kind: PartKind = PartKind.TEXT
    editable: bool = True
    label: str = field(default="", repr=False)
    before: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BlobPart:
    """A file: bytes that need `gateway.content` to be read. Types and names are as declared."""

    locator: Locator
    data: bytes = field(repr=False)
    media_type: str = ""
    filename: str = field(default="", repr=False)
    role: Role = Role.NONE
    editable: bool = True


class UnreadReason(StrEnum):
    """Why something could not be read. Policy decides per reason; none is ever skipped."""

    UNDECODABLE = "undecodable"  # content or transfer encoding unknown, or falsely labelled
    TOO_LARGE = "too_large"  # over the body limit
    EXPANDS_TOO_FAR = "expands_too_far"  # decompression bomb
    MALFORMED = "malformed"  # breaks its own syntax
    TOO_DEEP = "too_deep"  # nesting, part or layer limits
    UNKNOWN_TYPE = "unknown_type"  # content type that no protocol reads
    UNSUPPORTED_FILE = "unsupported_file"  # a file type without a reader
    CHARSET = "charset"  # text in a character set that cannot be decoded
    ENCRYPTED = "encrypted"
    TIMED_OUT = "timed_out"  # reading took longer than its limit
    CRASHED = "crashed"  # the file's reader died, or ran out of memory
    PARTIAL = "partial"  # a piece of an upload that cannot be read by itself
    TOKEN_IDS = "token_ids"  # noqa: S105  # token-id arrays instead of text
    DETECTOR_FAILED = "detector_failed"  # a detector raised, or ran out of time


@dataclass(frozen=True, slots=True)
class Unread:
    """A place whose content was not inspected, why, and how much of it (bytes as sent).

    `detail` is a media type, an encoding name or a detector name from a closed vocabulary of
    ours, never what was sent.
    """

    locator: Locator
    reason: UnreadReason
    size: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What policy may know of one file: true type (`media_type`, by content), size in bytes.

    `facts` are what its reader says of it, in the words of `gateway.content.reading.FACTS`; those
    of files within it included. `digest` is keyed; empty while no rule asks for it.
    """

    locator: Locator
    media_type: str
    family: str  # image | document | spreadsheet | presentation | archive | text | audio | video | unknown
    size: int
    declared_type: str = ""
    facts: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    digest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Extraction:
    """All content of an exchange: what was read, and what was not.

    `files` are uploads that were read as text already, so that no `BlobPart` stands for them.
    """

    parts: tuple[TextPart | BlobPart, ...]
    unread: tuple[Unread, ...] = ()
    files: tuple[FileInfo, ...] = ()


# --- what was found ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Match:
    """A detector's result in one text: span in code points, half open; confidence 0 to 1."""

    entity: str
    start: int
    end: int
    confidence: float
    detector: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A match in a place. Holds a keyed fingerprint and a masked preview, never the value."""

    locator: Locator
    role: Role
    kind: PartKind
    editable: bool
    entity: str
    start: int
    end: int
    confidence: float
    detector: str
    fingerprint: str
    preview: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything known of an exchange's content when policy decides.

    `portraits` are keyed digests of the pictures with faces, each once.
    """

    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    files: tuple[FileInfo, ...] = ()
    portraits: tuple[str, ...] = field(default=(), repr=False)


# --- what is decided -----------------------------------------------------------------------------


class Verdict(IntEnum):
    """What policy wants. The strictest of all matching rules wins; the order is the strictness.

    What is coached does not leave until its sender has given a reason, so it is above redacting.
    """

    ALLOW = 0
    LOG = 1
    REDACT = 2
    COACH = 3
    BLOCK = 4


class Severity(IntEnum):
    """How bad it is, for people who work through incidents."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


type Mode = Literal["monitor", "enforce"]


class Look(IntEnum):
    """How an answer is looked at: not at all, behind it once it has gone, or ahead of it."""

    NONE = 0
    BEHIND = 1
    AHEAD = 2


@dataclass(frozen=True, slots=True)
class RuleHit:
    """One rule that matched. `findings` and `unread` are indices into the scan.

    `asks` are the grants that a coaching rule wants; `justified` when the sender had them all.
    """

    rule: str
    severity: Severity
    mode: Mode
    action: Verdict
    findings: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()
    message: str = ""
    asks: tuple[Grant, ...] = field(default=(), repr=False)
    justified: bool = False


@dataclass(frozen=True, slots=True)
class Redaction:
    """Take finding number `finding` out with an operator, e.g. mask, replace, hash, partial."""

    finding: int
    operator: str
    params: tuple[tuple[str, str | int], ...] = ()


type Cleaned = Literal["metadata", "hidden", "faces", "codes", "medical", "mark"]

CLEANED: Mapping[Cleaned, frozenset[str]] = {
    "metadata": frozenset(
        "gps camera serial rights credentials appended authors properties".split()
    ),
    "hidden": frozenset({"hidden"}),
    "faces": frozenset({"faces"}),
    "codes": frozenset({"codes"}),
    "medical": frozenset({"identified"}),
    "mark": frozenset(),
}
"""What may be taken out of a file, and the facts that tell that there is any.

`mark` puts something in: the mark that forbids training, where there is none.
"""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Take `what` out of the file at `file`, and out of all files within it.

    `style` is fill, blur, pixelate, strip, deidentify; no_training for `mark`.
    """

    file: Locator
    what: Cleaned
    style: str

    def needed(self, file: FileInfo) -> bool:
        """Whether `file` holds any of it; a mark is needed by the picture itself, without one."""
        if self.what == "mark":
            return file.family == "image" and not file.facts.get("no_training")
        return any(file.facts.get(name) for name in CLEANED[self.what])


@dataclass(frozen=True, slots=True)
class Approved:
    """An endpoint that requests may be sent to instead of where they were going.

    `service` says by the rules for which service they are judged there, too; it may be empty.
    """

    name: str
    title: str
    url: str
    protocol: str
    service: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the policies say of one scan.

    `verdict` counts enforced rules only; `monitored` is what it would be if every rule enforced.
    """

    verdict: Verdict
    monitored: Verdict
    severity: Severity
    hits: tuple[RuleHit, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    message: str = ""
    cleanings: tuple[Cleaning, ...] = ()
    redirect: Approved | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace code points `start:end` of the text at `locator`."""

    locator: Locator
    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that stands for a value in a rewritten exchange.

    `restorable` tokens become the value again in answers. `hosts` are the hosts of URLs in which
    the value stood, in lower case: back into those it may go.
    """

    token: str = field(repr=False)
    value: str = field(repr=False)
    restorable: bool
    hosts: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Restoring:
    """Where in answers tokens become values again.

    `url_hosts` are patterns of hosts whose URLs may hold values besides those that they stood in;
    `not_in_tools` patterns of names of tools whose arguments are not to hold any.
    """

    text: bool = True
    tools: bool = True
    url_hosts: tuple[str, ...] = ()
    not_in_tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """The exchange leaves exactly as it came."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The exchange leaves with these bytes instead; `tokens` stand in it for values."""

    target: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    trailers: Headers = field(repr=False)
    tokens: tuple[Issued, ...] = field(default=(), repr=False)
    token_key: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The exchange does not leave; the client gets this answer. `cause` is a closed word of ours.

    For a WebSocket message `body` is a text message to send before the connection closes; there may
    be none.
    """

    cause: str
    status: int
    headers: Headers
    body: bytes


type Enforcement = Forward | Rewrite | Refuse


@dataclass(frozen=True, slots=True)
class Call:
    """A remote call that waits for an answer under its id; None when the id is not known."""

    id: str | int | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal tells the person; a protocol gives it the service's own error shape.

    `over_socket`: a WebSocket message is refused, so that the answer is a message, too. `call` is
    set when a remote call is refused, which has an answer of its own. `link` leads to a page that
    says how the person may go on.
    """

    message: str
    rule: str
    incident: str
    wants_html: bool = False
    status: int = 400
    over_socket: bool = False
    call: Call | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The one value that metrics, incidents and exporters consume.

    `quoted` are tokens of ours that the client itself sent. `known` is there where something may be recorded. `look` says how the answer is looked
    at, and `sent` are then the fingerprints of what stood in the request; they are never recorded.
    `headers` are set on the way out, in the place of those that the client sent.
    `timings` maps stage to seconds. `inspected` counts bytes of decoded content (as UTF-8) that
    detectors saw, `found` the findings by entity. `incident` is empty when nothing is to be remembered; then
    `scan` holds no findings either: nobody needs them any more. `evidence` is sealed to a key that
    the gateway does not have.
    """

    exchange: str
    at: float
    actor: str
    source_ip: str
    method: str
    host: str
    route: Route
    scan: Scan
    outcome: Outcome
    enforcement: Enforcement
    policy_revision: str
    detector_revision: str
    incident: str = ""
    inspected: int = 0
    found: Mapping[str, int] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    quoted: frozenset[str] = field(default=frozenset(), repr=False)
    look: Look = Look.NONE
    sent: frozenset[str] = field(default=frozenset(), repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    evidence: bytes = field(default=b"", repr=False)
    known: Known | None = None

    @property
    def sender(self) -> str:
        """As of its exchange."""
        return self.actor or self.source_ip


# --- what comes back -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a text of an answer. Up to `seen` it was looked at already, for context only.

    `editable` is False for what has to reach the client as it is. A passage that is not the `last`
    of its text may break off within a value.
    """

    text: str = field(repr=False)
    kind: PartKind = PartKind.TEXT
    seen: int = 0
    editable: bool = True
    last: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """Part of the answer to `exchange`, which is without its body, or all of it.

    Either `passages`, or a `body` as on the wire; `head` are then its headers. `sent` are the
    fingerprints of what the client sent itself, `before` what was found in earlier parts. `service` is
    the one that answers, where a rule sent the request there, and empty otherwise.
    """

    exchange: Exchange
    sent: frozenset[str] = field(repr=False)
    passages: tuple[Passage, ...] = ()
    before: tuple[Finding, ...] = ()
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    content_encoding: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Put `new` in place of `start:end` of passage number `passage`."""

    passage: int
    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in part of an answer, that of earlier parts included, and what follows.

    `upto` tells for each passage how far of it is decided: what stands after that is to be looked
    at again, with what comes. `inspected` counts bytes of text.
    """

    findings: tuple[Finding, ...]
    outcome: Outcome
    stretches: tuple[Stretch, ...] = field(default=(), repr=False)
    upto: tuple[int, ...] = ()
    unread: tuple[Unread, ...] = ()
    inspected: int = 0
    policy_revision: str = ""
    detector_revision: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
