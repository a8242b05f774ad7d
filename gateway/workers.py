"""Where does inspection run? In worker processes with deadlines and memory limits.

Law: every `inspect` call ends, within its deadline, in a `Decision` or in `InspectionFault`; a
worker that hangs, dies or runs out of memory is replaced and never takes another exchange with it.
The caller refuses on a fault. Nothing here decides anything.

One exchange is *running* per worker and a few more wait in its socket, so that the worker does not
idle while the answer travels. Which exchange hung or killed a worker is therefore known: the oldest
one. The others go to another worker.

Where there are two workers or more, one of them takes no exchange that may carry a file, and nothing
light waits behind one that does: reading a file takes seconds, a prompt milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import multiprocessing
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from gateway.model import Decision, Exchange, Looked, Reply

_LENGTH = struct.Struct("<I")
_HEAD = struct.Struct("<IId")
"""Lengths of what is asked and of the body that comes after it, and on what `time.monotonic` says, a clock
of the machine, it is too late to begin."""

_READ_SIZE = 1 << 20
_IN_FLIGHT = 2
_LIGHT_IN_FLIGHT = 8
"""Exchanges given to one worker at a time, one running and the others in its socket.

More of those that are quick: while a crowd's handshakes keep the loop busy, it comes by seldom.
"""

_ENOUGH = 2.0
"""Seconds that an exchange may run in a worker at least, before the worker counts as hanging."""

READY = b"ready"


_LIGHT = 256 << 10
_LIGHT_TYPES = (b"application/json", b"text/", b"application/x-www-form-urlencoded")
_FILE_WORDS = (b"base64", b"mime", b"inlineData", b"inline_data")


def is_light(exchange: Exchange) -> bool:
    """Whether an exchange surely is quick: little text, and no sign of a file in it.

    A guess by what services call their fields; a file that is missed is read all the same, and only
    keeps other light exchanges waiting.
    """
    body = exchange.body
    if len(body) > _LIGHT or any(word in body for word in _FILE_WORDS):
        return False
    kinds = [value for name, value in exchange.headers if name.lower() == b"content-type"]
    return all(kind.lower().lstrip().startswith(_LIGHT_TYPES) for kind in kinds)


class InspectionFault(Exception):
    """Inspection did not end in a decision; `cause` is a closed word: timeout, worker_died,
    exception, overloaded, stopped.
    """

    def __init__(self, cause: str, detail: str = "") -> None:
        self.cause = cause
        self.detail = detail
        super().__init__(cause)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an inspector gives to `Pool.ask`; told apart from the word that says why it failed."""

    value: Any = field(repr=False)


class Inspecting(Protocol):
    """What a worker runs; `gateway.inspection.Inspector` in production."""

    def inspect(self, exchange: Exchange) -> Decision:
        """Decide about one exchange."""
        ...

    def look(self, reply: Reply) -> Looked:
        """Decide about part of an answer."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """How a worker builds what it runs.

    `factory` is ``module:function``; it is called once in each worker with `argument` (picklable)
    and gives an `Inspecting`. `memory` bounds the worker's private memory in bytes.
    `first_alone` is for a factory that leaves in a cache what the other workers then find there.
    """

    factory: str
    argument: Any = field(repr=False)
    memory: int = 2 << 30
    first_alone: bool = True


class Watching(Protocol):
    """Who is told about workers: metrics, in production."""

    def worker_restarted(self, cause: str) -> None:
        """A worker ended for `cause` and is being replaced."""
        ...

    def workers(self, count: int) -> None:
        """How many workers are ready now."""
        ...


@dataclass(slots=True, eq=False)
class _Job:
    payload: bytes
    body: bytes
    deadline: float
    future: asyncio.Future[Any]
    affinity: int
    light: bool
    tries: int = 0


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    process: BaseProcess
    channel: socket.socket
    jobs: deque[_Job] = field(default_factory=deque)
    out: deque[memoryview] = field(default_factory=deque)
    into: bytearray = field(default_factory=bytearray)
    ready: bool = False
    retired: bool = False
    doom: asyncio.TimerHandle | None = None


def prepare() -> None:
    """Start the process that workers are forked from; it loads the detectors' libraries meanwhile.

    Called early, it loads them beside the gateway's own start. Calling it again does nothing.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["gateway.workers", "gateway.preload"]
    )
    forkserver.ensure_running()


class Pool:
    """A fixed number of workers behind one `inspect`.

    `deadline` is the time in seconds that an exchange may take, waiting included. `backlog` bounds
    how many exchanges may wait, `backlog_bytes` how large all exchanges may be that are not yet
    decided. Must be used on one event loop.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        size: int,
        deadline: float,
        watch: Watching,
        backlog: int = 1000,
        backlog_bytes: int = 512 << 20,
    ) -> None:
        self._spec = spec
        self._size = size
        self._deadline = deadline
        self._watch = watch
        self._backlog = backlog
        self._backlog_bytes = backlog_bytes
        self._undecided = 0
        prepare()
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._workers: list[_Worker] = []
        # Light ones, and others: they wait apart.
        self._waiting: dict[bool, deque[_Job]] = {True: deque(), False: deque()}
        self._stopping = False
        self._starts: set[asyncio.Task[None]] = set()
        self._spawning: set[asyncio.Future[_Worker]] = set()
        self._numbers = 0

    async def start(self) -> None:
        """Start the workers; returns when all are ready. `InspectionFault` when one cannot be."""
        self._workers = await self._spawn_all(self._spec)
        self._watch.workers(len(self._workers))

    async def replace(self, spec: WorkerSpec) -> None:
        """Go over to `spec` at once, without losing an exchange.

        New workers start beside the old ones; when all are ready they take over, and the old ones
        finish what they have. When one cannot start, the old ones stay and the fault is raised.
        """
        fresh = await self._spawn_all(spec)
        self._spec = spec
        old, self._workers = self._workers, fresh
        for worker in old:
            worker.retired = True
            self._end_if_drained(worker)
        self._dispatch()
        self._watch.workers(len(self._workers))

    async def stop(self) -> None:
        """End all workers; what still waits gets a fault."""
        self._stopping = True
        starts = list(self._starts)
        for task in starts:
            task.cancel()
        await asyncio.gather(*starts, return_exceptions=True)
        for late in await asyncio.gather(*self._spawning, return_exceptions=True):
            if isinstance(late, _Worker):
                self._close(late)
        for worker in self._workers:
            self._close(worker)
            for job in worker.jobs:
                _fail(job, InspectionFault("stopped"))
        for queue in self._waiting.values():
            for job in queue:
                _fail(job, InspectionFault("stopped"))
            queue.clear()
        self._workers.clear()

    @property
    def waiting(self) -> int:
        """Exchanges that no worker has taken yet."""
        return sum(map(len, self._waiting.values()))

    @property
    def ready(self) -> int:
        """Workers that can take exchanges."""
        return sum(worker.ready for worker in self._workers)

    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers, for operators and tests."""
        return tuple(worker.process.pid or 0 for worker in self._workers)

    async def inspect(self, exchange: Exchange, *, affinity: str = "") -> Decision:
        """Decide about `exchange` in a worker.

        Exchanges with the same `affinity` go to the same worker while it is free, because it
        remembers what it has scanned. Raises `InspectionFault`.
        """
        decision: Decision = await self._run(
            exchange, affinity, size=len(exchange.body), light=is_light(exchange)
        )
        return decision

    async def look(self, reply: Reply, *, affinity: str = "") -> Looked:
        """Decide about part of an answer in a worker, as `inspect` does about an exchange.

        What somebody waits for is light; a whole answer that has gone is not.
        """
        size = len(reply.body) + sum(len(passage.text) for passage in reply.passages)
        looked: Looked = await self._run(
            reply, affinity, size=size, light=not reply.body and size <= _LIGHT
        )
        return looked

    async def ask(self, asked: object, *, size: int) -> Any:
        """Have something else done in a worker, by an inspector that knows what it is.

        The inspector gives an `Answer`. Deadline, memory and faults are as of `inspect`.
        """
        answer: Answer = await self._run(asked, "", size=size, light=False)
        return answer.value

    async def _run(self, asked: object, affinity: str, *, size: int, light: bool) -> Any:
        if self._stopping:
            raise InspectionFault("stopped")
        if self.waiting >= self._backlog or (
            self._undecided and self._undecided + size > self._backlog_bytes
        ):
            raise InspectionFault("overloaded")
        self._undecided += size
        try:
            return await self._decide(asked, affinity, light=light)
        finally:
            self._undecided -= size

    async def _decide(self, asked: object, affinity: str, *, light: bool) -> Any:
        loop = asyncio.get_running_loop()
        payload, body = _packed(asked)
        job = _Job(
            payload=payload,
            body=body,
            deadline=loop.time() + self._deadline,
            future=loop.create_future(),
            affinity=hash(affinity),
            light=light,
        )
        expiry = loop.call_at(job.deadline, self._expire, job)
        job.future.add_done_callback(lambda _: expiry.cancel())
        worker = self._choose(job)
        if worker is None:
            self._waiting[job.light].append(job)
        else:
            self._give(worker, job)
        return await job.future

    # --- giving out work --------------------------------------------------------------------------

    def _choose(self, job: _Job) -> _Worker | None:
        workers = self._workers
        if not job.light and self._size > 1:
            # The first one is for light ones, also while another is being replaced.
            workers = workers[1:]
        if not workers:
            return None
        preferred = workers[job.affinity % len(workers)]
        if preferred.ready and not preferred.jobs:
            return preferred
        best: _Worker | None = None
        for worker in workers:
            if _has_room(worker, job) and (best is None or len(worker.jobs) < len(best.jobs)):
                best = worker
        if best is not None and _has_room(preferred, job) and len(preferred.jobs) == len(best.jobs):
            return preferred
        return best

    def _give(self, worker: _Worker, job: _Job) -> None:
        loop = asyncio.get_running_loop()
        worker.jobs.append(job)
        if len(worker.jobs) == 1:
            self._arm(worker, loop)
        left = job.deadline - loop.time()
        head = _HEAD.pack(len(job.payload), len(job.body), time.monotonic() + left)
        waits = bool(worker.out)
        worker.out.append(memoryview(head + job.payload))
        if job.body:
            worker.out.append(memoryview(job.body))
        if not waits:
            self._write(worker)

    def _arm(self, worker: _Worker, loop: asyncio.AbstractEventLoop) -> None:
        """Watch the clock for the exchange that the worker runs now.

        One that waited for nearly all of its time may run over it: nobody needs the decision then,
        but the worker is sound. Were it killed, a crowd would cost the gateway all its workers.
        """
        if worker.doom is not None:
            worker.doom.cancel()
        job = worker.jobs[0]
        enough = loop.time() + min(self._deadline / 2, _ENOUGH)
        worker.doom = loop.call_at(max(job.deadline, enough), self._hung, worker, job)

    def _write(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        try:
            sent = worker.channel.sendmsg(worker.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lost(worker, "worker_died")
            return
        while sent:
            first = worker.out.popleft()
            if sent < len(first):
                worker.out.appendleft(first[sent:])
                break
            sent -= len(first)
        if worker.out:
            loop.add_writer(worker.channel, self._write, worker)
        else:
            loop.remove_writer(worker.channel)

    def _dispatch(self) -> None:
        for queue in self._waiting.values():
            while queue:
                job = queue[0]
                if job.future.done():
                    queue.popleft()
                    continue
                worker = self._choose(job)
                if worker is None:
                    break
                queue.popleft()
                self._give(worker, job)

    def _expire(self, job: _Job) -> None:
        """Its time is over, wherever it is."""
        queue = self._waiting[job.light]
        if job in queue:
            queue.remove(job)
        # A loop that is late runs clocks first: the answer may be there.
        for worker in [each for each in self._workers if job in each.jobs]:
            self._read(worker)
        _fail(job, InspectionFault("timeout"))

    # --- taking answers ---------------------------------------------------------------------------

    def _read(self, worker: _Worker) -> None:
        try:
            data = worker.channel.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost(worker, "worker_died")
            return
        worker.into += data
        while len(worker.into) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(worker.into)
            end = _LENGTH.size + length
            if len(worker.into) < end:
                return
            frame = bytes(memoryview(worker.into)[_LENGTH.size : end])
            del worker.into[:end]
            self._answer(worker, frame)

    def _answer(self, worker: _Worker, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        job = worker.jobs.popleft()
        if worker.jobs:
            self._arm(worker, loop)
        elif worker.doom is not None:
            worker.doom.cancel()
            worker.doom = None
        if not job.future.done():
            result = pickle.loads(frame)  # noqa: S301  # written by our own worker
            if isinstance(result, Decision | Looked | Answer):
                job.future.set_result(result)
            elif result is None:
                _fail(job, InspectionFault("timeout"))
            else:
                # INVARIANT: a detail is logged, so it is `place_of` an error and nothing else.
                where = result if isinstance(result, str) else type(result).__name__
                job.future.set_exception(InspectionFault("exception", where))
        if worker.retired:
            self._end_if_drained(worker)
        else:
            self._dispatch()

    # --- when things go wrong ---------------------------------------------------------------------

    def _hung(self, worker: _Worker, job: _Job) -> None:
        self._read(worker)  # as in `_expire`
        if worker.jobs and worker.jobs[0] is job:
            self._lost(worker, "timeout")

    def _lost(self, worker: _Worker, cause: str) -> None:
        """The worker hangs or is gone: end it, fault or retry its exchanges, start another."""
        self._close(worker)
        jobs, worker.jobs = list(worker.jobs), deque()
        if worker in self._workers:
            self._workers.remove(worker)
            self._watch.worker_restarted(cause)
            self._watch.workers(self.ready)
            if not self._stopping:
                task = asyncio.get_running_loop().create_task(self._restart())
                self._starts.add(task)
                task.add_done_callback(self._starts.discard)
        if not jobs:
            return
        running, rest = jobs[0], jobs[1:]
        # A worker may be killed by something else than its exchange (an operator, the kernel): one
        # more try tells the two apart. One that hung has used up its time.
        if cause == "worker_died" and running.tries == 0:
            running.tries += 1
            rest.insert(0, running)
        else:
            _fail(running, InspectionFault(cause))
        for job in rest:
            if not job.future.done():
                self._waiting[job.light].appendleft(job)
        self._dispatch()

    def _close(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        if worker.doom is not None:
            worker.doom.cancel()
            worker.doom = None
        if worker.channel.fileno() >= 0:
            loop.remove_reader(worker.channel)
            loop.remove_writer(worker.channel)
            worker.channel.close()
        worker.ready = False
        if worker.process.is_alive():
            worker.process.kill()

    def _end_if_drained(self, worker: _Worker) -> None:
        if not worker.jobs:
            self._close(worker)

    # --- starting workers -------------------------------------------------------------------------

    async def _restart(self) -> None:
        """Put one worker in the place of one that was lost: each loss has its own task."""
        delay = 0.05
        while not self._stopping and len(self._workers) < self._size:
            spec = self._spec
            try:
                (worker,) = await self._spawn_all(spec, count=1)
            except InspectionFault:
                self._watch.worker_restarted("start_failed")
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
                continue
            if spec is not self._spec:
                # Replaced while this one started: it would decide by what held before.
                self._close(worker)
                continue
            if len(self._workers) >= self._size:
                self._close(worker)
                return
            self._workers.append(worker)
            self._watch.workers(self.ready)
            self._dispatch()
            return

    async def _spawn_all(self, spec: WorkerSpec, count: int | None = None) -> list[_Worker]:
        loop = asyncio.get_running_loop()
        fresh: list[_Worker] = []
        try:
            for number in range(self._size if count is None else count):
                fresh.append(await self._spawn_one(spec))
                if number == 0 and spec.first_alone:
                    await self._wait_ready(fresh[0])
            for worker in fresh:
                if not worker.ready:
                    await self._wait_ready(worker)
        except BaseException:
            for worker in fresh:
                self._close(worker)
            raise
        for worker in fresh:
            loop.add_reader(worker.channel, self._read, worker)
        return fresh

    async def _spawn_one(self, spec: WorkerSpec) -> _Worker:
        """Start a process off the loop; `stop` finds it even when this is cancelled meanwhile."""
        loop = asyncio.get_running_loop()
        spawning = loop.run_in_executor(None, self._spawn, spec)
        self._spawning.add(spawning)
        worker = await asyncio.shield(spawning)
        self._spawning.discard(spawning)
        return worker

    def _spawn(self, spec: WorkerSpec) -> _Worker:
        ours, theirs = socket.socketpair()
        self._numbers += 1
        process = self._context.Process(
            target=_work, args=(theirs, spec, os.getpid()), name=f"leakgate-worker-{self._numbers}"
        )
        process.daemon = True
        process.start()
        theirs.close()
        ours.settimeout(0)
        return _Worker(number=self._numbers, process=process, channel=ours)

    async def _wait_ready(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        message = bytearray()
        try:
            async with asyncio.timeout(120):
                while not message.endswith(b"\n"):
                    data = await loop.sock_recv(worker.channel, 4096)
                    if not data:
                        raise InspectionFault("worker_died", "a worker ended while starting")
                    message += data
        except TimeoutError:
            raise InspectionFault("timeout", "a worker did not start in time") from None
        if bytes(message).strip() != READY:
            raise InspectionFault("exception", message.decode(errors="replace").strip())
        worker.ready = True


def _has_room(worker: _Worker, job: _Job) -> bool:
    """Whether `worker` may be given `job`; a light one never waits behind one that is not."""
    return (
        worker.ready
        and len(worker.jobs) < (_LIGHT_IN_FLIGHT if job.light else _IN_FLIGHT)
        and (not job.light or all(other.light for other in worker.jobs))
    )


def _packed(asked: object) -> tuple[bytes, bytes]:
    """`asked` as bytes, and the body of an exchange beside it, of which megabytes need no copy."""
    body = b""
    if isinstance(asked, Exchange):
        body, asked = asked.body, replace(asked, body=b"")
    return pickle.dumps(asked, protocol=pickle.HIGHEST_PROTOCOL), body


def _unpacked(payload: bytes, body: bytes) -> Any:
    """What `_packed` was given."""
    asked = pickle.loads(payload)  # noqa: S301  # from our own parent
    return replace(asked, body=body) if isinstance(asked, Exchange) else asked


def _fail(job: _Job, fault: InspectionFault) -> None:
    if not job.future.done():
        job.future.set_exception(fault)


# --- the worker's side ----------------------------------------------------------------------------


def _work(channel: socket.socket, spec: WorkerSpec, parent: int) -> None:
    """A worker's process; it ends quietly when the gateway is gone."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _live(channel, spec, parent)


def _live(channel: socket.socket, spec: WorkerSpec, parent: int) -> None:
    """A worker's life: build, say ready, then one exchange after the other until the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Libraries log what they stumble over, and here that is content.
    logging.disable(logging.CRITICAL)
    _die_with(parent)
    if spec.memory:
        resource.setrlimit(resource.RLIMIT_DATA, (spec.memory, spec.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold clear text
    channel.settimeout(None)
    try:
        module, _, name = spec.factory.partition(":")
        build: Callable[[Any], Inspecting] = getattr(importlib.import_module(module), name)
        inspector = build(spec.argument)
    except Exception as error:  # noqa: BLE001  # told to the parent, which does not start then
        channel.sendall(f"{type(error).__name__}: {error}".replace("\n", " | ").encode() + b"\n")
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    channel.sendall(READY + b"\n")
    reader = channel.makefile("rb", buffering=_READ_SIZE)
    while header := reader.read(_HEAD.size):
        length, size, too_late = _HEAD.unpack(header)
        payload, body = reader.read(length), reader.read(size)
        if len(payload) < length or len(body) < size:
            return
        result: object = None
        try:
            if time.monotonic() < too_late:  # else nobody waits for it any more
                asked = _unpacked(payload, body)
                is_reply = isinstance(asked, Reply)
                result = inspector.look(asked) if is_reply else inspector.inspect(asked)
                del asked
        except Exception as error:  # noqa: BLE001  # the guard: ends in a refusal
            result = place_of(error)
        del payload, body
        frame = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
        channel.sendall(_LENGTH.pack(len(frame)) + frame)


def place_of(error: BaseException) -> str:
    """Type and place of an error; never its text, which may quote content."""
    place = "unknown place"
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} {code.co_name}"  # noqa: PTH119  # a name, no path is opened
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}"


def _die_with(parent: int) -> None:
    """End with the gateway: the kernel closes our socket, and `read` then returns nothing.

    A hung worker would not notice that, so where the kernel offers it, ask for a signal too. The
    fork server is our parent process, and it ends with the gateway.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  # only here

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if not parent:
        sys.exit(1)
