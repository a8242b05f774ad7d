"""How does the gateway live? It starts, follows its policies, and stops without losing anything.

Law: it starts only when CA, policies, database and detectors are all in order; after that an
invalid policy folder changes nothing, and a database that is away loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import platform
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import Any

import uvloop
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from gateway import __version__, bootstrap
from gateway import policy as policies
from gateway.admin import AdminServer, Pages, pac_file
from gateway.audit import keeping as audit_keeping
from gateway.audit.chain import AuditError
from gateway.audit.log import Log as AuditLog
from gateway.coaching.front import Front as CoachingFront
from gateway.coaching.pages import Pages as CoachingPages
from gateway.coaching.store import Store as CoachingStore
from gateway.console.gateway import Known, Loaded
from gateway.database.schema import migrate
from gateway.documents import DocumentError, Problem
from gateway.exporters import building
from gateway.exporters.ledger import Ledger
from gateway.exporters.reach import Reach
from gateway.exporters.running import Exports
from gateway.identity.identify import Identities
from gateway.incidents.desk import open_desk
from gateway.incidents.housekeeping import Housekeeper
from gateway.incidents.people import People
from gateway.incidents.record import from_decision
from gateway.incidents.recorder import Recorder
from gateway.incidents.retention import House, Retention
from gateway.incidents.spool import Spool
from gateway.incidents.store import Store
from gateway.metrics import Metrics
from gateway.model import Decision, Exchange
from gateway.outlook import Outlook, utc_now
from gateway.policy.executable import Coaching
from gateway.policy.teams import Teams
from gateway.policy.written import written
from gateway.proxy import authority as authorities
from gateway.proxy.answering import Tokenising
from gateway.proxy.coaching import Coach
from gateway.proxy.gate import Gate
from gateway.proxy.identifying import Identifying
from gateway.proxy.ledger import PassedLedger
from gateway.proxy.routing import HostList, Routing
from gateway.proxy.server import ProxyServer, StartError, check_modes
from gateway.proxy.steering import ApprovedKey, Upstream
from gateway.redaction import Keys
from gateway.registering import size_of
from gateway.registers.folder import RegisterPlan
from gateway.rehearsal import BenchPlan
from gateway.scratch import Scratch
from gateway.settings import Settings, split
from gateway.shadow.harmless import Harmless
from gateway.shadow.ledger import Ledger as Suspects
from gateway.shadow.watch import Watch
from gateway.vault import keys as token_keys
from gateway.vault.front import Front
from gateway.vault.store import Vault
from gateway.workers import InspectionFault, Pool, WorkerSpec, place_of

logger = logging.getLogger("leakgate")

_POLL_SECONDS = 1.0
"""How often the policy folder is looked at."""

_RETRY_SECONDS = 15.0
"""When policies are tried again that no worker could start with."""


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that is up: where it listens, and its parts for tests and for the demo."""

    proxies: tuple[tuple[str, int], ...]
    admin: tuple[str, int]
    authority: authorities.Authority
    pool: Pool
    recorder: Recorder
    exports: Exports
    metrics: Metrics
    rules: Callable[[], bootstrap.Rules]
    reload: Callable[[], object]
    console: bool
    first_password: str | None


INSPECTOR = "gateway.bootstrap:build_inspector"
"""What a worker builds from an `InspectorPlan`, as `module:function`."""


@contextlib.asynccontextmanager
async def running(settings: Settings, *, inspector: str = INSPECTOR) -> AsyncIterator[Running]:
    """Start everything; on leaving, stop it in order. Raises `DocumentError` or `StartError`.

    `inspector` names another factory than the real one, for tests of what fails in a worker.
    """
    upstreams = _check(settings)
    try:
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartError(f"`{settings.state}` cannot be made: {error.strerror}") from None
    ca = _authority(settings)
    key = bootstrap.fingerprint_key(settings.state)
    ring = token_keys.ensure(settings.token_keys_path, datetime.now(UTC))
    seen = _seen(settings)  # before: a change meanwhile is a change
    rules, loaded, known = _load(settings)
    bootstrap.release_registers(settings, known)
    meter = Metrics(
        version=__version__,
        python=platform.python_version(),
        mitmproxy=version_of("mitmproxy"),
    )
    try:
        migrate(settings.database_url)
        store = Store.open(settings.database_url)
    except Exception as error:  # noqa: BLE001  # drivers raise what they like
        raise StartError(f"the database cannot be used: {_one_line(error)}") from None
    try:
        spool = Spool.open(settings.state / "spool", settings.spool_max_bytes)
    except OSError as error:
        raise StartError(f"the incident spool cannot be used: {error.strerror}") from None
    recorder = Recorder(spool, store, meter=meter)
    housekeeper = _housekeeper(settings, store)
    coaching = CoachingFront(
        CoachingStore.open(settings.database_url, key),
        base_url=settings.coaching.base_url,
        watch=meter,
    )
    vault = Vault.open(settings.database_url, ring, ttl=settings.token_ttl)
    front = Front(vault, watch=meter)

    def record(decision: Decision) -> None:
        incident = from_decision(decision)
        if incident is not None:
            recorder.record(incident)

    def spec(
        rules: bootstrap.Rules, keyring: token_keys.Keyring, known: RegisterPlan | None
    ) -> WorkerSpec:
        cache = bootstrap.cache_folder(settings.state)
        plan = bootstrap.plan(
            rules,
            key=key,
            cache=cache,
            max_decoded=settings.max_decoded,
            files=bootstrap.file_limits(settings),
            looking=bootstrap.picture_settings(settings),
            tokens=Keys(keyring.minting()),
            keeping=bootstrap.evidence_plan(settings, rules),
            teams=settings.teams,
            known=known,
        )
        compiled = cache is not None and any(cache.iterdir())
        return WorkerSpec(inspector, plan, settings.worker_memory, first_alone=not compiled)

    pool = Pool(
        spec(rules, ring, known), size=settings.workers, deadline=settings.deadline, watch=meter
    )
    identities = _identities(settings, meter)
    _tell_of_senders(settings, rules)
    identifying = None
    if identities is not None:
        identifying = Identifying(
            identities,
            inspects=lambda host: host in settings.coaching.hosts or gate.catalogue.inspects(host),
            asks=bootstrap.asks_identity(rules),
        )
    coach = Coach(
        coaching,
        CoachingPages(coaching, check=lambda text: _found_in(pool, text), key=key),
        frozenset(settings.coaching.hosts),
        plan_of=lambda rule: follower.plan_of(rule),  # noqa: PLW0108  # a reload changes it
    )
    coach.pages.adopt(rules.policy, rules.catalogue)
    harmless = Harmless(lambda host: _harmless(pool, host))
    suspects = Watch(
        Suspects(store.engine),
        harmless=harmless,
        knows=lambda host: gate.catalogue.knows(host),  # noqa: PLW0108  # a reload changes it
        meter=meter,
    )
    ledger = PassedLedger(
        meter,
        settings.state / "passed-through.json",
        harmless=harmless,
        tunnelled=suspects.tunnelled,
    )
    gate = Gate(
        catalogue=rules.catalogue,
        inspect=lambda exchange, affinity: pool.inspect(exchange, affinity=affinity),
        look=lambda reply, affinity: pool.look(reply, affinity=affinity),
        record=record,
        meter=meter,
        upstreams=upstreams,
        on_spool_failure=settings.on_spool_failure,
        tokenising=await _tokenising(rules, vault, front),
        identifying=identifying,
        approved_keys={
            name: ApprovedKey(key.header, key.prefix, key.secret)
            for name, key in settings.approved_keys.items()
        },
        teams=Teams.of(rules.policy, settings.teams),
        coach=coach,
        suspects=suspects,
    )
    routing = Routing(
        rules.catalogue,
        HostList.of([*settings.pass_through, *rules.policy.pass_through]),
        ledger,
        admits=None if identifying is None else identifying.admits,
        own=HostList.of(settings.coaching.hosts),
        sender_of=None if identifying is None else identifying.sender_of,
    )

    async def renew(rules: bootstrap.Rules) -> None:
        gate.tokenising = await _tokenising(rules, vault, front)
        gate.teams = Teams.of(rules.policy, settings.teams)
        coach.pages.adopt(rules.policy, rules.catalogue)
        _tell_of_senders(settings, rules)
        if identifying is not None:
            identifying.asks = bootstrap.asks_identity(rules)

    follower = _Follower(
        settings, rules, loaded, known, pool, gate, routing, meter, spec, seen, vault, front, renew
    )
    admin: AdminServer | None = None
    proxy: ProxyServer | None = None
    tasks: list[asyncio.Task[None]] = []
    exports = _exports(settings, meter)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        if identities is not None:
            stack.callback(identities.close)
        # Before the recorder here, so after it at the end.
        stack.push_async_callback(exports.stop)
        stack.push_async_callback(front.close)
        stack.push_async_callback(coaching.close)
        stack.callback(spool.close)
        recorder.start()
        stack.callback(recorder.stop)
        if housekeeper is not None:
            housekeeper.start()
            stack.callback(housekeeper.stop)
        stack.callback(ledger.save)
        suspects.start()
        stack.callback(suspects.stop)
        try:
            await pool.start()
        except InspectionFault as fault:
            raise StartError(f"inspection cannot start: {fault.detail or fault.cause}") from None
        stack.push_async_callback(pool.stop)
        await _try_out(pool)

        def ready() -> dict[str, bool]:
            health = recorder.health()
            return {
                "proxy": proxy is not None and bool(proxy.addresses),
                "workers": pool.ready > 0,
                "spool": health.running and not health.full,
            }

        def scrape(accept: str) -> tuple[bytes, str]:
            depth = spool.depth()
            meter.spool(records=depth.records, size=depth.size, capacity=spool.capacity)
            meter.queue(pool.waiting)
            meter.workers(pool.ready)
            exports.report()
            return meter.exposition(accept)

        pages = Pages(
            metrics=scrape,
            ready=ready,
            pac=lambda name: pac_file(
                (*follower.rules.catalogue.hosts(), *settings.coaching.hosts),
                _proxy_name(proxy, name),
            ),
            ca=ca.certificates,
        )
        scratch = Scratch(
            lambda: _bench(settings, follower.rules, key, follower.known),
            memory=settings.worker_memory,
        )
        stack.push_async_callback(scratch.stop)
        outlook = Outlook(
            loaded_now=lambda: follower.loaded,
            rules=lambda: follower.rules,
            metrics=meter,
            ledger=ledger,
            recorder=recorder,
            pool=pool,
            every_export=exports,
            ca_ends=ca.not_after,
            proxies=lambda: proxy.addresses if proxy is not None else (),
            scratch=scratch,
            loop=asyncio.get_running_loop(),
            started=utc_now(),
            clock=utc_now,
        )
        console, first_password = _console(settings, outlook, key, stack)
        try:
            admin = AdminServer(
                pages,
                split(settings.admin),
                console=console,
                tls=(settings.admin_tls.certificate, settings.admin_tls.key)
                if settings.admin_tls is not None
                else None,
            )
        except OSError as error:
            raise StartError(f"cannot listen on `{settings.admin}`: {error.strerror}") from None
        stack.callback(admin.socket.close)
        proxy = ProxyServer(
            gate=gate,
            routing=routing,
            authority=ca,
            modes=settings.mode,
            listen=split(settings.listen),
            trusted_ca=settings.trusted_ca,
            max_body=settings.max_body,
            own_addresses=(admin.address,),
            denied=HostList.of([*settings.deny_destinations, *settings.coaching.hosts]),
            upstream_auth=settings.upstream_auth,
            identifying=identifying,
        )
        await proxy.start()
        stack.push_async_callback(proxy.stop)
        try:
            await exports.start()
        except Exception as error:  # noqa: BLE001  # drivers raise what they like
            raise StartError(f"the database cannot be used: {_one_line(error)}") from None
        meter.policy_loaded(rules.policy.revision, at=time.time())
        meter.ca_expires(ca.not_after.timestamp())
        tasks += [
            asyncio.create_task(admin.run_here(), name="admin"),
            asyncio.create_task(follower.follow(), name="follow policies"),
            asyncio.create_task(ledger.keep(), name="pass-through ledger"),
            asyncio.create_task(front.tidy(), name="tidy the token vault"),
            asyncio.create_task(coaching.tidy(), name="tidy coaching"),
            asyncio.create_task(harmless.keep_looking(), name="look at names of hosts"),
        ]
        if identities is not None:
            tasks.append(asyncio.create_task(identities.tend(), name="follow who is who"))

        async def end() -> None:
            admin.should_exit = True
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        stack.push_async_callback(end)
        yield Running(
            proxies=proxy.addresses,
            admin=admin.address,
            authority=ca,
            pool=pool,
            recorder=recorder,
            exports=exports,
            metrics=meter,
            rules=lambda: follower.rules,
            reload=follower.check,
            console=console is not None,
            first_password=first_password,
        )


class _Follower:
    """Goes over to changed policies, all at once or not at all."""

    def __init__(
        self,
        settings: Settings,
        rules: bootstrap.Rules,
        loaded: Loaded,
        known: RegisterPlan | None,
        pool: Pool,
        gate: Gate,
        routing: Routing,
        meter: Metrics,
        spec: Callable[[bootstrap.Rules, token_keys.Keyring, RegisterPlan | None], WorkerSpec],
        seen: str,
        vault: Vault,
        front: Front,
        renew: Callable[[bootstrap.Rules], Awaitable[None]],
    ) -> None:
        self.rules = rules
        self.loaded = loaded
        self.known = known
        self._settings = settings
        self._pool = pool
        self._gate = gate
        self._routing = routing
        self._meter = meter
        self._spec = spec
        self._seen = seen
        self._vault = vault
        self._front = front
        self._renew = renew
        self._pause = _POLL_SECONDS

    def plan_of(self, rule: str) -> Coaching | None:
        """How a rule coaches."""
        found = (each.coaching for each in self.rules.policy.rules if each.id == rule)
        return next(found, None)

    async def follow(self) -> None:
        """Look at the folder again and again."""
        while True:
            await asyncio.sleep(self._pause)
            self._pause = _POLL_SECONDS
            try:
                await self.check()
            except Exception as error:  # noqa: BLE001  # the gateway goes on with what it has
                self._meter.failed("policy_reload")
                logger.error("policies could not be reloaded: %s", type(error).__name__)  # noqa: TRY400  # told without a traceback

    async def check(self) -> None:
        """Reload if the folder has changed, or the token keys have, or what is registered."""
        seen = await asyncio.to_thread(_seen, self._settings)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            rules, loaded, known = await asyncio.to_thread(_load, self._settings)
            ring = await asyncio.to_thread(token_keys.load, self._settings.token_keys_path)
            turned = self._turned(ring)
            same = rules.policy.revision == self.rules.policy.revision
            if same and not turned and _marks(known) == _marks(self.known):
                # As after a mistake was taken back: what is there is what is in force.
                self.loaded = replace(self.loaded, rejected=(), rejected_at=None)
                self._meter.policy_loaded(rules.policy.revision, at=time.time())
                return
            # Workers first: what the gate names, they must know.
            await self._pool.replace(self._spec(rules, ring, known))
        except DocumentError as error:
            self._meter.policy_rejected()
            self.loaded = replace(self.loaded, rejected=error.problems, rejected_at=utc_now())
            for problem in error.problems:
                logger.error("policy not loaded: %s", problem)  # noqa: TRY400  # told without a traceback
            return
        except InspectionFault as fault:
            self._meter.policy_rejected()
            why = fault.detail or fault.cause
            problem = Problem(str(self._settings.policies), 0, 0, f"no worker can start: {why}")
            self.loaded = replace(self.loaded, rejected=(problem,), rejected_at=utc_now())
            # The policies may be sound and only the machine busy: they are tried again.
            self._seen, self._pause = "", _RETRY_SECONDS
            logger.error("policy not loaded: %s", why)  # noqa: TRY400  # told without a traceback
            return
        if turned:
            self._front.adopt(ring)
            logger.info("token keys loaded, %d of them", len(ring.keys))
        if _marks(known) != _marks(self.known):
            logger.info("registers loaded, %d of them", len(_marks(known)))
        self.rules, self.loaded, self.known = rules, loaded, known
        await asyncio.to_thread(bootstrap.release_registers, self._settings, known)
        await self._renew(rules)
        self._gate.catalogue = rules.catalogue
        self._routing.hosts = rules.catalogue
        self._routing.pass_through = HostList.of(
            [*self._settings.pass_through, *rules.policy.pass_through]
        )
        self._meter.policy_loaded(rules.policy.revision, at=time.time())
        logger.info("policies loaded, revision %s", rules.policy.revision)

    def _turned(self, ring: token_keys.Keyring) -> bool:
        """Whether these are others than the token keys in use; `DocumentError` when they cannot be used."""
        if ring.lookup != self._vault.keyring.lookup:
            path = str(self._settings.token_keys_path)
            why = "`lookup` has changed; with another one no token is found any more"
            raise DocumentError([Problem(path, 0, 0, why)])
        return ring != self._vault.keyring


def _load(settings: Settings) -> tuple[bootstrap.Rules, Loaded, RegisterPlan | None]:
    """The rules of the policy folder, how the console shows them, and what is registered.

    Raises `DocumentError`.
    """
    rules = bootstrap.load_rules(settings.policies)
    shown = written(settings.policies)
    known = bootstrap.register_plan(settings, rules)
    loaded = Loaded(
        rules.policy, rules.catalogue, shown, utc_now(), registers=_listed(rules, known)
    )
    return rules, loaded, known


def _listed(rules: bootstrap.Rules, known: RegisterPlan | None) -> tuple[Known, ...]:
    """What is registered, for the console."""
    return tuple(
        Known(
            each.name,
            each.kind,
            each.says,
            size_of(known.about[each.name]),
            str(known.about[each.name].get("at", "")),
        )
        for each in rules.detectors.registered
        if known is not None
    )


def _marks(known: RegisterPlan | None) -> tuple[tuple[str, str], ...]:
    return () if known is None else known.marks


def _bench(
    settings: Settings, rules: bootstrap.Rules, key: bytes, known: RegisterPlan | None
) -> BenchPlan:
    """What the scratch process tries things with: the same as the workers."""
    return BenchPlan(
        rules,
        key,
        bootstrap.cache_folder(settings.state),
        bootstrap.file_limits(settings),
        bootstrap.picture_settings(settings),
        settings.policies,
        known,
    )


def _console(
    settings: Settings, outlook: Outlook, key: bytes, stack: contextlib.AsyncExitStack
) -> tuple[ASGIApp | None, str | None]:
    """The console if there is to be one, and the password of its first account if that is new."""
    if not settings.console.enabled:
        return None, None
    if not _is_private(settings):
        logger.warning(
            "the console is off: others reach `admin`, and passwords would pass in clear text;"
            " set `admin_tls` or `console.url`"
        )
        return None, None
    from gateway.console import app  # noqa: PLC0415  # not loaded where there is none

    try:
        # With connections of its own: a page that takes long keeps no incident waiting.
        desk = open_desk(
            settings.database_url,
            audit_key=settings.audit_key_path,
            seen=settings.audit_seen_path,
            person_key=key,
            second_person=settings.unmask_second_person,
            agreed_for=settings.unmask_for,
            smallest=settings.small_group,
            clock=utc_now,
        )
        stack.callback(desk.close)
        threading.Thread(target=_learn, args=(desk.people,), name="names", daemon=True).start()
        built = app.build(
            settings.console, outlook, desk, clock=utc_now, tls=settings.admin_tls is not None
        )
        return built.app, built.door.first()
    except AuditError as error:
        raise StartError(str(error)) from None
    except Exception as error:  # noqa: BLE001  # drivers raise what they like
        raise StartError(f"the console cannot start: {_one_line(error)}") from None


def _learn(people: People) -> None:
    """Look at the names ahead; who asks before it is done waits, and if it fails, looks again."""
    try:
        people.learn()
    except SQLAlchemyError as error:
        logger.debug("names were not looked at ahead: %s", type(error).__name__)


def _is_private(settings: Settings) -> bool:
    """Whether nobody on the way can read what somebody says to the console."""
    host = split(settings.admin)[0]
    if settings.admin_tls is not None or settings.console.url:
        return True
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def _seen(settings: Settings) -> str:
    """What tells that policies or token keys have changed, or what is registered."""
    told = []
    registered = sorted(settings.registers_path.glob("*.register"))
    for path in (settings.token_keys_path, settings.register_key_path, *registered):
        try:
            at = path.stat()
            told.append(f"{path.name}:{at.st_mtime_ns}:{at.st_size}:{at.st_ino}")
        except OSError:
            told.append("")
    return f"{policies.fingerprint(settings.policies)} {' '.join(told)}"


async def _tokenising(rules: bootstrap.Rules, vault: Vault, front: Front) -> Tokenising | None:
    """What the gate needs for tokens; None when no rule makes any, and there are none."""
    if not bootstrap.tokenises(rules):
        try:
            if await asyncio.to_thread(vault.is_empty):
                return None
        except Exception as error:  # noqa: BLE001  # drivers raise what they like
            # In doubt there are some; the vault itself tells when it cannot be asked.
            logger.warning("the token vault cannot be asked: %s", type(error).__name__)
    return Tokenising(
        keys=Keys(vault.keyring.minting()),
        vault=front,
        restoring=rules.policy.restoring,
        labels=bootstrap.token_labels(rules),
    )


def run(
    settings: Settings,
    *,
    announce: Callable[[Running, Settings], None],
    inspector: str = INSPECTOR,
) -> None:
    """Run the gateway until SIGINT or SIGTERM."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # mitmproxy logs a line per connection; each costs, and some quote addresses of people.
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)
    for chatty in ("alembic", "uvicorn", "python_multipart"):
        logging.getLogger(chatty).setLevel(logging.WARNING)

    async def live() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_task_failed)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with running(settings, inspector=inspector) as up:
            announce(up, settings)
            await stop.wait()
            logger.info("stopping")

    uvloop.run(live())


def _task_failed(_: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
    """A task nobody waits for failed: told without its text, which may quote content."""
    error = about.get("exception")
    logger.error("task failed: %s", place_of(error) if error else about.get("message"))


async def _found_in(pool: Pool, text: str) -> tuple[str, ...] | None:
    """What detectors find in what somebody writes as a reason; None when it could not be checked."""
    try:
        decision = await pool.inspect(
            _probe("reason", kind=b"text/plain; charset=utf-8", body=text.encode())
        )
    except InspectionFault:
        return None
    if decision.scan.unread:
        return None
    return tuple(sorted(decision.found))


async def _harmless(pool: Pool, host: str) -> bool | None:
    """Whether nothing is found in the name of a host; None when it cannot be looked at now."""
    try:
        decision = await pool.inspect(_probe("host", host=host))
    except InspectionFault:
        return None
    return decision.host == host


async def _try_out(pool: Pool) -> None:
    """One exchange must come back decided, before the first person waits for one."""
    said = b'{"messages":[{"role":"user","content":"self-test"}]}'
    try:
        await pool.inspect(_probe("self-test", kind=b"application/json", body=said))
    except InspectionFault as fault:
        raise StartError(f"self-test: inspection failed: {fault.detail or fault.cause}") from None


def _probe(what: str, *, host: str = "", kind: bytes = b"", body: bytes = b"") -> Exchange:
    """An exchange of our own, which nobody has sent: for what inspection says about it."""
    return Exchange(
        id=what,
        received_at=time.time(),
        actor="",
        source_ip="127.0.0.1",
        method="POST",
        scheme="https",
        host=host or f"{what}.invalid",
        port=443,
        target="/",
        headers=((b"content-type", kind),) if kind else (),
        body=body,
    )


def _check(settings: Settings) -> dict[str, Upstream]:
    """The checks of settings that need more than their own value."""
    problems = [Problem("setting mode", 0, 0, text) for text in check_modes(settings.mode)]
    upstreams: dict[str, Upstream] = {}
    for host, base in settings.upstreams.items():
        try:
            upstreams[host.lower()] = Upstream.parse(base)
        except ValueError as error:
            problems.append(Problem("setting upstreams", 0, 0, f"`{host}`: {error}"))
    if settings.upstream_auth and not re.fullmatch(r".+:.*", settings.upstream_auth):
        problems.append(Problem("setting upstream_auth", 0, 0, "is not `user:password`"))
    if settings.trusted_ca is not None and not settings.trusted_ca.is_file():
        problems.append(
            Problem("setting trusted_ca", 0, 0, f"`{settings.trusted_ca}` is not a file")
        )
    for name, path in (
        ("face_model", settings.face_model),
        ("picture_register", settings.picture_register),
        ("admin_tls", settings.admin_tls.certificate if settings.admin_tls else None),
        ("admin_tls", settings.admin_tls.key if settings.admin_tls else None),
        ("console", settings.console.oidc.trusted_ca if settings.console.oidc else None),
    ):
        if path is not None and not path.is_file():
            problems.append(Problem(f"setting {name}", 0, 0, f"`{path}` is not a file"))
    problems += building.problems(settings.exports)
    if settings.identity is not None:
        problems += [
            Problem(f"setting identity.{name}", 0, 0, f"`{path}` is not a file")
            for name, path in settings.identity.paths
            if not path.is_file()
        ]
    if problems:
        raise DocumentError(problems)
    return upstreams


def _tell_of_senders(settings: Settings, rules: bootstrap.Rules) -> None:
    """Warn of rules that hold for everybody because nothing says who sends."""
    names = bootstrap.about_senders(rules)
    if settings.identity is None and names:
        logger.warning(
            "no setting `identity` says who sends, so rules about people, groups or devices hold for"
            " everybody: %s",
            ", ".join(f"`{name}`" for name in names),
        )


def _identities(settings: Settings, meter: Metrics) -> Identities | None:
    """Who tells people apart; None when the settings do not say how."""
    if settings.identity is None:
        return None
    return Identities(settings.identity, key=secrets.token_bytes(32), watch=meter)


def _exports(settings: Settings, meter: Metrics) -> Exports:
    """Whom incidents are told. The name by which this process holds an export is its own."""
    reach = Reach(HostList.of(settings.deny_destinations))
    told = [building.linked(export, settings.console.url) for export in settings.exports]
    return Exports(
        [(export, building.sink(export, reach)) for export in told],
        Ledger.open(settings.database_url, _me()),
        meter=meter,
    )


def _housekeeper(settings: Settings, store: Store) -> Housekeeper | None:
    """What keeps the database in order; None, told, where the audit log cannot be written.

    That stops no traffic: another gateway may keep house, and nothing is purged unnoted.
    """
    try:
        key = audit_keeping.key(settings.audit_key_path)
        audit = AuditLog(store.engine, key, seen=audit_keeping.Seen(settings.audit_seen_path))
        # Tried, not written: what does not fit is to be seen at the start.
        with audit.writing():
            pass
    except AuditError as error:
        logger.error("the audit log cannot be written, so nothing is purged here: %s", error)  # noqa: TRY400  # told without a traceback
        return None
    except SQLAlchemyError as error:
        raise StartError(f"the database cannot be used: {_one_line(error)}") from None
    retention = Retention(
        settings.retention.incidents(),
        settings.retention.evidence,
        settings.retention.audit,
        settings.retention.coachings,
    )
    further = {}
    if (kept := settings.retention.suspects) is not None:
        seen = Suspects(store.engine)
        further["suspects"] = lambda most: seen.purge((utc_now() - kept).date(), limit=most)
    house = House(store.engine, audit, retention, me=_me(), further=further)
    return Housekeeper(house, audit)


def _me() -> str:
    """What names this gateway among all of one database."""
    return f"{platform.node()[:30]}-{secrets.token_hex(8)}"


def _authority(settings: Settings) -> authorities.Authority:
    try:
        return authorities.ensure(settings.state / "ca")
    except authorities.AuthorityError as error:
        raise StartError(str(error)) from None
    except OSError as error:
        raise StartError(f"the CA cannot be written: {error.strerror}") from None


def _proxy_name(proxy: ProxyServer | None, name: str) -> str:
    """Where clients find the proxy. `name` stands in for an address that means "all of them"."""
    host, port = proxy.addresses[0] if proxy is not None and proxy.addresses else ("", 8080)
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  # compared, not bound
        host = name or "127.0.0.1"
    host = host.strip("[]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _one_line(error: Exception) -> str:
    """The first line of an error's text, without the URL: it may hold a password."""
    return f"{type(error).__name__}: {str(getattr(error, 'orig', error)).splitlines()[0][:200]}"
