"""What happens to one exchange? The whole story on one page.

match → extract → open files → detect → evaluate → redact → look again → decide.

An answer: read → detect → leave out what was sent → evaluate → what is to change.

Law: `inspect` is a function of the exchange and of what the inspector was built with. It decides;
it does not send, store, count or log. Whatever it cannot read, it says so, and policy decides.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway import content, evidence, protocols, refusals
from gateway.answers import passages
from gateway.encodings import splice
from gateway.encodings.content_encoding import EncodingError
from gateway.evidence import EvidencePlan
from gateway.model import (
    BlobPart,
    Cleaned,
    Decision,
    Enforcement,
    Exchange,
    Extraction,
    FileInfo,
    Finding,
    Forward,
    Issued,
    Locator,
    Look,
    Looked,
    Match,
    Outcome,
    PartKind,
    Passage,
    Refuse,
    Reply,
    Rewrite,
    Role,
    Route,
    Scan,
    Step,
    Stretch,
    TextPart,
    Unread,
    UnreadReason,
    Verdict,
)
from gateway.policy import (
    Contradiction,
    PolicySet,
    evaluate,
    evaluate_answer,
    look_at_answer,
    merged,
    restrictions,
)
from gateway.policy.executable import CompiledRule
from gateway.policy.teams import Teams
from gateway.redaction import Keys, Minter, fingerprint, key_print, plan, preview
from gateway.redaction.tokens import Hit, is_opaque
from gateway.services import Catalogue, route_of
from gateway.services.hosts import registered_domain

if TYPE_CHECKING:
    from gateway.detectors import Engine


_FLOWING = frozenset(
    {PartKind.TEXT, PartKind.TOOL_CALL, PartKind.TOOL_RESULT, PartKind.REASONING, PartKind.FILE}
)
"""Kinds of parts over which a value may be cut."""

_SEAM = 4096
"""Code points of a piece in which a value may end that began in the piece before it."""

_ROUNDS = 3
"""Times that an exchange is rewritten before it is refused."""

_LEFT = "not all of it could be taken out"

_ANSWER = Locator("answer")

_CLEANED: Mapping[Cleaned, str] = {
    "metadata": "a file that says by whom, where or with what it was made",
    "hidden": "something in a file that is not shown",
    "faces": "a face",
    "codes": "a barcode",
    "medical": "a medical picture that was not de-identified",
    "mark": "a picture that has to bear a mark against training",
}
"""What a request holds where a policy asks for a cleaning, for people."""


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file and what was read in it."""

    blob: BlobPart
    opened: content.Opened

    def holds(self, locator: Locator) -> bool:
        """Whether a place that was named by opening files lies in this one."""
        steps = self.blob.locator.steps
        inside = locator.steps[len(steps) :]
        return locator.steps[: len(steps)] == steps and (
            not inside or (len(inside) == 1 and inside[0].codec == "file")
        )


@dataclass(frozen=True, slots=True)
class _Reading:
    """One pass over an exchange.

    Its scan, with the findings that some rule asks for; the texts behind them; all that was found,
    by entity; bytes seen; files that were opened; what names the conversation, where it is told;
    tokens of ours that stood in it already.
    """

    scan: Scan
    texts: dict[Locator, str]
    found: dict[str, int]
    inspected: int
    uploads: tuple[_Upload, ...] = ()
    conversation: str = ""
    quoted: frozenset[str] = frozenset()


class Inspector:
    """Decides what happens to an exchange.

    `key` keys fingerprints and hashes, `tokens` are the keys of tokens. `teams` are the groups that are
    remembered of senders. `clock` gives seconds for the timings. Everything that the inspector holds is immutable, but for what it remembers of files; a policy reload builds a new
    one.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        policy: PolicySet,
        engine: Engine,
        key: bytes,
        limits: protocols.Limits | None = None,
        files: content.FileLimits | None = None,
        looking: content.PictureSettings | None = None,
        tokens: Keys | None = None,
        keeping: EvidencePlan | None = None,
        teams: Teams | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.catalogue = catalogue
        self.policy = policy
        self.engine = engine
        self._key = key
        self._limits = limits or protocols.Limits()
        self._files = files or content.FileLimits()
        self._looking = looking or content.PictureSettings()
        self._remembered = content.Remembered(
            hmac.digest(key, b"files that were read", "sha256"), clock=time.monotonic
        )
        self._uids = hmac.digest(key, b"UIDs of DICOM files", "sha256")
        self._file_key = hmac.digest(key, b"files that were coached on", "sha256")
        self._faces = hmac.digest(key, b"pictures with faces", "sha256")
        self._tokens = tokens or Keys({})
        self._by_conversation = any(
            ("scope", "conversation") in call.params for call, _ in policy.operators("token")
        )
        self._evidence = keeping
        self._teams = teams or Teams.of(policy)
        self._clock = clock
        self._lean: dict[tuple[str, str], Route] = {}
        self._asks_for_keys = policy.asks_for_keys
        self._asked = _asked(policy.rules)
        self._compared = _compared(policy)
        self._prints_files = any(
            _may_coach(rule) and (rule.file is not None or rule.unread is not None)
            for rule in policy.rules
        )
        self._asked_of_answers = _asked(policy.answers)
        self._looks_elsewhere = bool(policy.answers) and any(
            there.service for rule in policy.rules if (there := rule.to) is not None
        )

    def inspect(self, exchange: Exchange) -> Decision:
        """Decide about `exchange`. Raises only on a defect: the caller refuses then."""
        started = self._clock()
        if self._asks_for_keys:
            exchange = self._with_keys(exchange)
        route = route_of(self.catalogue, exchange)
        timings: dict[str, float] = {}
        look = look_at_answer(self.policy, exchange, route)
        # Where it goes is not known yet; what was sent is noted where its answer might be looked at.
        looks = look is not Look.NONE or self._looks_elsewhere
        sent: set[str] | None = set() if looks else None
        reading = self._read(exchange, route, timings, sent)
        before = self._clock()
        outcome, headers = self._judge(exchange, route, reading.scan)
        timings["evaluate"] = self._clock() - before
        if outcome.redirect is not None:
            away = self._away(route, outcome.redirect.service)
            if away is not None:
                look = max(look, look_at_answer(self.policy, exchange, away))
        enforcement: Enforcement = Forward()
        match outcome.verdict:
            case Verdict.BLOCK:
                enforcement = refusals.blocked(exchange, route, outcome)
            case Verdict.COACH:
                enforcement = refusals.coached(exchange, route, outcome)
            case Verdict.REDACT:
                before = self._clock()
                outcome, enforcement, left = self._redact(exchange, route, reading, outcome)
                reading = replace(
                    reading, scan=replace(reading.scan, portraits=left.scan.portraits)
                )
                timings["redact"] = self._clock() - before
            case Verdict.ALLOW | Verdict.LOG:
                pass
        scan = reading.scan
        # What happens next needs no facts: a lean route is cheaper to send.
        name = (route.service, route.operation)
        lean = self._lean.get(name)
        if lean is None:
            lean = self._lean[name] = replace(route, facts={})
        remember = outcome.monitored > Verdict.ALLOW or isinstance(enforcement, Refuse)
        if remember:
            scan = replace(scan, findings=self._marked(scan.findings, reading.texts, None))
        else:
            scan = replace(scan, findings=())
        timings["total"] = self._clock() - started
        decision = Decision(
            exchange=exchange.id,
            at=exchange.received_at,
            actor=exchange.actor,
            source_ip=exchange.source_ip,
            method=protocols.method_of(exchange),
            # A host that holds something is content; the route still says which service it is.
            host="*" if _names_something(reading.scan, exchange.host) else exchange.host,
            route=lean,
            scan=scan,
            outcome=outcome,
            enforcement=enforcement,
            policy_revision=self.policy.revision,
            detector_revision=self.engine.revision,
            incident=exchange.id if remember else "",
            inspected=reading.inspected,
            found=reading.found,
            timings=timings,
            quoted=reading.quoted,
            look=Look.NONE if isinstance(enforcement, Refuse) else look,
            sent=frozenset(sent or ()) if look is not Look.NONE else frozenset(),
            headers=headers,
            known=self._teams.known(self._with_keys(exchange))
            if remember or look is not Look.NONE
            else None,
        )
        if self._evidence is None or not remember:
            return decision
        return replace(decision, evidence=evidence.seal(self._evidence, decision, reading.texts))

    def _judge(
        self, exchange: Exchange, route: Route, scan: Scan
    ) -> tuple[Outcome, tuple[tuple[str, str], ...]]:
        """What the rules say, and the headers that restrict tenants.

        What goes elsewhere has to meet the rules for that service, too.
        """
        outcome = evaluate(self.policy, exchange, route, scan)
        there = outcome.redirect
        away = self._away(route, there.service) if there is not None else None
        try:
            headers = restrictions(self.policy, exchange, route)
            if away is not None:
                outcome = merged(outcome, evaluate(self.policy, exchange, away, scan))
                # What restricts the tenants of the one service says nothing to the other.
                headers = restrictions(self.policy, exchange, away)
        except Contradiction as contradiction:
            first, second, header = contradiction.args
            message = (
                f"This was not sent: `{first}` and `{second}` of the company's policy want different"
                f" values of `{header}`. Please tell the security team."
            )
            outcome = replace(outcome, verdict=Verdict.BLOCK, message=message)
            headers = ()
        return outcome, headers

    def _away(self, route: Route, service: str) -> Route | None:
        """The route of what goes to another service instead; None where that is not known."""
        known = self.catalogue.get(service)
        if known is None:
            return None
        there = known.route()
        return replace(route, service=there.service, category=there.category, facts=there.facts)

    def _with_keys(self, exchange: Exchange) -> Exchange:
        """The exchange with the fingerprints of its API keys."""
        if exchange.keys is not None:
            return exchange
        found = (key_print(each, key=self._key) for each in protocols.keys_of(exchange))
        return replace(exchange, keys=frozenset(found))

    def _read(
        self,
        exchange: Exchange,
        route: Route,
        timings: dict[str, float],
        sent: set[str] | None = None,
        standing: Collection[str] = (),
    ) -> _Reading:
        """Read the exchange; into `sent` go the fingerprints of what answers are looked at for.

        `standing` are stand-ins that were just put into it.
        """
        before = self._clock()
        extraction = protocols.of(route.protocol, exchange).extract(exchange, self._limits)
        timings["extract"] = self._clock() - before
        before = self._clock()
        opened, files, uploads = self._open(extraction)
        timings["open"] = self._clock() - before
        before = self._clock()
        findings: list[Finding] = []
        unread = list(opened.unread)
        texts: dict[Locator, str] = {}
        found: dict[str, int] = {}
        asked = self._asked
        inspected = 0
        looked_at = list(opened.parts)
        quoted: set[str] = set()
        for number, part in enumerate(opened.parts):
            if not isinstance(part, TextPart) or not part.text:
                continue
            tokens = self._tokens.ours_in(part.text, standing)
            text = _blanked(part.text, tokens) if tokens else part.text
            if tokens:
                looked_at[number] = replace(part, text=text)
                quoted.update(hit.token for hit in tokens)
            result = self.engine.scan(text, label=part.label)
            inspected += _size(part.text)
            unread.extend(
                Unread(part.locator, UnreadReason.DETECTOR_FAILED, _size(part.text), failure)
                for failure in result.failures
            )
            for match in _beside(result.matches, tokens, text) if tokens else result.matches:
                found[match.entity] = found.get(match.entity, 0) + 1
                if sent is not None and self._is_asked_of_answers(match.entity):
                    value = part.text[match.start : match.end]
                    sent.add(fingerprint(value, match.entity, key=self._key))
                if asked is None or match.entity in asked:
                    texts[part.locator] = part.text
                    findings.append(
                        Finding(
                            locator=part.locator,
                            role=part.role,
                            kind=part.kind,
                            editable=part.editable,
                            entity=match.entity,
                            start=match.start,
                            end=match.end,
                            confidence=match.confidence,
                            detector=match.detector,
                            fingerprint="",
                            preview="",
                        )
                    )
        for part in looked_at:
            if isinstance(part, TextPart) and part.before:
                findings += self._seam(part, found, unread)
                texts[part.locator] = part.text
        findings += self._split(replace(opened, parts=tuple(looked_at)), texts, found, unread)
        timings["detect"] = self._clock() - before
        if sent is not None:
            sent.update(one.fingerprint for one in findings if one.fingerprint)
        marked = tuple(findings)
        if self._compared is None or self._compared:
            marked = self._marked(marked, texts, self._compared)
        scan = Scan(marked, tuple(unread), files, self._portraits(uploads))
        conversation = _conversation(opened) if self._by_conversation else ""
        return _Reading(scan, texts, found, inspected, uploads, conversation, frozenset(quoted))

    # --- answers ----------------------------------------------------------------------------------

    def look(self, reply: Reply) -> Looked:
        """Decide about part of an answer. Raises only on a defect."""
        started = self._clock()
        exchange = self._with_keys(reply.exchange) if self._asks_for_keys else reply.exchange
        route = route_of(self.catalogue, exchange)
        unread: list[Unread] = []
        shown = reply.passages
        if reply.body:
            try:
                shown = self._passages(reply, route)
            except EncodingError as error:
                unread.append(Unread(_ANSWER, error.reason, len(reply.body)))
        findings = list(reply.before)
        texts: dict[Locator, str] = {}
        upto: list[int] = []
        inspected = 0
        for number, passage in enumerate(shown):
            inspected += _size(passage.text[passage.seen :])
            text = passages.readable(passage.text, passage.kind)
            tokens = self._tokens.ours_in(text)
            text = _blanked(text, tokens) if tokens else text
            result = self.engine.scan(text)
            unread.extend(
                Unread(_ANSWER, UnreadReason.DETECTOR_FAILED, _size(passage.text), failure)
                for failure in result.failures
            )
            matches = _beside(result.matches, tokens, text) if tokens else result.matches
            asked = [match for match in matches if self._is_asked_of_answers(match.entity)]
            end = passages.decided(passage, [(match.start, match.end) for match in asked])
            upto.append(end)
            place = Locator(f"answer.{passage.kind}", (Step("passage", number, number),))
            texts[place] = passage.text
            for match in asked:
                if not passage.seen < match.end <= end:
                    continue
                value = passage.text[match.start : match.end]
                mark = fingerprint(value, match.entity, key=self._key)
                if mark in reply.sent:
                    continue
                findings.append(
                    Finding(
                        locator=place,
                        role=Role.ASSISTANT,
                        kind=passage.kind,
                        editable=passage.editable,
                        entity=match.entity,
                        start=max(match.start, passage.seen),
                        end=match.end,
                        confidence=match.confidence,
                        detector=match.detector,
                        fingerprint=mark,
                        preview=preview(value, match.entity),
                    )
                )
        scan = Scan(tuple(findings), tuple(unread))
        outcome = evaluate_answer(self.policy, exchange, route, scan)
        away = self._away(route, reply.service)
        if away is not None:
            outcome = merged(outcome, evaluate_answer(self.policy, exchange, away, scan))
        return Looked(
            findings=scan.findings,
            outcome=outcome,
            stretches=self._stretches(scan, outcome, texts, first=len(reply.before)),
            upto=tuple(upto),
            unread=scan.unread,
            inspected=inspected,
            policy_revision=self.policy.revision,
            detector_revision=self.engine.revision,
            timings={"total": self._clock() - started},
        )

    def _is_asked_of_answers(self, entity: str) -> bool:
        return self._asked_of_answers is None or entity in self._asked_of_answers

    def _passages(self, reply: Reply, route: Route) -> tuple[Passage, ...]:
        answers = protocols.of(route.protocol, reply.exchange).answers
        limit = self._limits.max_decoded
        kind, encoding = reply.content_type, reply.content_encoding
        return tuple(passages.of_body(reply.body, kind, encoding, answers, limit=limit))

    def _stretches(
        self, scan: Scan, outcome: Outcome, texts: Mapping[Locator, str], *, first: int
    ) -> tuple[Stretch, ...]:
        """What is to change for the findings from number `first` on."""
        fresh = tuple(one for one in outcome.redactions if one.finding >= first)
        if not fresh:
            return ()
        planned = plan(
            scan, replace(outcome, redactions=fresh), lambda place: texts[place], key=self._key
        )
        return tuple(
            Stretch(edit.locator.steps[0].start, edit.start, edit.end, edit.replacement)
            for edit in planned.edits
        )

    # --- files and seams --------------------------------------------------------------------------

    def _portraits(self, uploads: tuple[_Upload, ...]) -> tuple[str, ...]:
        """Keyed digests of the pictures with faces; the same picture has the same one, always."""
        marks: dict[str, None] = {}
        for upload in uploads:
            places = content.places_with_faces(upload.opened)
            if not places:
                continue
            whole = hmac.digest(self._faces, upload.blob.data, "sha256")
            for place in places:
                marks[hmac.digest(whole, place.encode(), "sha256")[:12].hex()] = None
        return tuple(marks)

    def _digested(
        self,
        files: Sequence[FileInfo],
        uploads: Sequence[_Upload],
        parts: Sequence[TextPart | BlobPart],
    ) -> tuple[FileInfo, ...]:
        """The files with their digests: the same file has the same one, wherever it stands."""
        return tuple(replace(file, digest=self._digest(file, uploads, parts)) for file in files)

    def _digest(
        self, file: FileInfo, uploads: Sequence[_Upload], parts: Sequence[TextPart | BlobPart]
    ) -> str:
        for upload in uploads:
            outer = upload.blob.locator
            if outer == file.locator or upload.holds(file.locator):
                whole = hmac.digest(self._file_key, upload.blob.data, "sha256")
                inner = file.locator.path.removeprefix(outer.path).encode()
                return hmac.digest(whole, inner, "sha256")[:12].hex()
        # A file that came as text: its parts are all there is of it.
        seal = hmac.new(self._file_key, b"text", "sha256")
        place = file.locator
        found = False
        for part in parts:
            inside = part.locator.steps[: len(place.steps)] == place.steps
            if isinstance(part, TextPart) and inside and part.locator.path.startswith(place.path):
                text = part.text.encode("utf-8", "surrogatepass")
                seal.update(b"%d:" % len(text) + text)
                found = True
        # INVARIANT: what nobody has read has no digest, so that nobody is given leave for it.
        if not found:
            return ""
        return seal.digest()[:12].hex()

    def _open(
        self, extraction: Extraction
    ) -> tuple[Extraction, tuple[FileInfo, ...], tuple[_Upload, ...]]:
        """Open every file of `extraction`: its texts and unread places take the file's place.

        All files of an exchange share the time that one may take.
        """
        if not any(isinstance(part, BlobPart) for part in extraction.parts):
            told = extraction.files
            return (
                extraction,
                self._digested(told, (), extraction.parts) if self._prints_files else told,
                (),
            )
        parts: list[TextPart | BlobPart] = []
        unread = list(extraction.unread)
        files = list(extraction.files)
        uploads: list[_Upload] = []
        ends = time.monotonic() + self._files.seconds
        for part in extraction.parts:
            if isinstance(part, TextPart):
                parts.append(part)
                continue
            left = max(0.0, ends - time.monotonic())
            opened = content.open_blob(
                part,
                max_bytes=self._limits.max_decoded,
                limits=replace(self._files, seconds=left),
                looking=self._looking,
                remembered=self._remembered,
            )
            uploads.append(_Upload(part, opened))
            files += [opened.info, *opened.files]
            parts.extend(opened.parts)
            unread.extend(opened.unread)
        told = tuple(files)
        if self._prints_files:
            told = self._digested(told, uploads, parts)
        return Extraction(tuple(parts), tuple(unread)), told, tuple(uploads)

    def _seam(self, part: TextPart, found: dict[str, int], unread: list[Unread]) -> list[Finding]:
        """Findings that began in what has left already, and end in this part."""
        cut = len(part.before)
        text = part.before + part.text[:_SEAM]
        result = self.engine.scan(text, label=part.label)
        unread.extend(
            Unread(part.locator, UnreadReason.DETECTOR_FAILED, _size(part.text), failure)
            for failure in result.failures
        )
        findings: list[Finding] = []
        for match in result.matches:
            if not match.start < cut < match.end:
                continue
            found[match.entity] = found.get(match.entity, 0) + 1
            value = text[match.start : match.end]
            if self._asked is None or match.entity in self._asked:
                findings.append(
                    Finding(
                        locator=part.locator,
                        role=part.role,
                        kind=part.kind,
                        editable=False,
                        entity=match.entity,
                        start=0,
                        end=match.end - cut,
                        confidence=match.confidence,
                        detector=match.detector,
                        fingerprint=fingerprint(value, match.entity, key=self._key),
                        preview=preview(value, match.entity),
                    )
                )
        return findings

    def _split(
        self,
        opened: Extraction,
        texts: dict[Locator, str],
        found: dict[str, int],
        unread: list[Unread],
    ) -> list[Finding]:
        """Findings of values that are cut over parts: one in each part, all of the same value."""
        parts = [
            part
            for part in opened.parts
            if isinstance(part, TextPart) and part.text and part.kind in _FLOWING
        ]
        findings: list[Finding] = []
        if len(parts) < 2:
            return findings
        splits, failures = self.engine.across([part.text for part in parts])
        unread.extend(
            Unread(parts[0].locator, UnreadReason.DETECTOR_FAILED, 0, failure)
            for failure in sorted(failures)
        )
        for split in splits:
            found[split.entity] = found.get(split.entity, 0) + 1
            if self._asked is not None and split.entity not in self._asked:
                continue
            value = "".join(parts[n].text[start:end] for n, start, end in split.places)
            mark = fingerprint(value, split.entity, key=self._key)
            for number, start, end in split.places:
                part = parts[number]
                texts[part.locator] = part.text
                findings.append(
                    Finding(
                        locator=part.locator,
                        role=part.role,
                        kind=part.kind,
                        editable=part.editable,
                        entity=split.entity,
                        start=start,
                        end=end,
                        confidence=split.confidence,
                        detector=split.detector,
                        fingerprint=mark,
                        preview=preview(value, split.entity),
                    )
                )
        return findings

    def _marked(
        self,
        findings: tuple[Finding, ...],
        texts: Mapping[Locator, str],
        entities: frozenset[str] | None,
    ) -> tuple[Finding, ...]:
        """Give findings (of `entities`, or all) their fingerprint and preview.

        Done late: most findings are of entities that no rule asks for, and a chat repeats them
        with every turn.
        """
        result = []
        for finding in findings:
            if not finding.fingerprint and (entities is None or finding.entity in entities):
                value = texts[finding.locator][finding.start : finding.end]
                mark = fingerprint(value, finding.entity, key=self._key)
                masked = preview(value, finding.entity)
                result.append(replace(finding, fingerprint=mark, preview=masked))
            else:
                result.append(finding)
        return tuple(result)

    def _redact(
        self, exchange: Exchange, route: Route, reading: _Reading, outcome: Outcome
    ) -> tuple[Outcome, Enforcement, _Reading]:
        """Rewrite the exchange, then look again: what was to go must be gone, or it is refused.

        Gives what was read last, too.

        A label may speak for the number beside it, so that a second look finds what the first one
        was not sure of: that goes too, in the next round.
        """
        current, seen, wanted = exchange, reading, outcome
        issued: dict[str, Issued] = {}
        for _ in range(_ROUNDS):
            try:
                rewritten = self._rewrite(current, seen, wanted, reading.conversation)
            except (splice.CannotRewrite, content.CannotRewrite) as cannot:
                return *self._give_up(exchange, route, reading.scan, outcome, cannot.reason), seen
            current = replace(
                exchange,
                target=rewritten.target,
                headers=rewritten.headers,
                body=rewritten.body,
                trailers=rewritten.trailers,
            )
            issued |= {token.token: token for token in rewritten.tokens}
            standing = [token for token in issued if not is_opaque(token)]
            seen = self._read(current, route, {}, standing=standing)
            if len(seen.scan.unread) > len(reading.scan.unread):
                break
            # INVARIANT: leave for a file is leave for what becomes of it here.
            was = {file.locator.path: file.digest for file in reading.scan.files}
            files = tuple(
                replace(file, digest=was.get(file.locator.path, file.digest))
                for file in seen.scan.files
            )
            seen = replace(seen, scan=replace(seen.scan, files=files))
            wanted, _ = self._judge(current, route, seen.scan)
            if wanted.verdict < Verdict.REDACT:
                key_id = exchange.token_key or self._tokens.newest
                rewritten = replace(
                    rewritten, tokens=tuple(issued.values()), token_key=key_id if issued else ""
                )
                return outcome, rewritten, seen
            if wanted.verdict > Verdict.REDACT:
                break
        return *self._give_up(exchange, route, reading.scan, outcome, _LEFT), seen

    def _rewrite(
        self, exchange: Exchange, reading: _Reading, outcome: Outcome, conversation: str
    ) -> Rewrite:
        planned = plan(
            reading.scan,
            outcome,
            lambda locator: reading.texts[locator],
            key=self._key,
            minter=self._minter(exchange, conversation),
        )
        changes = list(planned.edits)
        cleanings = list(outcome.cleanings)
        blobs = []
        for upload in reading.uploads:
            texts = {part.locator for part in upload.opened.parts}
            its_edits = [change for change in changes if change.locator in texts]
            its_cleanings = [clean for clean in cleanings if upload.holds(clean.file)]
            if not its_edits and not its_cleanings:
                continue
            data = content.write_blob(
                upload.blob,
                upload.opened,
                its_edits,
                its_cleanings,
                key=self._uids,
                limits=self._files,
                looking=self._looking,
            )
            blobs.append((upload.blob.locator, data))
            changes = [change for change in changes if change.locator not in texts]
            cleanings = [clean for clean in cleanings if clean not in its_cleanings]
        if cleanings or any(_is_in_file(change.locator) for change in changes):
            raise splice.CannotRewrite("a file cannot be changed")
        rewritten = protocols.mirrored(exchange, splice.apply(exchange, changes, blobs))
        return replace(rewritten, tokens=planned.issued)

    def _minter(self, exchange: Exchange, conversation: str) -> Minter | None:
        if not self._tokens.keys:
            return None
        actor = exchange.sender
        return Minter(
            self._tokens,
            {
                "actor": actor,
                "conversation": f"{actor}\n{conversation}" if conversation else actor,
                "organisation": "",
            },
            key_id=exchange.token_key,
            taken=exchange.taken,
        )

    def _give_up(
        self, exchange: Exchange, route: Route, scan: Scan, outcome: Outcome, why: str
    ) -> tuple[Outcome, Enforcement]:
        found = {scan.findings[redaction.finding].entity for redaction in outcome.redactions}
        found |= {_CLEANED[cleaning.what] for cleaning in outcome.cleanings}
        what = ", ".join(sorted(found)[:3]) or "something that company policy does not let out"
        message = (
            f"This was not sent: it holds {what}, and cannot be changed on its way: {why}."
            " Please take it out and send again."
        )
        blocked = replace(outcome, verdict=Verdict.BLOCK, message=message)
        return blocked, refusals.blocked(exchange, route, blocked)


def _blanked(text: str, tokens: list[Hit]) -> str:
    """The text without our tokens, each character in its place: nothing is found in them."""
    pieces = []
    at = 0
    for hit in tokens:
        pieces += [text[at : hit.start], " " * (hit.end - hit.start)]
        at = hit.end
    return "".join((*pieces, text[at:]))


def _beside(matches: Sequence[Match], tokens: list[Hit], text: str) -> Iterator[Match]:
    """The matches, without the tokens that they go over: a token never goes out again."""
    for match in matches:
        at = match.start
        for hit in tokens:
            if hit.end <= at or hit.start >= match.end:
                continue
            if text[at : hit.start].strip():
                yield replace(match, start=at, end=hit.start)
            at = hit.end
        if at < match.end and (at == match.start or text[at : match.end].strip()):
            yield match if at == match.start else replace(match, start=at)


_CONVERSATION = re.compile(
    r"body\.(?:\w+\.)?(?:conversation(?:\.id|_id)?|thread_id|chat_id|session_id|conversationId|chatId)"
    r"|header\.(?:x-)?(?:conversation|session|claude-code-session)[-_]id"
)


def _conversation(extraction: Extraction) -> str:
    """What names the conversation that an exchange belongs to; empty when nothing does."""
    for part in extraction.parts:
        if isinstance(part, TextPart) and _CONVERSATION.fullmatch(part.locator.path):
            return part.text
    return ""


def _is_in_file(locator: Locator) -> bool:
    """Does a place lie in a file that had to be opened?"""
    return bool(locator.steps) and locator.steps[-1].codec == "file"


def _asked(rules: Sequence[CompiledRule]) -> frozenset[str] | None:
    """Entities that some rule asks for; None when a rule asks for any."""
    tests = [rule.finding for rule in rules if rule.finding is not None]
    if any(test.entities is None for test in tests):
        return None
    return frozenset(entity for test in tests for entity in test.entities or ())


def _compared(policy: PolicySet) -> frozenset[str] | None:
    """Entities whose findings some rule knows by fingerprint; None when it may be any."""
    entities: set[str] = set()
    for rule in policy.rules:
        tests = [rule.finding] if rule.min_distinct > 1 or _may_coach(rule) else []
        every = [rule.finding, *(exemption.finding for exemption in rule.unless)]
        tests += [test for test in every if test is not None and test.fingerprints is not None]
        for test in tests:
            if test is None or test.entities is None:
                return None
            entities |= test.entities
    return frozenset(entities)


def _may_coach(rule: CompiledRule) -> bool:
    """Whether somebody may be given leave for what the rule hits."""
    return rule.coaching is not None and rule.mode == "enforce"


def _names_something(scan: Scan, host: str) -> bool:
    """Was anything found in the host?

    The domain that somebody registered is no secret where it only sounds like a name: services are
    called like people.
    """
    found = [each for each in scan.findings if each.locator.path == "header.host"]
    if not found:
        return False
    name = host.lower().rstrip(".")
    domain = registered_domain(name)
    public = len(name) - len(domain) if domain and name.endswith(domain) else len(name)
    return any(each.entity not in _SOUNDS_LIKE or each.start < public for each in found)


_SOUNDS_LIKE = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP"})
"""Entities that are told by words alone."""


def _size(text: str) -> int:
    """Bytes of a text in UTF-8; a lone surrogate counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
