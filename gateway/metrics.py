"""What do operators see of the gateway's work? Prometheus series, fed by decisions.

Law: labels come from closed vocabularies (services, rules, entities, reasons, causes); never a
host, an actor or anything that was sent. A label that grows past its bound is counted as `other`,
so that no caller's mistake can fill the memory of gateway and Prometheus. Names and labels are a
contract with dashboards and alerts, tested in `tests/deploy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase

from gateway.model import Decision, Forward, Refuse, Rewrite, UnreadReason

OTHER = "other"
"""Stands for every label value past the bound of its label."""

BOUNDS: Mapping[str, int] = {
    "service": 400,
    "operation": 400,
    "rule": 1000,
    "entity": 400,
    "stage": 32,
    "cause": 64,
    "reason": 32,
    "why": 16,
    "class": 16,
    "result": 16,
    "revision": 1,  # the one in force
}
"""Most distinct values of a label. Policies and catalogue stay below; what passes is a mistake."""

DEFAULT_BOUND = 32
LABEL_CHARS = 128
PREFIX = "leakgate_"

REQUEST_BUCKETS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)
STAGE_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)

type Direction = Literal["sent", "received"]


class Meter(Protocol):
    """Everything that the gateway reports. Sizes in bytes, durations in seconds, times in Unix."""

    def observe(self, decision: Decision) -> None:
        """One request or client message was decided, and the decision was enforced."""

    def refused(self, cause: str) -> None:
        """Something was refused without a decision (no worker, no time, destination forbidden)."""

    def identified(self, result: str) -> None:
        """Who sends was asked: `password`, `nobody`, `wrong`, `away`, … as `identity` has them."""

    def failed(self, cause: str) -> None:
        """A stage raised, timed out or died; what it led to is counted by `refused`."""

    def passed_through(
        self, host_class: str, why: str, *, connections: int = 1, sent: int = 0, received: int = 0
    ) -> None:
        """Connections or bytes went by uninspected. `host_class` is a class of hosts, no host."""

    def suspected(self, how: str) -> None:
        """A `tunnel` or `request` went to a host that looks like an AI service and is in no catalogue."""

    def suspects(self, count: int) -> None:
        """So many such hosts were seen lately, and nobody dismissed them."""

    def policy_loaded(self, revision: str, *, at: float) -> None:
        """A policy set came into force."""

    def policy_rejected(self) -> None:
        """A policy set was invalid; the last valid one stays in force."""

    def ca_expires(self, at: float) -> None:
        """The CA certificate that signs for clients is valid until `at`."""

    def spool(self, *, records: int, size: int, capacity: int) -> None:
        """What waits in the incident spool."""

    def incidents_stored(self, count: int) -> None:
        """Incidents reached the database."""

    def incident_write_failed(self, cause: str) -> None:
        """A try to append or store incidents failed."""

    def incidents_set_aside(self, kind: str, count: int) -> None:
        """Spool lines (`torn`, `corrupt`) or incidents (`rejected`) went into a `.corrupt` file."""

    def exported(self, sink: str, result: str, count: int) -> None:
        """An export was told incidents (`delivered`), or refused them for good (`refused`)."""

    def export_failed(self, sink: str, cause: str) -> None:
        """A try to tell an export failed; it is tried again."""

    def export_lag(self, sink: str, seconds: float) -> None:
        """So long the oldest incident waits that an export was not told."""

    def vault_failed(self, cause: str) -> None:
        """Tokens were not kept or not looked up; `cause` is one of the vault's."""

    def vault_kept(self, count: int) -> None:
        """So many tokens were written to the vault, as new or to live on."""

    def vault_found(self, count: int) -> None:
        """So many tokens were found in the vault for the actor that asked."""

    def vault_missed(self, count: int) -> None:
        """So many tokens were looked up and not found."""

    def coached(self, rule: str, service: str) -> None:
        """Somebody was asked to think, and given a link."""

    def coaching_answered(self, rule: str, service: str, answer: str, *, seconds: float) -> None:
        """They answered (`justified`, `cancelled`), so long after they were asked."""

    def coaching_expired(self, rule: str, service: str) -> None:
        """They never answered."""

    def workers(self, count: int) -> None:
        """So many worker processes are ready."""

    def worker_restarted(self, cause: str) -> None:
        """A worker process was replaced."""

    def queue(self, depth: int) -> None:
        """So many exchanges wait for a worker."""

    def stream_started(self, service: str) -> None:
        """A streamed answer began."""

    def stream_ended(self, service: str, result: str, *, seconds: float, received: int) -> None:
        """A streamed answer ended: `complete`, `aborted`, `cut`, …"""

    def tokens_restored(self, service: str, *, restored: int, withheld: int, unknown: int) -> None:
        """Tokens came up in an answer: values again, withheld by policy, or not this actor's."""

    def answer_looked_at(self, decision: Decision, result: str) -> None:
        """Rules looked at an answer: `clean`, `logged`, `redacted`, `blocked`, `failed`, `cut`."""


class NullMeter:
    """A meter that nobody reads, for tests and tools."""

    def observe(self, decision: Decision) -> None:
        """Nothing."""

    def refused(self, cause: str) -> None:
        """Nothing."""

    def failed(self, cause: str) -> None:
        """Nothing."""

    def identified(self, result: str) -> None:
        """Nothing."""

    def passed_through(
        self, host_class: str, why: str, *, connections: int = 1, sent: int = 0, received: int = 0
    ) -> None:
        """Nothing."""

    def suspected(self, how: str) -> None:
        """Nothing."""

    def suspects(self, count: int) -> None:
        """Nothing."""

    def policy_loaded(self, revision: str, *, at: float) -> None:
        """Nothing."""

    def policy_rejected(self) -> None:
        """Nothing."""

    def ca_expires(self, at: float) -> None:
        """Nothing."""

    def spool(self, *, records: int, size: int, capacity: int) -> None:
        """Nothing."""

    def incidents_stored(self, count: int) -> None:
        """Nothing."""

    def incident_write_failed(self, cause: str) -> None:
        """Nothing."""

    def incidents_set_aside(self, kind: str, count: int) -> None:
        """Nothing."""

    def exported(self, sink: str, result: str, count: int) -> None:
        """Nothing."""

    def export_failed(self, sink: str, cause: str) -> None:
        """Nothing."""

    def export_lag(self, sink: str, seconds: float) -> None:
        """Nothing."""

    def vault_failed(self, cause: str) -> None:
        """Nothing."""

    def vault_kept(self, count: int) -> None:
        """Nothing."""

    def vault_found(self, count: int) -> None:
        """Nothing."""

    def vault_missed(self, count: int) -> None:
        """Nothing."""

    def coached(self, rule: str, service: str) -> None:
        """Nothing."""

    def coaching_answered(self, rule: str, service: str, answer: str, *, seconds: float) -> None:
        """Nothing."""

    def coaching_expired(self, rule: str, service: str) -> None:
        """Nothing."""

    def workers(self, count: int) -> None:
        """Nothing."""

    def worker_restarted(self, cause: str) -> None:
        """Nothing."""

    def queue(self, depth: int) -> None:
        """Nothing."""

    def stream_started(self, service: str) -> None:
        """Nothing."""

    def stream_ended(self, service: str, result: str, *, seconds: float, received: int) -> None:
        """Nothing."""

    def tokens_restored(self, service: str, *, restored: int, withheld: int, unknown: int) -> None:
        """Nothing."""

    def answer_looked_at(self, decision: Decision, result: str) -> None:
        """Do nothing."""


class _Series[M: MetricWrapperBase]:
    """One metric's children by label values: looked up once, bounded per label."""

    def __init__(
        self, metric: M, labels: tuple[str, ...], bound: Callable[[str, str], str]
    ) -> None:
        self._metric = metric
        self._labels = labels
        self._bound = bound
        self._children: dict[tuple[str, ...], M] = {}

    def clear(self) -> None:
        """Forget all children, and their series with them."""
        self._children.clear()
        self._metric.clear()

    def __call__(self, *values: str) -> M:
        child = self._children.get(values)
        if child is None:
            if not self._labels:
                return self._metric
            bounded = tuple(map(self._bound, self._labels, values))
            child = self._metric.labels(*bounded)
            if bounded == values:
                # INVARIANT: only bounded values are kept; the cache cannot outgrow the labels.
                self._children[values] = child
        return child


class Metrics:
    """The real meter, with a registry of its own; `exposition` renders it for a scrape."""

    def __init__(self, *, version: str, python: str = "", mitmproxy: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a creation time per series doubles the scrape for nothing
        self.registry = CollectorRegistry()
        self._seen: dict[str, set[str]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._metrics: dict[str, Counter | Gauge] = {}
        ProcessCollector(registry=self.registry)
        self._gauge("build_info", "What is running; always 1.", "version", "python", "mitmproxy")(
            version, python, mitmproxy
        ).set(1)
        self._requests = self._counter(
            "requests",
            "Inspected requests and messages.",
            "service",
            "operation",
            "act",
            "enforcement",
        )
        self._request_seconds = self._histogram(
            "request_seconds", "Inspection of a request, start to end.", REQUEST_BUCKETS
        )()
        self._stage_seconds = self._histogram(
            "stage_seconds", "One stage of an inspection.", STAGE_BUCKETS, "stage"
        )
        self._findings = self._counter(
            "findings",
            "Findings, by what the wire did with their request.",
            "entity",
            "enforcement",
        )
        self._rule_hits = self._counter(
            "rule_hits", "Rules that matched a request or an answer.", "rule", "mode", "action"
        )
        self._inspected = self._counter("inspected_bytes", "Decoded content that detectors saw.")()
        self._unread = self._counter(
            "uninspected_places", "Places of requests that could not be read.", "reason"
        )
        self._unread_bytes = self._counter(
            "uninspected_bytes", "Content that could not be read, as sent.", "reason"
        )
        self._would = self._counter(
            "monitored_requests",
            "Requests that rules in monitor mode would have treated more strictly.",
            "verdict",
        )
        self._passed = self._counter(
            "passthrough_connections", "Connections that went by uninspected.", "class", "why"
        )
        self._suspected = self._counter(
            "suspected",
            "Connections and requests to hosts that look like AI services and are in no catalogue.",
            "how",
        )
        self._suspects = self._gauge(
            "suspect_hosts", "Such hosts of the last 30 days that nobody dismissed."
        )
        self._passed_bytes = self._counter(
            "passthrough_bytes", "Bytes that went by uninspected.", "class", "why", "direction"
        )
        self._failures = self._counter(
            "failures", "Stages that raised, timed out or died.", "cause"
        )
        self._identities = self._counter(
            "identities", "Answers to who sends a connection or a plain request.", "result"
        )
        self._refusals = self._counter("refusals", "Requests refused, by cause.", "cause")
        self._policy = self._gauge("policy_info", "The policy revision in force.", "revision")
        self._reloads = self._counter("policy_reloads", "Loads of a policy set.", "result")
        self._reload_ok = self._gauge(
            "policy_last_reload_success", "1 when the last load was valid, 0 when it was not."
        )()
        self._reload_at = self._gauge(
            "policy_last_reload_timestamp_seconds", "When the policy in force was loaded."
        )()
        self._ca = self._gauge(
            "ca_expiry_timestamp_seconds", "When the CA certificate ends; 0 when not told."
        )()
        self._spool_records = self._gauge("spool_records", "Incidents waiting to be stored.")()
        self._spool_bytes = self._gauge("spool_bytes", "Spool bytes waiting to be stored.")()
        self._spool_capacity = self._gauge(
            "spool_capacity_bytes", "Spool bytes at which requests with incidents are refused."
        )()
        self._stored = self._counter("incidents_stored", "Incidents that reached the database.")()
        self._write_failures = self._counter(
            "incident_write_failures", "Failed tries to append or store incidents.", "cause"
        )
        self._set_aside = self._counter(
            "incidents_set_aside", "Spool lines and incidents put into a .corrupt file.", "kind"
        )
        self._exported = self._counter(
            "exported", "Incidents that exports took or refused.", "sink", "result"
        )
        self._export_failures = self._counter(
            "export_failures", "Failed tries to tell an export.", "sink", "cause"
        )
        self._export_lag = self._gauge(
            "export_lag_seconds", "Age of the oldest incident that an export was not told.", "sink"
        )
        self._vault_failures = self._counter(
            "vault_failures", "Calls of the token vault that did nothing.", "cause"
        )
        self._vault_kept = self._counter("vault_kept", "Tokens written to the vault.")()
        self._vault_found = self._counter("vault_found", "Tokens found in the vault.")()
        self._vault_missed = self._counter("vault_missed", "Tokens not found in the vault.")()
        self._coached = self._counter(
            "coached_requests", "Requests whose senders were given a link.", "rule", "service"
        )
        self._coaching_answers = self._counter(
            "coaching_answers",
            "Coachings that ended: justified, cancelled or expired.",
            "rule",
            "service",
            "result",
        )
        self._coaching_seconds = self._histogram(
            "coaching_answer_seconds",
            "Time from being asked to the answer.",
            (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0),
            "result",
        )
        self._workers = self._gauge("workers", "Worker processes that are ready.")()
        self._restarts = self._counter("worker_restarts", "Workers that were replaced.", "cause")
        self._queue = self._gauge("inspection_queue", "Exchanges waiting for a worker.")()
        self._streams_open = self._gauge("streams_open", "Streamed answers under way.")()
        self._streams = self._counter("streams", "Streamed answers, by end.", "service", "result")
        self._stream_seconds = self._histogram(
            "stream_seconds", "Length of streamed answers.", (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)
        )()
        self._stream_bytes = self._counter("stream_bytes", "Bytes of streamed answers.")()
        self._tokens = self._counter("tokens", "Values that left as tokens.", "service")
        self._answer_tokens = self._counter(
            "answer_tokens", "Tokens in answers, by what became of them.", "service", "result"
        )
        self._answers = self._counter(
            "answers_inspected", "Answers that rules looked at, by result.", "service", "result"
        )
        self._answers_bytes = self._counter(
            "answers_inspected_bytes", "Text of answers that detectors saw."
        )()

        self._begin()

    def _begin(self) -> None:
        """Start known series at zero: a counter that appears at 1 shows no increase."""
        for reason in UnreadReason:
            self._unread(reason.value)
            self._unread_bytes(reason.value)
        for result in ("success", "failure"):
            self._reloads(result)
        for kind in ("torn", "corrupt", "rejected"):
            self._set_aside(kind)
        for cause in ("timeout", "away", "error", "paused", "too_large", "unknown_key"):
            self._vault_failures(cause)
        for cause in ("spool_full", "spool_error", "database_away", "database_error"):
            self._write_failures(cause)

    # --- making series ---------------------------------------------------------------------------

    def _counter(self, name: str, meaning: str, *labels: str) -> _Series[Counter]:
        metric = Counter(f"{PREFIX}{name}", meaning, labels, registry=self.registry)
        self._names[f"{PREFIX}{name}_total"] = labels
        self._metrics[name] = metric
        return _Series(metric, labels, self._bounded)

    def _gauge(self, name: str, meaning: str, *labels: str) -> _Series[Gauge]:
        metric = Gauge(f"{PREFIX}{name}", meaning, labels, registry=self.registry)
        self._names[f"{PREFIX}{name}"] = labels
        self._metrics[name] = metric
        return _Series(metric, labels, self._bounded)

    def _histogram(
        self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str
    ) -> _Series[Histogram]:
        metric = Histogram(
            f"{PREFIX}{name}", meaning, labels, buckets=buckets, registry=self.registry
        )
        self._names[f"{PREFIX}{name}_bucket"] = (*labels, "le")
        self._names[f"{PREFIX}{name}_sum"] = labels
        self._names[f"{PREFIX}{name}_count"] = labels
        return _Series(metric, labels, self._bounded)

    def _bounded(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value in seen:
            return value
        if len(seen) >= BOUNDS.get(label, DEFAULT_BOUND) or len(value) > LABEL_CHARS:
            return OTHER
        seen.add(value)
        return value

    # --- the contract ----------------------------------------------------------------------------

    def observe(self, decision: Decision) -> None:
        """Count one decision: what it was about, what was found, what was done, how long."""
        match decision.enforcement:
            case Forward():
                enforcement = "forward"
            case Rewrite(tokens=tokens):
                enforcement = "rewrite"
                if tokens:
                    self._tokens(decision.route.service).inc(len(tokens))
            case Refuse(cause=cause):
                enforcement = "refuse"
                self._refusals(cause).inc()
            case other:
                assert_never(other)
        route, outcome, scan = decision.route, decision.outcome, decision.scan
        self._requests(route.service, route.operation, route.act.value, enforcement).inc()
        for entity, count in decision.found.items():
            self._findings(entity, enforcement).inc(count)
        for hit in outcome.hits:
            self._rule_hits(hit.rule, hit.mode, hit.action.name.lower()).inc()
        for unread in scan.unread:
            self._unread(unread.reason.value).inc()
            if unread.size > 0:
                self._unread_bytes(unread.reason.value).inc(unread.size)
        if outcome.monitored > outcome.verdict:
            self._would(outcome.monitored.name.lower()).inc()
        if decision.inspected > 0:
            self._inspected.inc(decision.inspected)
        total = 0.0
        for stage, seconds in decision.timings.items():
            if stage != "total":
                self._stage_seconds(stage).observe(seconds)
                total += seconds
        if decision.timings:
            self._request_seconds.observe(decision.timings.get("total", total))

    def refused(self, cause: str) -> None:
        """Count a refusal that no decision tells of."""
        self._refusals(cause).inc()

    def identified(self, result: str) -> None:
        """Count an answer to who sends."""
        self._identities(result).inc()

    def failed(self, cause: str) -> None:
        """Count a failure."""
        self._failures(cause).inc()

    def passed_through(
        self, host_class: str, why: str, *, connections: int = 1, sent: int = 0, received: int = 0
    ) -> None:
        """Count connections and bytes that nobody inspected."""
        if connections:
            self._passed(host_class, why).inc(connections)
        if sent:
            self._passed_bytes(host_class, why, "sent").inc(sent)
        if received:
            self._passed_bytes(host_class, why, "received").inc(received)

    def suspected(self, how: str) -> None:
        """Count a connection or a request to a suspect."""
        self._suspected(how).inc()

    def suspects(self, count: int) -> None:
        """Show how many suspects there are."""
        self._suspects().set(count)

    def policy_loaded(self, revision: str, *, at: float) -> None:
        """Show `revision` as the one in force."""
        self._policy.clear()
        self._seen.pop("revision", None)  # the one before is gone, its place is free
        self._policy(revision).set(1)
        self._reloads("success").inc()
        self._reload_ok.set(1)
        self._reload_at.set(at)

    def policy_rejected(self) -> None:
        """Show that the last load failed."""
        self._reloads("failure").inc()
        self._reload_ok.set(0)

    def ca_expires(self, at: float) -> None:
        """Show when the CA certificate ends."""
        self._ca.set(at)

    def spool(self, *, records: int, size: int, capacity: int) -> None:
        """Show the depth of the spool."""
        self._spool_records.set(records)
        self._spool_bytes.set(size)
        self._spool_capacity.set(capacity)

    def incidents_stored(self, count: int) -> None:
        """Count stored incidents."""
        self._stored.inc(count)

    def incident_write_failed(self, cause: str) -> None:
        """Count a failed append or store."""
        self._write_failures(cause).inc()

    def incidents_set_aside(self, kind: str, count: int) -> None:
        """Count what went into a `.corrupt` file."""
        self._set_aside(kind).inc(count)

    def exported(self, sink: str, result: str, count: int) -> None:
        """Count incidents that an export is done with; 0 begins the series."""
        self._exported(sink, result).inc(count)

    def export_failed(self, sink: str, cause: str) -> None:
        """Count a failed try."""
        self._export_failures(sink, cause).inc()

    def export_lag(self, sink: str, seconds: float) -> None:
        """Show how far an export is behind."""
        self._export_lag(sink).set(seconds)

    def vault_failed(self, cause: str) -> None:
        """Count a call of the vault that did nothing."""
        self._vault_failures(cause).inc()

    def vault_kept(self, count: int) -> None:
        """Count tokens written to the vault."""
        self._vault_kept.inc(count)

    def vault_found(self, count: int) -> None:
        """Count tokens found in the vault."""
        self._vault_found.inc(count)

    def vault_missed(self, count: int) -> None:
        """Count tokens not found in the vault."""
        self._vault_missed.inc(count)

    def coached(self, rule: str, service: str) -> None:
        """Count a link that was given out."""
        self._coached(rule, service).inc()

    def coaching_answered(self, rule: str, service: str, answer: str, *, seconds: float) -> None:
        """Count an answer, and note how long it took."""
        self._coaching_answers(rule, service, answer).inc()
        self._coaching_seconds(answer).observe(seconds)

    def coaching_expired(self, rule: str, service: str) -> None:
        """Count one that nobody answered."""
        self._coaching_answers(rule, service, "expired").inc()

    def workers(self, count: int) -> None:
        """Show how many workers are ready."""
        self._workers.set(count)

    def worker_restarted(self, cause: str) -> None:
        """Count a replaced worker."""
        self._restarts(cause).inc()

    def queue(self, depth: int) -> None:
        """Show how many exchanges wait."""
        self._queue.set(depth)

    def stream_started(self, service: str) -> None:  # noqa: ARG002  # the open gauge is not split by service
        """Count a streamed answer in."""
        self._streams_open.inc()

    def stream_ended(self, service: str, result: str, *, seconds: float, received: int) -> None:
        """Count a streamed answer out."""
        self._streams_open.dec()
        self._streams(service, result).inc()
        self._stream_seconds.observe(seconds)
        if received > 0:
            self._stream_bytes.inc(received)

    def tokens_restored(self, service: str, *, restored: int, withheld: int, unknown: int) -> None:
        """Count tokens of an answer."""
        for result, count in (
            ("restored", restored),
            ("withheld", withheld),
            ("unknown", unknown),
        ):
            if count:
                self._answer_tokens(service, result).inc(count)

    def answer_looked_at(self, decision: Decision, result: str) -> None:
        """Count an answer that was looked at, and the rules that matched."""
        self._answers(decision.route.service, result).inc()
        for hit in decision.outcome.hits:
            self._rule_hits(hit.rule, hit.mode, hit.action.name.lower()).inc()
        if decision.inspected > 0:
            self._answers_bytes.inc(decision.inspected)

    # --- scraping --------------------------------------------------------------------------------

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Body and content type of a scrape, in the format that the `Accept` header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def sums(self, name: str, *by: str) -> Mapping[tuple[str, ...], float]:
        """The values of the counter or gauge `name`, summed up by these labels."""
        found: dict[tuple[str, ...], float] = {}
        for metric in self._metrics[name].collect():
            for sample in metric.samples:
                if not sample.name.endswith("_created"):
                    key = tuple(sample.labels[label] for label in by)
                    found[key] = found.get(key, 0.0) + sample.value
        return found

    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Every series name as scraped, with its label names; for checking dashboards."""
        return dict(self._names)
