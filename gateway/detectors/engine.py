"""What is sensitive in a text? Law: `scan` never raises for content, and never passes over a
detector in silence: one that fails or runs out of time is named in the result.

The way of a text: it is cut into pieces (`segments`), each looked up in the memory of earlier
results (`memory`); the prefilter says which patterns can match in which block (`prefilter`); the
patterns with their checks confirm there (`probes`); words beside a match and headings over it raise
its confidence (`context`, `layout`); what is not sure enough is dropped (`catalogue`), overlaps are
resolved (`overlaps`). Then the same once more for views of the text with disguises undone
(`disguise`).
"""

from __future__ import annotations

import bisect
import hashlib
import importlib
import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.detectors import (
    catalogue,
    company,
    context,
    disguise,
    geometry,
    identifier_rules,
    identifiers,
    internal,
    labels,
    overlaps,
    parts,
    recognizers,
    seams,
    secret_judge,
    secret_rules,
    segments,
)
from gateway.detectors.cards import CardProbe
from gateway.detectors.examples import Examples
from gateway.detectors.layout import Layout
from gateway.detectors.memory import Memory
from gateway.detectors.names import NameFinder, finder
from gateway.detectors.own import Own
from gateway.detectors.prefilter import Expression, Prefilter, flatten, study
from gateway.detectors.probes import IpProbe, PatternProbe, Probe, Raw, SecretProbe
from gateway.detectors.registered import Known
from gateway.detectors.settings import Settings
from gateway.detectors.source_code import ENTITY as CODE
from gateway.detectors.source_code import SourceCode
from gateway.model import Match
from gateway.registers.folder import Registers

LABEL_SPEAKS = 300
"""Up to this many code points a text is a value, and its label is context for all of it."""

_WARMING = "phone +1 212 555 0123, 0171 5550123, 06 12 34 56 78"
"""Scanned once at the start: the number library compiles its patterns as it meets them."""

DISGUISED = 0.95
"""A disguised match is worth so much of what it would be worth in plain sight."""

PROVEN = frozenset({"CREDIT_CARD", "IBAN_CODE", "US_SSN"})
"""Entities that count in strict views, beside secrets that are as sure as `SURE`."""

SURE = 0.9

NAME_IN_CODE = 0.9
"""Least confidence of a name within source code: identifiers look like names."""

SMALL_NAME_IN_CODE = 0.99
"""The same for one in small letters, which has to be of several words."""

_ALONE = PROVEN | {"EMAIL_ADDRESS"}

WEAK = frozenset({"lines", "cells", "backwards", "leet"})
"""Views in which many numbers lie side by side: a word must speak for one of them, too."""

JOINED = frozenset({"wrapped", "lines", "cells"})
"""Views that join what stands in several lines or cells: they may join the wrong ones."""

ADDRESSES = frozenset(
    {"split", "spaced", "markup", "codes", "binary", "base85", "morse", "backwards", "rot13"}
    | {"spoken", "folded"}
)
"""Strict views in which an address of e-mail is hardly there by chance."""

REGISTERED = 8
"""Least code points of registered data that is found in strict views."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What was found in one text, by place; `failures` names detectors that gave no answer."""

    matches: tuple[Match, ...] = ()
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """A value that is cut over texts: `places` are the number of each text, start and end."""

    entity: str
    confidence: float
    detector: str
    places: tuple[tuple[int, int, int], ...]


class Engine:
    """All detectors, ready to scan. Safe to use from several threads; made to be forked."""

    def __init__(
        self,
        *,
        settings: Settings,
        probes: Sequence[Probe],
        prefilter: Prefilter,
        own: Own,
        code: SourceCode | None,
        names: NameFinder | None,
        memory: Memory,
        known: Known,
    ) -> None:
        self._probes = tuple(probes)
        self._prefilter = prefilter
        self._own = own
        self._code = code
        self._names = names
        self._memory = memory
        self._registered = known
        self._examples = Examples(settings.ignore_examples)
        self._stop_words = _stop_words(settings.language)
        described = settings.entities()
        self._floors = {
            name: settings.min_confidence.get(name, entity.min_confidence)
            for name, entity in described.items()
        }
        self._known = described
        self._apart = frozenset(name for name, entity in described.items() if entity.apart)
        self._vocabularies = {probe.entity: probe.vocabulary for probe in probes}
        found = {probe.entity for probe in probes} | own.entities
        found |= {CODE} if code else frozenset()
        found |= names.entities if names else frozenset()
        found |= known.entities
        self.entities: frozenset[str] = frozenset(found) - settings.disabled
        self.revision = _revision(settings, probes, known.marks)

    @classmethod
    def build(
        cls,
        settings: Settings,
        *,
        key: bytes,
        cache_dir: Path | None,
        registers: Registers | None = None,
    ) -> Engine:
        """The engine for `settings`, with the `registers` of which they tell.

        `key` keys the digests of remembered texts and the seal of the pattern cache in
        `cache_dir` (None compiles in memory). Raises `DocumentError` for a bad rule file and
        `names.ModelMissing` for a language model that is not installed.
        """
        own = Own([each for each in settings.custom if each.entity not in settings.disabled])
        probes = [*_shipped(settings), *own.probes]
        expressions = _expressions(probes, settings)
        owners = [probe for probe in probes for _ in probe.expressions]
        names = finder(settings, known=catalogue.entity_names() - settings.disabled)
        prefilter = Prefilter.build(expressions, key=key, cache_dir=cache_dir)
        code = None if CODE in settings.disabled else SourceCode(key=key, cache_dir=cache_dir)
        engine = cls(
            settings=settings,
            probes=owners,
            prefilter=prefilter,
            own=own,
            code=code,
            names=names,
            memory=Memory(key=key),
            known=Known(
                [each for each in settings.registered if each.says not in settings.disabled],
                registers,
            ),
        )
        disguise.prepare(cache_dir, key=key)
        engine.scan(_WARMING)
        return engine

    def scan(self, text: str, *, label: str = "") -> ScanResult:
        """Find everything sensitive in `text`; `label` is the name of the field that held it.

        Spans count code points of `text`. Never raises for content.
        """
        if not text:
            return ScanResult()
        if len(text) > LABEL_SPEAKS:
            label = ""
        digest = self._memory.digest(text, label, (0, -1))
        known = self._memory.get(digest)
        if known is not None:
            return ScanResult(known)
        if not text.isascii():
            # A lone surrogate has no UTF-8 form; one replacement character keeps the offsets.
            text = _SURROGATE.sub("\ufffd", text)
        failures: set[str] = set()
        words = geometry.without(text)
        result = self._plain(words, label, failures)
        more = _without_crossing(self._disguised(words, label, failures), result)
        more += self._labelled(words, label, failures)
        more += self._of_registers(text, failures)
        code = self._stretches(words, failures)
        if code:
            result = self._without_identifiers(text, result, code)
        if more:
            result = overlaps.resolve([*result, *more, *code], apart=self._apart)
        elif code:
            result = overlaps.beside(result, code)
        result = self._without_examples(text, result)
        if not failures:
            self._memory.put(digest, result)
        return ScanResult(result, tuple(sorted(failures)))

    def _of_registers(self, text: str, failures: set[str]) -> list[Match]:
        """What is registered. Looked for in the text as a whole, for rows and documents go on."""
        try:
            found = self._registered.find(text)
        except Exception:  # noqa: BLE001  # the law of `scan`
            failures.add("registered")
            return []
        return [match for match in found if match.confidence >= self._floors[match.entity]]

    def _labelled(self, text: str, label: str, failures: set[str]) -> list[Match]:
        """Secrets that only the name of the field tells of."""
        whole = labels.said(label, text)
        if whole is None:
            return []
        said, first = whole
        return [
            replace(match, start=match.start - first, end=match.end - first)
            for match in self._matches(said, (0, len(said)), self._around(said, ""), failures)
            if match.detector.startswith("secret:")
            and match.start >= first
            and match.end <= first + len(text)
        ]

    def _stretches(self, text: str, failures: set[str]) -> list[Match]:
        """Stretches of code. Looked for in the text as a whole: they go on over its pieces."""
        if self._code is None:
            return []
        try:
            found = self._code.find(flatten(text))
        except Exception:  # noqa: BLE001  # the law of `scan`
            failures.add("source_code")
            return []
        return [match for match in found if match.confidence >= self._floors[CODE]]

    def _without_identifiers(
        self, text: str, found: tuple[Match, ...], code: Sequence[Match]
    ) -> tuple[Match, ...]:
        """What was found, apart from words of code that only might be names."""
        if self._names is None:
            return found
        unsure = self._names.name
        return tuple(
            match
            for match in found
            if match.detector != unsure
            or _surely_named(match, text[match.start : match.end])
            or not any(each.start <= match.start and match.end <= each.end for each in code)
        )

    def across(self, texts: Sequence[str]) -> tuple[list[Split], frozenset[str]]:
        """Values that are cut over `texts`, and the detectors that gave no answer.

        Only such as prove themselves, numbers only beside a word that speaks for them.
        """
        found: list[Split] = []
        failures: set[str] = set()
        for chain in seams.chains(texts):
            clean = _SURROGATE.sub("\ufffd", chain.text)
            around = self._around(clean, "")
            matches = self._matches(clean, (0, len(clean)), around, failures, proven=True)
            for match in (*matches, *self._of_registers(clean, failures)):
                places = chain.places(match.start, match.end)
                registered = match.detector.startswith("registered:")
                if len(places) < 2 or not (registered or _proven(match, "split")):
                    continue
                if registered:
                    name = f"{match.detector}+split"
                    found.append(Split(match.entity, match.confidence, name, tuple(places)))
                    continue
                words = self._vocabularies[match.entity]
                if match.entity in PROVEN and not around.speaks(words, match.start, match.end):
                    continue
                sure = round(max(self._floors[match.entity], match.confidence * DISGUISED), 4)
                found.append(Split(match.entity, sure, f"{match.detector}+split", tuple(places)))
        return found, frozenset(failures)

    def _without_examples(self, text: str, matches: tuple[Match, ...]) -> tuple[Match, ...]:
        """Without published examples, and without what is found within one."""
        ignored = [
            match
            for match in matches
            if self._examples.hold(match.entity, text[match.start : match.end])
        ]
        if not ignored:
            return matches
        return tuple(
            match
            for match in matches
            if not any(each.start <= match.start and match.end <= each.end for each in ignored)
        )

    def _plain(self, text: str, label: str, failures: set[str]) -> tuple[Match, ...]:
        """What is to be seen in `text` as it stands."""
        matches: list[Match] = []
        cut = segments.pieces(text)
        layout = Layout(text)
        for piece in cut:
            found = self._piece(text, piece, label, failures, layout=layout)
            matches.extend(found)
        if len(cut) == 1:
            return tuple(matches)
        return overlaps.resolve(matches, apart=self._apart)

    def _disguised(self, text: str, label: str, failures: set[str]) -> list[Match]:
        """What is to be seen in the views of `text`, at the places of `text`."""
        matches: list[Match] = []
        try:
            for view in disguise.views(text):
                for match in self._seen(view, label, failures):
                    if view.strict and not self._counts(match, view):
                        continue
                    place = view.place(match.start, match.end)
                    if place is None:
                        continue
                    start, end, name = place
                    floor = self._floors[match.entity]
                    sure = round(max(floor, match.confidence * DISGUISED), 4)
                    matches.append(
                        Match(match.entity, start, end, sure, f"{match.detector}+{name}")
                    )
        except Exception:  # noqa: BLE001  # the law of `scan`; `TooMuch` and all else is told
            failures.add("disguise")
        return matches

    def _counts(self, match: Match, view: disguise.View) -> bool:
        """Does a match in a strict view prove itself?"""
        if match.detector.startswith("registered:"):
            # No chance makes a digest: but a short word, backwards, may be another one.
            return match.end - match.start >= REGISTERED
        if not _proven(match, view.name):
            return False
        if view.name not in WEAK or match.entity not in PROVEN:
            return True
        # A checksum alone lets every tenth of such numbers pass.
        around = self._around(view.text, "")
        return around.speaks(self._vocabularies[match.entity], match.start, match.end)

    def _seen(self, view: disguise.View, label: str, failures: set[str]) -> tuple[Match, ...]:
        """Plain matches in a view, remembered: its text comes back with the next turn of a chat."""
        # Apart from what is remembered of a text as such: a strict view is not all looked at.
        digest = self._memory.digest(view.text, label, (0, -3 if view.strict else -2))
        known = self._memory.get(digest)
        if known is None:
            failed: set[str] = set()
            clean = _SURROGATE.sub("\ufffd", view.text)
            if view.strict:
                around = self._around(clean, label)
                known = self._matches(clean, (0, len(clean)), around, failed, proven=True)
            else:
                known = self._plain(clean, label, failed)
            known = (*known, *self._of_registers(clean, failed))
            if failed:
                failures |= failed
            else:
                self._memory.put(digest, known)
        return known

    def _piece(
        self,
        text: str,
        piece: segments.Piece,
        label: str,
        failures: set[str],
        *,
        layout: Layout,
    ) -> tuple[Match, ...]:
        if piece.left == 0 and piece.right == len(text):
            around = self._around(text, label, layout)
            return self._matches(text, (0, len(text)), around, failures)
        window, shift = text[piece.left : piece.right], piece.left
        place = (piece.start - shift, piece.end - shift)
        # What stands over the values of a piece may be far away, and other than last time.
        over = layout.reaching(shift) if context.NUMBER.search(window) else ()
        beyond = "\n".join((label, *over))
        digest = self._memory.digest(window, beyond, place)
        found = self._memory.get(digest)
        if found is None:
            failed: set[str] = set()
            around = self._around(window, label, layout, shift, beyond=beyond)
            found = self._matches(window, place, around, failed)
            if failed:
                failures |= failed
            else:
                self._memory.put(digest, found)
        return tuple(
            Match(m.entity, m.start + shift, m.end + shift, m.confidence, m.detector) for m in found
        )

    def _around(
        self,
        text: str,
        label: str,
        layout: Layout | None = None,
        offset: int = 0,
        *,
        beyond: str | None = None,
    ) -> context.Context:
        return context.Context(
            text,
            label=label,
            stop_words=self._stop_words,
            layout=layout,
            offset=offset,
            beyond=label if beyond is None else beyond,
        )

    def _matches(
        self,
        text: str,
        place: tuple[int, int],
        around: context.Context,
        failures: set[str],
        *,
        proven: bool = False,
    ) -> tuple[Match, ...]:
        """Matches that start in `place` of `text`, with everything around them as context.

        With `proven` only those that can be `_proven`.
        """
        start, end = place
        found: dict[str, list[Raw]] = {}
        # INVARIANT: the label stands for all that `around` sees beyond the text; patterns that wait
        # for a word are not looked for when it is in neither.
        windows, spoken = self._prefilter.look(
            text, start, end, label=around.beyond, proving=proven
        )
        around.hear(spoken)
        # By number: of equal matches the first stands, in whatever order the matcher tells of them.
        for number, hit in sorted(windows.items()):
            probe = self._probes[number]
            if proven and not _may_prove(probe):
                continue
            try:
                for first, last in hit:
                    for raw in probe.find(text, first, last, around):
                        found.setdefault(probe.name, []).append(raw)
            except Exception:  # noqa: BLE001  # the law of `scan`; the failure is in the result
                failures.add(probe.name)
        matches = self._judge(text, found, around) if found else []
        if not proven:
            try:
                matches.extend(
                    match
                    for match in self._own.keywords(text)
                    if start <= match.start < end and match.confidence >= self._floors[match.entity]
                )
            except Exception:  # noqa: BLE001  # as above
                failures.add("keywords")
        if self._names is not None and not proven:
            try:
                for first, last, entity, sure in self._names.find(text):
                    if start <= first < end and sure >= self._floors[entity]:
                        matches.append(Match(entity, first, last, sure, self._names.name))
            except Exception:  # noqa: BLE001  # as above
                failures.add(self._names.name)
        return overlaps.resolve(matches, apart=self._apart)

    def _judge(
        self, text: str, found: dict[str, list[Raw]], around: context.Context
    ) -> list[Match]:
        """Confidence of each raw match in its context; those sure enough to report."""
        matches = []
        for raws in found.values():
            kept = (
                raws
                if len(raws) == 1
                else [
                    raws[i]
                    for i in overlaps.without_contained(
                        [(raw.start, raw.end, raw.confidence) for raw in raws]
                    )
                ]
            )
            for raw in kept:
                if _looks_at_form(raw.probe) and (
                    parts.is_part(text, raw.start, raw.end)
                    and not around.speaks(raw.probe.vocabulary, raw.start, raw.end)
                ):
                    continue
                entity = self._known[raw.entity]
                sure = min(raw.confidence, entity.at_most)
                capped = entity.without_context is not None or entity.digits_alone is not None
                if not raw.settled and (sure < 1.0 or capped):
                    if around.speaks(raw.probe.vocabulary, raw.start, raw.end):
                        sure = context.raised(sure)
                    elif capped:
                        sure = min(sure, entity.cap(text[raw.start : raw.end]))
                if sure >= self._floors[raw.entity] - 1e-9:
                    sure = round(sure, 4)
                    matches.append(Match(raw.entity, raw.start, raw.end, sure, raw.probe.name))
        return matches


def _looks_at_form(probe: Probe) -> bool:
    """Is it a number's form alone that the probe goes by, and not what stands beside it?"""
    return isinstance(probe, (PatternProbe, CardProbe)) and not isinstance(probe, IpProbe)


def _without_crossing(disguised: Sequence[Match], seen: Sequence[Match]) -> list[Match]:
    """`disguised` without values that were joined from a part of one that is `seen` as it stands.

    Of a number at the end of a line and the one under it, a view makes a third, which begins within
    the first: were it a value, the surer one were none.
    """
    by_entity: dict[str, list[Match]] = {}
    for match in seen:
        by_entity.setdefault(match.entity, []).append(match)  # by place, as they are in `seen`
    longest = max((match.end - match.start for match in seen), default=0)

    def crosses(match: Match) -> bool:
        if match.detector.rpartition("+")[2] not in JOINED:
            return False
        same = by_entity.get(match.entity, [])
        at = bisect.bisect_left(same, match.start - longest, key=_start)
        return any(
            other.confidence >= match.confidence
            and (
                other.start < match.start < other.end < match.end
                or match.start < other.start < match.end < other.end
            )
            for other in same[at : bisect.bisect_left(same, match.end, key=_start)]
        )

    return [match for match in disguised if not crosses(match)]


def _start(match: Match) -> int:
    return match.start


def _proven(match: Match, view: str) -> bool:
    """True for a match whose own form proves it.

    By a checksum, by a vendor's prefix, or as an address of which each character stands alone.
    """
    if match.entity == "EMAIL_ADDRESS":
        return view in ADDRESSES
    if match.detector.startswith("secret:"):
        return match.confidence >= SURE
    return match.entity in PROVEN


def _may_prove(probe: Probe) -> bool:
    """Can a match of `probe` be `_proven`?"""
    if probe.name.startswith("secret:"):
        return probe.strongest >= SURE
    return probe.entity in _ALONE


def _wanted(probe: Probe, expression: Expression, settings: Settings) -> Expression:
    """The expression with the words that its matches need, or may be raised by.

    INVARIANT: where they are needed, no match of the probe would be reported without.
    """
    entity = settings.entities()[probe.entity]
    floor = settings.min_confidence.get(entity.name, entity.min_confidence)
    alone = min(probe.strongest, entity.at_most)
    if entity.without_context is not None:
        alone = min(alone, entity.without_context)
    if expression.words or not probe.vocabulary.wanted:
        return expression
    return replace(expression, words=probe.vocabulary.wanted, alone=alone >= floor - 1e-9)


def _surely_named(match: Match, name: str) -> bool:
    """True for a name that is no identifier, though it stands in source code."""
    if name[0].islower():
        return match.confidence >= SMALL_NAME_IN_CODE and " " in name
    return match.confidence >= NAME_IN_CODE


def _stop_words(language: str) -> frozenset[str]:
    """spaCy's stop words of `language`, English ones when it has none."""
    for code in (language, "en"):
        try:
            module = importlib.import_module(f"spacy.lang.{code}.stop_words")
        except ImportError:
            continue
        return frozenset(module.STOP_WORDS)
    return frozenset()


def prepare() -> None:
    """Load what engines share, whatever their settings: rules, libraries, words, plans of numbers.

    Processes that are forked afterwards have it all, and share its memory.
    """
    settings = Settings()
    study(_expressions(_shipped(settings), settings))
    finder(settings, known=catalogue.entity_names())


def _shipped(settings: Settings) -> list[Probe]:
    """The probes of what ships, and of the company's own names."""
    probes: list[Probe] = [*recognizers.probes(settings), *identifiers.probes(settings)]
    if settings.secrets:
        probes.extend(
            SecretProbe(secret_rules.Matcher(rule))
            for rule in secret_rules.load_rules()
            if rule.entity not in settings.disabled
        )
        probes.extend(secret_judge.probes(settings.disabled))
    probes.extend(company.probes(settings))
    probes.extend(internal.probes(settings))
    return probes


def _expressions(probes: Sequence[Probe], settings: Settings) -> list[Expression]:
    """What the prefilter looks for, which counts expressions: a probe has one or more."""
    return [
        replace(_wanted(probe, expression, settings), proves=_may_prove(probe))
        for probe in probes
        for expression in probe.expressions
    ]


def _revision(settings: Settings, probes: Sequence[Probe], registers: Sequence[str]) -> str:
    """Changes with whatever can change a result: settings, patterns, rules, lists, libraries."""
    state = hashlib.blake2b(digest_size=8)
    state.update(settings.model_dump_json().encode())
    for mark in registers:
        state.update(mark.encode())
    for probe in probes:
        state.update(f"{probe.name} {probe.entity}".encode())
        for expression in probe.expressions:
            state.update(f"{expression.flags} {expression.pattern}".encode())
    for rule in (
        *(secret_rules.load_rules() if settings.secrets else ()),
        *identifier_rules.load_rules(),
    ):
        state.update(rule.model_dump_json().encode())
    for entity in catalogue.entities().values():
        state.update(repr(entity).encode())
    for library in ("presidio-analyzer", "phonenumbers", "regex", "tldextract", "hyperscan"):
        state.update(f"{library} {importlib.metadata.version(library)}".encode())
    here = Path(__file__).parent
    for kind in ("*.py", "*.yaml", "models/*.npz", "models/*.json"):
        for file in sorted(here.glob(kind)):
            state.update(file.read_bytes())
    return state.hexdigest()
