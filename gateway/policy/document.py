"""How does a person write a policy? The YAML schema of policy files, and nothing that runs.

Law: what is written here is the document form only. It is checked for shape (`gateway.documents`)
and turned into the executable form by `gateway.policy.compile`; the two are different types, so
that nothing unchecked is ever evaluated. A key without a value is an error: it would silently
widen a rule or an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from gateway.documents import Strict
from gateway.model import Act, PartKind, Role
from gateway.policy.rollout import WHOLE
from gateway.policy.words import (
    MOST_PICTURES,
    RULE_ID,
    ActionWord,
    Day,
    Family,
    Host,
    Hours,
    Many,
    Network,
    OperatorName,
    RuleAction,
    Seconds,
    Share,
    Size,
    Text,
    UnreadWord,
    Validity,
    Zone,
    base_url,
    fact_word,
    header_value,
)


def _fact_test(value: Any) -> Any:
    return fact_word(value) if isinstance(value, str | bool | int) else value


class Node(Strict):
    """Base of the models here: docstrings of attributes become descriptions in the JSON Schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Range(Node):
    """Bounds for a fact that is a number. `indefinite` is above every bound."""

    at_least: int | None = None
    """The fact is this number or more, or `indefinite`."""
    at_most: int | None = None
    """The fact is this number or less."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give `at_least`, `at_most` or both")
        return self


type FactTest = Annotated[str | Range, BeforeValidator(_fact_test)]


class Bounds(Node):
    """Bounds for what is counted or measured in a file."""

    at_least: Annotated[float, Field(gt=0)] | None = None
    """So many or more; a share of a picture is 0 to 1."""
    at_most: Annotated[float, Field(ge=0)] | None = None
    """So many or fewer; a file of which nothing is known has none."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give `at_least`, `at_most` or both")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("`at_most` is below `at_least`, so no file ever matches")
        return self


def _any_word(value: Any) -> Any:
    return "*" if value is True else value


type Words = Annotated[
    Many[Text], BeforeValidator(_any_word, json_schema_input_type=bool | Many[Text])
]
type Mark = Literal[True] | None


class FileConditions(Node):
    """What one file must be like; all given conditions must hold for the same file.

    What a file holds counts as its own, too: the faces of an archive are those of its pictures.
    """

    family: Many[Family] = ()
    """True kind of the file, by its content."""
    media_type: Many[Text] = ()
    """True media type, by content; `*` stands for anything, e.g. `image/*`."""
    min_size: Size = 0
    """Bytes, or e.g. `10 MB`."""
    max_size: Size = 0
    """Bytes, or e.g. `10 MB`."""
    mismatch: Literal[True] | None = None
    """The file is not what it was declared to be."""
    uploaded: Mark = None
    """The file was sent by itself, not within another."""
    pages: Bounds | None = None
    """Pages, slides or sheets, e.g. `{at_least: 50}`."""
    pictures: Bounds | None = None
    """Pictures, those inside documents included."""
    files: Bounds | None = None
    """Files inside the file."""
    faces: Bounds | None = None
    """Faces in all pictures."""
    face_share: Bounds | None = None
    """Largest share of a picture that one face takes, 0 to 1."""
    codes: Bounds | None = None
    """Barcodes and QR codes."""
    text_pixels: Bounds | None = None
    """Pictures with text in them."""
    portrait: Mark = None
    """A picture that shows one person above all."""
    identity_document: Mark = None
    """A picture of a passport, identity card or driver's licence."""
    payment_card: Mark = None
    """A picture of a bank card."""
    medical: Mark = None
    """A medical picture (DICOM)."""
    identified: Mark = None
    """A medical picture that was not de-identified: its header names somebody, or writing shows."""
    screenshot: Mark = None
    """A picture of a screen."""
    gps: Mark = None
    """A picture that says where it was taken."""
    camera: Mark = None
    """A picture that names a camera, its model or serial number."""
    serial: Mark = None
    """A picture with the serial number of a camera or lens, or the name of its owner."""
    rights: Mark = None
    """A copyright line, a credit or a mark that reserves rights."""
    no_training: Mark = None
    """A mark that forbids training."""
    credentials: Mark = None
    """Content credentials (C2PA)."""
    appended: Mark = None
    """A picture with something behind its pixels."""
    authors: Mark = None
    """A document that names who wrote or changed it, or their company."""
    properties: Mark = None
    """A document that says when, from what or with what it was made."""
    hidden: Mark = None
    """Content that a person who opens the file does not see."""
    macros: Mark = None
    """Program code inside a document."""
    signed: Mark = None
    """A digital signature over the file."""
    label: Words = ()
    """Sensitivity label, by name or GUID; `*` stands for anything, `true` for any label."""
    registered: Words = ()
    """One of the company's own pictures, by its name in the register; `true` for any."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("is empty; to match any file write `has_files: true` in `when`")
        if "max_size" in self.model_fields_set and self.max_size < self.min_size:
            raise ValueError("`max_size` is below `min_size`, so no file ever matches")
        for name in sorted(self.model_fields_set):
            if name in FILE_FACTS and not getattr(self, name):
                raise ValueError(f"`{name}` has no value; leave the key out or give one")
        share = self.face_share
        if share is not None and max(share.at_least or 0, share.at_most or 0) > 1:
            raise ValueError("`face_share` is a share, 0 to 1")
        return self


COUNTS = frozenset({"pages", "pictures", "files", "faces", "face_share", "codes", "text_pixels"})
"""Facts of files that are numbers."""
WORDS = frozenset({"label", "registered"})
"""Facts of files that are words; several stand with `; ` between them."""
MARKS = frozenset(
    {
        "portrait",
        "identity_document",
        "payment_card",
        "medical",
        "identified",
        "screenshot",
        "gps",
        "camera",
        "serial",
        "rights",
        "no_training",
        "credentials",
        "appended",
        "authors",
        "properties",
        "hidden",
        "macros",
        "signed",
    }
)
"""Facts of files that are there or not."""
FILE_FACTS = COUNTS | WORDS | MARKS
"""All but `mismatch`, which the declared type has a say in (a test keeps them in step with readers)."""


class Time(Node):
    """When a request comes; all given conditions must hold."""

    days: Many[Day] = ()
    """Days of the week: `mon`, or `mon-fri`."""
    hours: Many[Hours] = ()
    """Hours of the day, the end not included; those that pass midnight belong to the day before."""
    zone: Zone
    """Time zone, e.g. `Europe/Berlin` or `UTC`."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.days or self.hours):
            raise ValueError("says no time; give `days`, `hours` or both")
        return self


class ApiKey(Node):
    """Whether the API key of a request is in a list of `api_keys`."""

    within: Annotated[Many[Text], Field(alias="in")] = ()
    """One of the keys that the request carries is in such a list; of an exception, all are."""
    not_in: Many[Text] = ()
    """The request carries a key that is in none of these lists, or no key at all."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.within) == bool(self.not_in):
            raise ValueError("give either `in` or `not_in`")
        return self


class Whence(Node):
    """Conditions on where a request goes and who sends it. All given ones must hold."""

    service: Many[Text] = ()
    """Service id from the catalogue, or `unknown` for hosts that it does not list."""
    category: Many[Text] = ()
    """Category of the service, e.g. `chat`, `avatar`, `code`."""
    facts: dict[str, Many[FactTest]] = Field(default_factory=dict)
    """Facts of the service, e.g. `trains_on_input: [yes, unknown]`."""
    operation: Many[Text] = ()
    """Operation of the service, as its catalogue entry names it."""
    act: Many[Act] = ()
    """What the person does."""
    host: Many[Host] = ()
    """Host of the request; `*` stands for anything."""
    actor: Many[Text] = ()
    """Who sends the request; `*` stands for anything. Letter case does not count."""
    group: Many[Text] = ()
    """A group that the sender is in; `*` stands for anything. Letter case does not count."""
    device: Many[Text] = ()
    """What the request was sent with; `*` stands for anything. Letter case does not count."""
    identified: bool | None = None
    """`false` when nobody knows who sends; a rule that blocks those asks them who they are."""
    api_key: ApiKey | None = None
    """The API key that the request carries, e.g. `{not_in: corporate}`."""
    source_network: Many[Network] = ()
    """Network that the request comes from, e.g. `10.1.0.0/16`."""
    time: Time | None = None
    """When the request comes, e.g. `{days: mon-fri, hours: "08:00-18:00", zone: Europe/Berlin}`."""

    @model_validator(mode="after")
    def _timed(self) -> Self:
        for name in ("time", "identified", "api_key"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"`{name}` has no value; leave the key out or give one")
        return self


class Selection(Whence):
    """Conditions on requests and findings that all rules share. All given ones must hold."""

    entity: Many[Text] = ()
    """Entity of a finding, e.g. `US_SSN`."""
    entity_group: Many[Text] = ()
    """Group of a finding's entity, e.g. `secret`."""
    detector: Many[Text] = ()
    """Detector of a finding, e.g. `code:python`; `*` stands for anything, e.g. `marking:tlp-*`."""
    fingerprint: Many[Text] = ()
    """Fingerprint of a finding, as an incident shows it; for known false alarms."""


class Counted(Node):
    """How sure, how long and how many findings must be; an exception works finding by finding."""

    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Findings below this confidence do not count."""
    min_length: Annotated[int, Field(ge=1, strict=True)] = 1
    """Findings of fewer characters do not count, e.g. for stretches of code."""
    min_count: Annotated[int, Field(ge=1, strict=True)] = 1
    """At least so many findings must be selected."""
    min_distinct: Annotated[int, Field(ge=1, strict=True)] = 1
    """At least so many different values must be selected."""


class Grant(Node):
    """Until when an exception holds, and who answers for it."""

    until: date | None = None
    """Last day on which the exception holds (UTC)."""
    owner: str = ""
    """Who answers for the exception."""
    reason: str = ""
    """Why it was granted."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set - {"until", "owner", "reason"}:
            raise ValueError("has no condition, so the rule would never apply")
        return self


class Where(Selection):
    """Conditions that `when` and `unless` share. All given ones must hold; a list means any of."""

    role: Many[Role] = ()
    """Who speaks where the finding stands."""
    part: Many[PartKind] = ()
    """Kind of place where the finding stands."""
    file: FileConditions = FileConditions.model_construct(_fields_set=set())
    """A file in the request; findings and unread places must then be in such a file."""
    unread: Many[UnreadWord] = ()
    """Why something could not be read, or `any`."""


class Least(Node):
    """How many there must be."""

    at_least: Annotated[int, Field(ge=2, le=MOST_PICTURES, strict=True)]
    """So many or more, those of this request among them."""


class History(Node):
    """What the sender has sent to the same service, this request included."""

    face_pictures: Least
    """Different pictures with faces; holds only for a request that has one itself."""
    within: Seconds
    """Seconds, or e.g. `30 min` or `24 h`, which is the most."""


class When(Counted, Where):
    """What a rule applies to. Without finding, file or unread conditions: the request as such."""

    has_files: Literal[True] | None = None
    """The request carries at least one file."""
    history: History | None = None
    """What the sender has sent before, e.g. `{face_pictures: {at_least: 10}, within: 1 h}`."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError('is empty; to match every request write `host: "*"`')
        if "history" in self.model_fields_set and self.history is None:
            raise ValueError("`history` has no value; leave the key out or give one")
        return self


class Unless(Grant, Where):
    """An exception: what meets all of this is left out of the rule, and nothing else is."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.unread and self.model_fields_set & FINDING_KEYS:
            raise ValueError(
                "a place is either a finding or unread, never both; write two exceptions"
            )
        return self


FINDING_KEYS = frozenset({"entity", "entity_group", "detector", "role", "part", "fingerprint"})
"""Conditions that select findings, in `when` and `unless`."""

GRANTED_KEYS = frozenset(
    {
        "actor",
        "group",
        "device",
        "api_key",
        "source_network",
        "host",
        "fingerprint",
        "until",
        "owner",
        "reason",
    }
)
"""Keys of an `unless` that somebody was given: it names people, places or one value, or ends."""

COUNT_KEYS = frozenset({"min_confidence", "min_length", "min_count", "min_distinct"})
"""Conditions on findings that only `when` has: an exception works finding by finding."""


class Operator(Node):
    """How a value is taken out, with the operator's own parameters."""

    operator: OperatorName
    """`replace`, `mask`, `partial`, `hash` or `token`."""
    text: str | None = None
    """replace: the text to put there; without it a label such as `[US_SSN]`."""
    char: str | None = None
    """mask, partial: the character to cover with."""
    length: Annotated[int, Field(ge=1, le=64)] | None = None
    """mask: cover with so many characters, whatever the value's length; hash: letters."""
    keep_first: Annotated[int, Field(ge=0, le=8)] | None = None
    """partial: leave so many characters at the start."""
    keep_last: Annotated[int, Field(ge=0, le=8)] | None = None
    """partial: leave so many characters at the end."""
    shape: Literal["opaque", "similar"] | None = None
    """token: `opaque` such as `PERSON_…`, or `similar` to the value, so that tools take it."""
    scope: Literal["actor", "conversation", "organisation"] | None = None
    """token: within what the same value has the same token."""
    restore: bool | None = None
    """token: whether answers get the value back; no for secrets unless it is written here."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"operator": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        allowed = OPERATOR_PARAMETERS[self.operator]
        for key in sorted(self.model_fields_set - {"operator"}):
            if key not in allowed:
                known = ", ".join(f"`{name}`" for name in sorted(allowed)) or "none"
                raise ValueError(f"`{self.operator}` has no parameter `{key}` (it has {known})")
            if getattr(self, key) is None:
                raise ValueError(f"`{key}` has no value; leave the key out or give one")
        if self.text is not None and not re.fullmatch(SAFE_TEXT, self.text):
            raise ValueError(
                '`text` must be 1 to 100 printable ASCII characters without any of `<>"\\&`'
            )
        if self.char is not None and self.char not in SAFE_CHARS:
            raise ValueError(f"`char` must be one of `{SAFE_CHARS}`")
        if self.operator == "hash" and self.length is not None and not 4 <= self.length <= 32:
            raise ValueError("`length` of `hash` must be 4 to 32 letters")
        if self.operator == "partial" and not (self.keep_first or self.keep_last):
            raise ValueError("`partial` keeps nothing; give `keep_first` or `keep_last`, or `mask`")
        return self


OPERATOR_PARAMETERS: Mapping[str, frozenset[str]] = {
    "replace": frozenset({"text"}),
    "mask": frozenset({"char", "length"}),
    "partial": frozenset({"char", "keep_first", "keep_last"}),
    "hash": frozenset({"length"}),
    "token": frozenset({"shape", "scope", "restore"}),
}
SAFE_TEXT = r"[ !#-%'-;=?-\[\]-~]{1,100}"
"""Printable ASCII that needs no escape in JSON, XML or HTML text (none of `<>"\\&`)."""
SAFE_CHARS = "*#"


class Clean(Node):
    """What is taken out of a file and those within it, or put into its pictures."""

    metadata: Literal["strip"] | None = None
    """Of pictures: place, camera, names, comments, thumbnails. Of documents: who wrote and changed
    them, when and with what, their own properties. What they show stays."""
    hidden: Literal["strip"] | None = None
    """What a person who opens a document does not see: comments, notes, tracked changes, hidden
    text, slides, sheets, rows and columns, attachments, earlier revisions."""
    faces: Literal["fill", "blur", "pixelate"] | None = None
    """Faces; only `fill` makes sure that nobody is recognised."""
    codes: Literal["fill", "blur", "pixelate"] | None = None
    """Barcodes and QR codes; only `fill` makes sure that nothing can be read."""
    medical: Literal["deidentify"] | None = None
    """Whom a medical picture (DICOM) shows: header by the standard's profile, and all writing."""
    mark: Literal["no_training"] | None = None
    """A mark in the picture's XMP that forbids training (`plus:DataMining`), where there is none."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(getattr(self, name) for name in self.model_fields_set):
            raise ValueError(
                "does nothing; give `metadata`, `hidden`, `faces`, `codes`, `medical` or `mark`"
            )
        return self


LESSON = r"^[a-z0-9][a-z0-9_-]{0,39}$"
"""Names of lessons, which are names of files, too."""

type Reason = Annotated[str, Field(min_length=1, max_length=100)]

REASONS = ("work", "false_alarm", "public", "consent", "approved")
"""Reasons that are told in the person's own language; all others are told as they are written."""


class Coach(Node):
    """How a person is told why something was not sent, and how they may go on."""

    lesson: Annotated[str, Field(pattern=LESSON)] = "general"
    """What is told: one of the lessons that come with the gateway, or of the folder `lessons`."""
    reasons: Many[Reason] = REASONS[:4]
    """What may be chosen: `work`, `false_alarm`, `public`, `consent`, `approved`, or own words."""
    valid_for: Validity = 8 * 3600
    """How long the same content may go to the same service: seconds, or e.g. `30 min`, `8 h`, `7 d`."""
    ask_text: Literal["optional", "required", "never"] = "optional"
    """Whether people write some words of their own, too."""
    use_instead: Annotated[str, Field(max_length=300)] = ""
    """What to use instead, in one or two sentences."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("says nothing; leave it out")
        if len(set(self.reasons)) < len(self.reasons):
            raise ValueError("`reasons` names one twice")
        if any(not reason.isprintable() or reason != reason.strip() for reason in self.reasons):
            raise ValueError("`reasons` are single lines without spaces around them")
        return self


class RuleHead(Node):
    """What every rule says of itself."""

    id: Annotated[str, Field(pattern=RULE_ID)]
    """Unique over all rules of all files; lower-case letters, digits, `-` and `_`."""
    title: str = ""
    """One line for people."""
    description: str = ""
    """Why the rule exists."""
    severity: Literal["info", "low", "medium", "high", "critical"] = "medium"
    """How bad it is when the rule matches."""
    mode: Literal["monitor", "enforce"] = "enforce"
    """`monitor` records what the rule would do and does nothing; it must be written out."""
    rollout: Share = WHOLE
    """Share of the senders for whom the rule is enforced, e.g. `25%`; for the rest it monitors."""


class Rule(RuleHead):
    """One rule: what it applies to, what it leaves out, and what happens."""

    when: When
    """All given conditions must hold."""
    unless: Many[Unless] = ()
    """Exceptions, one or a list of them."""
    action: RuleAction
    """The strictest action of all matching rules is done; `allow` never overrides another rule."""
    to: Text | None = None
    """redirect: where the request goes instead, by its name under `approved`."""
    message: Annotated[str, Field(max_length=500)] = ""
    """What the person is told: short, kind, and what to do instead."""
    redact: dict[str, Operator] = Field(default_factory=dict)
    """Operator for each entity or group, and `default` for the rest."""
    clean: Clean = Clean.model_construct(_fields_set=set())
    """What `redact` does to the files that `when` selects, e.g. `{metadata: strip}`."""
    coach: Coach = Coach.model_construct(_fields_set=set())
    """How `coach` goes about it, e.g. `{lesson: secrets, valid_for: 1 h}`."""


class Override(Node):
    """A change to a rule of another file; what is not given stays as it was."""

    enabled: bool = True
    """`false` takes the rule out altogether."""
    severity: Literal["info", "low", "medium", "high", "critical"] = "medium"
    """Another severity."""
    mode: Literal["monitor", "enforce"] = "enforce"
    """Another mode."""
    rollout: Share = WHOLE
    """Another share of the senders."""
    action: ActionWord = "log"
    """Another action."""
    message: Annotated[str, Field(max_length=500)] = ""
    """Another message."""
    coach: Coach = Coach.model_construct(_fields_set=set())
    """Another way to coach; it takes the place of the whole of it."""
    unless: Many[Unless] = ()
    """Further exceptions; those that the rule has stay."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("changes nothing; give at least one key")
        return self


class AnswerWhere(Selection):
    """Conditions on answers that `when` and `unless` share. All given ones must hold."""

    part: Many[Literal["text", "tool_call", "reasoning", "key"]] = ()
    """What the finding stands in: a text, the arguments of a tool, reasoning, a key of JSON."""


class AnswerWhen(Counted, AnswerWhere):
    """Which findings in answers a rule is about. What the client sent itself never counts."""

    @model_validator(mode="after")
    def _finds(self) -> Self:
        if not self.model_fields_set & FINDING_KEYS:
            raise ValueError("selects no finding; add `entity`, `entity_group` or `detector`")
        return self


class AnswerUnless(Grant, AnswerWhere):
    """An exception: findings in answers that meet all of this are left out of the rule."""


def _answer_action(value: Any) -> Any:
    if value == "tokenise":
        raise ValueError("`tokenise` is for what leaves; in answers use `redact`")
    if value == "coach":
        raise ValueError("`coach` is for what leaves; in answers use `log`, `redact` or `block`")
    return value


def _answer_operators(operators: dict[str, Operator]) -> dict[str, Operator]:
    for key, operator in operators.items():
        if operator.operator == "token":
            raise ValueError(
                f"`{key}`: a `token` is for what leaves; in answers use `replace`, `mask`,"
                " `partial` or `hash`"
            )
    return operators


class AnswerRule(RuleHead):
    """One rule for answers: what it looks for, what it leaves out, and what happens."""

    when: AnswerWhen
    """All given conditions must hold."""
    unless: Many[AnswerUnless] = ()
    """Exceptions, one or a list of them."""
    action: Annotated[Literal["log", "redact", "block"], BeforeValidator(_answer_action)]
    """`redact` takes values out of the answer; `block` ends it."""
    message: Annotated[str, Field(max_length=500)] = ""
    """What the person is told when an answer is blocked."""
    redact: Annotated[dict[str, Operator], AfterValidator(_answer_operators)] = Field(
        default_factory=dict
    )
    """Operator for each entity or group, and `default` for the rest; none makes tokens."""

    def as_rule(self) -> Rule:
        """The same as a rule: it was checked here, and means the same there."""
        return Rule.model_construct(
            _fields_set=set(self.model_fields_set),
            **_given(self, except_for=("when", "unless")),
            when=When.model_construct(_fields_set=_fields(self.when), **_given(self.when)),
            unless=tuple(
                Unless.model_construct(_fields_set=_fields(item), **_given(item))
                for item in self.unless
            ),
        )


def _fields(node: Node) -> set[str]:
    return set(node.model_fields_set)


def _given(node: Node, except_for: Sequence[str] = ()) -> dict[str, Any]:
    values = {key: getattr(node, key) for key in node.model_fields_set if key not in except_for}
    if "part" in values:
        values["part"] = tuple(PartKind(kind) for kind in values["part"])
    return values


class Answers(Node):
    """What happens to answers: where tokens become values again, and what is looked for."""

    restore: Many[Literal["text", "tool_calls", "none"]] = ("text", "tool_calls")
    """In texts, in the arguments of tools, or `none`; never in URLs of strange hosts."""
    restore_in_urls: Many[Host] = ()
    """Hosts whose URLs may hold values, e.g. `*.corp.example`; those that a value stood in may."""
    keep_in_tools: Many[Text] = ()
    """Names of tools whose arguments keep their tokens, e.g. `web_*`."""
    rules: tuple[AnswerRule, ...] = ()
    """What is looked for in answers; those of all files count."""

    @model_validator(mode="after")
    def _one_or_none(self) -> Self:
        if "none" in self.restore and len(self.restore) > 1:
            raise ValueError("`none` stands alone in `restore`")
        return self


NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class Approved(Node):
    """An endpoint that rules may redirect to."""

    url: Annotated[str, AfterValidator(base_url)]
    """Base URL; the path of the request is put behind it."""
    protocol: Text
    """What it speaks, as the catalogue names protocols; others are told to use it themselves."""
    service: str = ""
    """A service of the catalogue whose rules are to hold there, too."""
    title: Annotated[str, Field(max_length=100)] = ""
    """What people call it."""


class Tenant(Node):
    """Headers that keep a service to the company's own tenants."""

    id: Annotated[str, Field(pattern=RULE_ID)]
    """Unique over all files."""
    when: Whence
    """All given conditions must hold."""
    unless: Many[Whence] = ()
    """Requests that meet all of it are left out."""
    headers: Annotated[dict[str, Annotated[str, AfterValidator(header_value)]], Field(min_length=1)]
    """Names and values; what the client sent under these names is deleted first."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.when.model_fields_set or not all(item.model_fields_set for item in self.unless):
            raise ValueError("has no condition; give `service` or `host`")
        for name in self.headers:
            if not re.fullmatch(HEADER_NAME, name) or name.lower() in _OF_THE_MESSAGE:
                raise ValueError(f"`{name}` is not a header that restricts tenants")
        if len({name.lower() for name in self.headers}) < len(self.headers):
            raise ValueError("names one header twice; letter case does not count")
        return self


HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}"
_OF_THE_MESSAGE = frozenset(
    "host connection content-length content-type content-encoding transfer-encoding te trailer"
    " upgrade cookie authorization proxy-authorization expect".split()
)
"""Headers without which a request is another one, or none."""

KEY_PRINT = r"^[0-9a-f]{24}$"


class PolicyDocument(Node):
    """One policy file."""

    version: Literal[1]
    """Version of this format."""
    title: str = ""
    """One line for people."""
    description: str = ""
    """What the file is for."""
    rules: tuple[Rule, ...] = ()
    """The order of rules and files never matters."""
    overrides: dict[str, Override] = Field(default_factory=dict)
    """Changes to rules by their id; of several files, the later one wins key by key."""
    entity_groups: dict[str, Many[Text]] = Field(default_factory=dict)
    """Own groups: a name for entities and other groups."""
    api_keys: dict[str, Many[Annotated[str, Field(pattern=KEY_PRINT)]]] = Field(
        default_factory=dict
    )
    """Lists of API keys: a name, and the fingerprints that `leakgate api-keys` gives."""
    approved: dict[Annotated[str, Field(pattern=NAME)], Approved] = Field(default_factory=dict)
    """Endpoints that rules may redirect to, by name."""
    tenants: tuple[Tenant, ...] = ()
    """Headers that keep services to the company's own tenants."""
    services: tuple[dict[str, Any], ...] = ()
    """Services of your own, in the catalogue's format."""
    inspect_hosts: tuple[Host, ...] = ()
    """Hosts that are inspected although no service lists them."""
    pass_through: tuple[Host, ...] = ()
    """Hosts whose TLS is never opened, e.g. apps that pin certificates."""
    detectors: dict[str, Any] = Field(default_factory=dict)
    """Settings of the detectors; of several files, the later one wins key by key."""
    answers: Answers = Answers()
    """Where answers get values back; of several files, the later one wins key by key."""
