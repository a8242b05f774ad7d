"""How do the stages come together? The composition root of inspection.

Law: the only module below the commands that knows all stages. What it builds is given, as plain
values, to worker processes, which build the same again.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway import content, detectors, evidence, protocols, redaction, services
from gateway import policy as policies
from gateway.answers import Vault
from gateway.coaching import lessons
from gateway.documents import DocumentError, Marks, Problem, suggest
from gateway.evidence import EvidencePlan
from gateway.inspection import Inspector
from gateway.model import Exchange, Match, Route, Severity
from gateway.policy import PolicySet, Section, Vocabulary, cases, differences
from gateway.policy.cases import CaseResult
from gateway.policy.teams import Teams
from gateway.redaction import Keys, key_print, label
from gateway.registers import folder as registers
from gateway.registers.folder import Register, RegisterPlan, Registers
from gateway.registers.prints import Prints
from gateway.registers.store import RegisterError
from gateway.secret import KEY_BYTES, NoKey, key_in
from gateway.services import Catalogue, ServiceDocument, route_of
from gateway.settings import Settings

_KEY_FILE = "fingerprint.key"


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that comes from the policy folder, checked."""

    policy: PolicySet
    services: tuple[ServiceDocument, ...]
    detectors: detectors.Settings
    catalogue: Catalogue = field(repr=False)


@dataclass(frozen=True, slots=True)
class InspectorPlan:
    """What a worker needs to build the inspector. `key` keys fingerprints and caches."""

    policy: PolicySet
    catalogue: Catalogue = field(repr=False)
    detectors: detectors.Settings
    key: bytes = field(repr=False)
    cache: Path | None
    max_decoded: int
    files: content.FileLimits
    looking: content.PictureSettings
    tokens: Keys = field(default=Keys({}), repr=False)
    evidence: EvidencePlan | None = None
    teams: Teams = field(default_factory=Teams)
    registers: RegisterPlan | None = None


def vocabulary(catalogue: Catalogue) -> Vocabulary:
    """The names that policies may use, beside those that they define."""
    return Vocabulary(
        services={service.id: service.category for service in catalogue.services()}
        | {services.UNKNOWN_SERVICE: "unknown"},
        categories=frozenset(services.CATEGORIES),
        operations=frozenset(catalogue.operations()),
        facts=services.vocabulary(),
        entities=detectors.entity_names(),
        groups=detectors.groups(),
        detectors=detectors.detector_names(),
        protocols=frozenset(protocols.names()),
        lessons=lessons.names(),
    )


def load_rules(folder: Path) -> Rules:
    """Read and check the policy folder. Raises `DocumentError` with every problem."""
    if not folder.is_dir():
        raise DocumentError([Problem(str(folder), 0, 0, "is not a folder of policy files")])
    policy = policies.load(folder, vocabulary(Catalogue.load()))
    extra, problems = _services(policy.services)
    settings, more = _detector_settings(policy)
    problems.extend(more)
    problems.extend(lessons.problems(policy.lessons))
    if problems:
        raise DocumentError(problems)

    def locate(number: int, place: Sequence[str | int], message: str) -> Problem:
        section = policy.services[number]
        return Marks(section.text, section.source).problem((*section.at, *place), message)

    catalogue = Catalogue.load(extra, inspected_hosts=policy.inspect_hosts, locate=locate)
    unseen = [
        replace(
            tenant.place,
            message=f"tenant `{tenant.id}`: `{glob.text}` is not inspected, so nothing is set there;"
            " add it to `inspect_hosts`",
        )
        for tenant in policy.tenants
        for glob in tenant.sender.hosts
        if "*" not in glob.text and not catalogue.inspects(glob.text)
    ]
    if unseen:
        raise DocumentError(unseen)
    return Rules(policy, extra, settings, catalogue)


def _services(sections: Sequence[Section]) -> tuple[tuple[ServiceDocument, ...], list[Problem]]:
    extra: list[ServiceDocument] = []
    problems: list[Problem] = []
    for section in sections:
        try:
            extra.append(section.check(ServiceDocument))
        except DocumentError as error:
            problems.extend(error.problems)
    return tuple(extra), problems


def _detector_settings(policy: PolicySet) -> tuple[detectors.Settings, list[Problem]]:
    parts: list[detectors.Settings] = []
    known: list[detectors.Registered] = []
    problems: list[Problem] = []
    for section in policy.detectors:
        try:
            part = section.check(detectors.Settings, context=policy.own_entities)
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        parts.append(part)
        problems.extend(
            section.problem(("custom", position, *place), message)
            for position, custom in enumerate(part.custom)
            for place, message in detectors.problems(custom)
        )
        problems.extend(
            section.problem(("registered", position, "name"), f"`{one.name}` is registered twice")
            for position, one in enumerate(part.registered)
            if one.name in {each.name for each in (*known, *part.registered[:position])}
        )
        known.extend(part.registered)
    return detectors.Settings.merged(parts), problems


def plan(
    rules: Rules,
    *,
    key: bytes,
    cache: Path | None,
    max_decoded: int,
    files: content.FileLimits | None = None,
    looking: content.PictureSettings | None = None,
    tokens: Keys | None = None,
    keeping: EvidencePlan | None = None,
    teams: Sequence[str] = (),
    known: RegisterPlan | None = None,
) -> InspectorPlan:
    """What to give to workers."""
    return InspectorPlan(
        policy=rules.policy,
        catalogue=rules.catalogue,
        detectors=rules.detectors,
        key=key,
        cache=cache,
        max_decoded=max_decoded,
        files=files or content.FileLimits(),
        looking=looking or content.PictureSettings(),
        tokens=tokens or Keys({}),
        evidence=keeping,
        teams=Teams.of(rules.policy, teams),
        registers=known,
    )


def prepare() -> None:
    """Load what inspectors share, whatever the policies say."""
    content.prepare()
    detectors.prepare()
    redaction.prepare()


def build_inspector(plan: InspectorPlan) -> Inspector:
    """Build the inspector; called in each worker."""
    # A file that an operator gave may be broken: that is to be seen at the start.
    given = plan.looking.face_model is not None or plan.looking.register is not None
    content.prepare(plan.looking if given else None)
    return Inspector(
        catalogue=plan.catalogue,
        policy=plan.policy,
        engine=plain_engine(plan.detectors, plan.key, plan.cache, plan.registers),
        key=plan.key,
        limits=protocols.Limits(max_decoded=plan.max_decoded),
        files=plan.files,
        looking=plan.looking,
        tokens=plan.tokens,
        keeping=plan.evidence,
        teams=plan.teams,
    )


def register_of(folder: Path) -> tuple[str, int, tuple[Path, ...]]:
    """The register of the pictures in a folder, how many those are, and the files that are none."""
    from gateway.content.pictures import register  # noqa: PLC0415  # loads the pictures' libraries

    found, others = register.folder(folder)
    return register.save(found), len(found), tuple(others)


def plain_engine(
    settings: detectors.Settings, key: bytes, cache: Path | None, known: RegisterPlan | None
) -> detectors.Engine:
    """The detectors, with what is registered. Raises `RegisterError`."""
    loaded = None if known is None or not known.files else registers.load_all(known)
    return detectors.Engine.build(settings, key=key, cache_dir=cache, registers=loaded)


def build_engine(
    settings: detectors.Settings, state: Path, known: Registers | None = None
) -> detectors.Engine:
    """The detectors by themselves, for commands that scan.

    What a gateway has compiled in `state` is used where its key may be read: compiling takes seconds.
    No key is made here, for the gateway could not read one that somebody else owns.
    """
    key, cache = known_key(state), None
    if key is None:
        key = secrets.token_bytes(KEY_BYTES)
    else:
        cache = cache_folder(state)
    return detectors.Engine.build(settings, key=key, cache_dir=cache, registers=known)


# --- what is registered ---------------------------------------------------------------------------


def registered(
    settings: Settings, described: Sequence[detectors.Registered]
) -> tuple[Registers | None, list[Problem]]:
    """What is registered of what policies describe, and why the rest cannot be used."""
    if not described:
        return None, []
    loaded: dict[str, Register] = {}
    problems = []
    where = settings.registers_path
    there = registers.names(where)
    prints = None
    try:
        prints = Prints(registers.key(settings.register_key_path))
    except RegisterError as error:
        # Where nothing is registered there is no key either, and that is told by name.
        if there:
            problems.append(Problem("setting register_key", 0, 0, str(error)))
    for each in described:
        source = f"register {each.name}"
        if each.name not in there:
            told = (
                f"`{each.name}` is described by the policies, and nothing is registered under that"
                f" name in `{where}`: `leakgate register {each.kind} {each.name} …`"
            )
            problems.append(Problem(source, 0, 0, told))
        elif prints is not None:
            try:
                register = registers.load(registers.path_of(where, each.name), each.name, prints)
            except RegisterError as error:
                problems.append(Problem(source, 0, 0, str(error)))
                continue
            if (why := detectors.misfit(each, register.about)) is not None:
                problems.append(Problem(source, 0, 0, why))
            else:
                loaded[each.name] = register
    return (None if prints is None else Registers(prints, loaded)), problems


def register_plan(settings: Settings, rules: Rules) -> RegisterPlan | None:
    """What workers load of what is registered; None when policies describe nothing.

    Raises `DocumentError` when anything that they describe is missing or damaged, or does not fit.
    """
    described = rules.detectors.registered
    loaded, problems = registered(settings, described)
    if problems:
        raise DocumentError(problems)
    if loaded is None:
        return None
    where = settings.registers_path
    return RegisterPlan(
        registers.key(settings.register_key_path),
        tuple(
            (name, registers.hold(where, name, each.mark), each.mark)
            for name, each in loaded.by_name.items()
        ),
        {name: each.about for name, each in loaded.by_name.items()},
    )


def release_registers(settings: Settings, known: RegisterPlan | None) -> None:
    """Let go of what workers use no more."""
    kept = () if known is None else [path for _, path, _ in known.files]
    registers.release(settings.registers_path, kept)


def known_key(state: Path) -> bytes | None:
    """The key of fingerprints, where there is one that may be read."""
    try:
        return key_in(state / _KEY_FILE, make=False)
    except NoKey:
        return None


def key_fingerprint(value: str, key: bytes) -> str:
    """The fingerprint by which policies know an API key."""
    return key_print(value, key=key)


def run_cases(folder: Path, rules: Rules, engine: detectors.Engine) -> tuple[CaseResult, ...]:
    """Run the test cases beside the policies, with the real detectors and the real catalogue."""
    scan_text, route_of = _stages(rules, engine)
    return cases.run_cases(folder, rules.policy, scan_text, route_of=route_of)


def case_changes(
    folder: Path, before: Rules, after: Rules, state: Path
) -> tuple[differences.CaseChange, ...]:
    """The cases of `folder` that come out otherwise by `after`, each with its own detectors."""
    engines = [build_engine(before.detectors, state)]
    same = before.detectors == after.detectors
    engines.append(engines[0] if same else build_engine(after.detectors, state))
    told = []
    for rules, engine in zip((before, after), engines, strict=True):
        scan_text, route_of = _stages(rules, engine)
        told.append(cases.outcomes(folder, rules.policy, scan_text, route_of=route_of))
    old, new = ([outcome for _, outcome in each] for each in told)
    return tuple(differences.case_changes([case for case, _ in told[0]], old, new))


def _stages(rules: Rules, engine: detectors.Engine) -> tuple[cases.ScanText, cases.RouteOf]:
    def scan_text(text: str, label: str) -> Sequence[Match]:
        return engine.scan(text, label=label).matches

    def route_of(service: str, operation: str) -> Route | None:
        known = rules.catalogue.get(service)
        if known is None:
            return None
        wanted = (each for each in known.operations if each.id == operation)
        return known.route(next(wanted, None))

    return scan_text, route_of


def cache_folder(state: Path) -> Path | None:
    """Where compiled detectors are kept; None when the state folder cannot be written."""
    folder = state / "cache"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def fingerprint_key(state: Path) -> bytes:
    """The key of fingerprints: made once, readable by its owner alone.

    With the key lost, new fingerprints no longer match old ones; nothing else is lost.
    """
    try:
        return key_in(state / _KEY_FILE)
    except NoKey as error:
        raise DocumentError([Problem("fingerprints", 0, 0, str(error))]) from None


def evidence_plan(settings: Settings, rules: Rules) -> EvidencePlan | None:
    """What is kept as evidence; None when that is off. Raises `DocumentError` with every problem."""
    wanted = settings.evidence
    if wanted is None:
        return None
    known = [rule.id for rule in rules.policy.every_rule]
    problems = [
        Problem("setting evidence.rules", 0, 0, f"unknown rule `{name}`{suggest(name, known)}")
        for name in wanted.rules
        if name not in known
    ]
    public = b""
    try:
        public = evidence.public_key(wanted.key.read_bytes())
    except OSError as error:
        told = f"cannot be read: {error.strerror}"
        problems.append(Problem(str(wanted.key), 0, 0, told))
    except evidence.EvidenceError as error:
        problems.append(Problem(str(wanted.key), 0, 0, str(error)))
    if problems:
        raise DocumentError(problems)
    severity = Severity[wanted.min_severity.upper()]
    return EvidencePlan(public, wanted.keep, severity, dict(wanted.rules))


def file_limits(settings: Settings) -> content.FileLimits:
    """How much is read of one upload."""
    return content.FileLimits(
        seconds=settings.file_seconds,
        expanded=settings.file_expanded,
        ratio=settings.file_ratio,
        text=settings.file_text,
        files=settings.file_entries,
        depth=settings.file_depth,
        pages=settings.file_pages,
        pictures=settings.file_pictures,
        frames=settings.file_frames,
        pixels=settings.file_pixels,
        memory=settings.file_memory,
    )


def picture_settings(settings: Settings) -> content.PictureSettings:
    """What is looked for in pictures."""
    return content.PictureSettings(
        ocr=settings.ocr,
        faces=settings.faces,
        codes=settings.codes,
        face_model=settings.face_model,
        ocr_side=settings.ocr_side,
        threads=settings.ocr_threads,
        register=settings.picture_register,
    )


def tokenises(rules: Rules) -> bool:
    """Whether some rule puts tokens in the place of values."""
    return any(True for _ in rules.policy.operators("token"))


def token_labels(rules: Rules) -> Vault:
    """What tokens of earlier exchanges may begin with."""
    similar = any(
        ("shape", "similar") in call.params for call, _ in rules.policy.operators("token")
    )
    return Vault.of(map(label, rules.detectors.entities()), similar=similar)


def about_senders(rules: Rules) -> tuple[str, ...]:
    """Ids of rules about people, groups or devices: of senders whom nobody knows, all of them hold."""
    return tuple(
        rule.id
        for rule in rules.policy.every_rule
        if rule.sender.actors or rule.sender.groups or rule.sender.devices
    )


def asks_identity(rules: Rules) -> Callable[[str, str], bool]:
    """Whether rules want a name of whoever connects to a host (first) from an address (second)."""
    if not any(rule.sender.identified is False for rule in rules.policy.rules):
        return lambda _host, _source: False

    def asks(host: str, source: str) -> bool:
        exchange = Exchange(
            id="",
            received_at=time.time(),
            actor="",
            source_ip=source,
            method="GET",
            scheme="https",
            host=host,
            port=443,
            target="/",
            headers=(),
            body=b"",
        )
        return policies.asks_identity(rules.policy, exchange, route_of(rules.catalogue, exchange))

    return asks


def labels(rules: Rules) -> Mapping[str, frozenset[str]]:
    """The closed sets of names that metrics may use as labels."""
    return {
        "rule": frozenset(rule.id for rule in rules.policy.every_rule),
        "service": frozenset(service.id for service in rules.catalogue.services()),
        "entity": frozenset(rules.detectors.entities()),
    }
