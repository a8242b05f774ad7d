"""A database full of incidents, made by the database itself: a million take minutes, not hours.

The figures beside them (tallies, repeats) are made by SQL of its own, and are those that the gateway
would have made: `tests/incidents/test_many.py` compares them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine
from support.postgres import Postgres

from gateway.database.engines import open_engine
from gateway.database.schema import migrate
from gateway.database.tables import Base

SERVICES = (
    "openai-api", "chatgpt", "claude-web", "anthropic-api", "gemini", "github-copilot", "perplexity",
    "midjourney", "deepseek", "mistral", "cursor", "grammarly", "otter", "unknown", "heygen",
)  # fmt: skip
RULES = tuple(f"rule-{number:02}" for number in range(40))
ENTITIES = (
    "EMAIL_ADDRESS", "PERSON", "PHONE_NUMBER", "US_SSN", "CREDIT_CARD", "IBAN_CODE", "API_KEY",
    "STREET_ADDRESS", "DATE_OF_BIRTH", "SOURCE_CODE",
)  # fmt: skip
TEAMS = 200
"""Teams that people are in, one each; nine in ten are `staff`, too."""
COLLEAGUES = tuple(f"colleague-{number}" for number in range(12))


def _words(words: tuple[str, ...]) -> str:
    return "ARRAY[" + ", ".join(f"'{word}'" for word in words) + "]"


def _skewed(words: tuple[str, ...], chance: str) -> str:
    """Some often, most seldom: the square of a chance."""
    return f"({_words(words)})[1 + floor(power({chance}, 2) * {len(words)})::int]"


@contextlib.contextmanager
def filled(
    incidents: int, *, days: int, until: datetime, keep: Path | None = None
) -> Iterator[tuple[Postgres, str]]:
    """A PostgreSQL with many incidents, durable, and the URL of its database.

    In `keep` it is found again by the next one; it is brought to the newest schema.
    """
    with contextlib.ExitStack() as stack:
        folder = keep
        if folder is None:
            holding = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            holding.chmod(0o755)
            folder = holding / "pg"
        folder.mkdir(mode=0o755, exist_ok=True)
        server = Postgres(folder)
        server.start(memory="512MB", durable=server.kept)
        stack.callback(lambda: server.stop("fast"))
        url = server.url("bench") if server.kept else server.create("bench")
        migrate(url)
        if not server.kept:
            engine = open_engine(url)
            fill(engine, incidents=incidents, days=days, until=until)
            engine.dispose()
            # From here on as in earnest: what is committed is on disk.
            server.stop("fast")
            server.start(memory="512MB", durable=True)
        coach(url)
        yield server, url


def coach(url: str) -> None:
    """Some 12,000 coachings of people who have incidents, where there are none yet."""
    engine = open_engine(url)
    with engine.begin() as connection:
        if not connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM coachings)").scalar_one():
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(
                """
                INSERT INTO coachings (id, at, last_at, expires_at, actor, source_ip, sender, same,
                    service, host, rule, lesson, found, marks, times, state, answered_at,
                    valid_until, reason, text)
                SELECT 'bench-' || i.id, i.at, i.at, i.at + interval '1 hour', i.actor, i.source_ip,
                       md5(i.actor), md5(i.id), i.service, i.host, r.rule,
                       'lesson-' || right(r.rule, 1), '{"PERSON": 1}', '[]', 1,
                       CASE WHEN random() < 0.5 THEN 'justified'
                            WHEN random() < 0.7 THEN 'cancelled' ELSE 'expired' END,
                       i.at + interval '40 seconds', i.at + interval '8 hours', 'work', ''
                FROM incidents AS i
                JOIN incident_rules AS r ON r.incident_id = i.id AND r.position = 0
                WHERE r.rule IN ('rule-05', 'rule-12', 'rule-20', 'rule-39')
                  AND mod(hashtext(i.id), 7) = 0
                """
            )
            connection.exec_driver_sql("ANALYZE coachings")
    engine.dispose()


def fill(
    engine: Engine, *, incidents: int, days: int, until: datetime, people: int = 20_000
) -> None:
    """Fill an empty, migrated PostgreSQL with incidents of `days` before `until`.

    Each has one or two rules, one to three groups of findings with one to three values each (a value
    in ten comes again), one in ten something unread. Nine in ten of those older than a week are
    closed; two in three of the closed are judged.
    """
    end = until.isoformat()
    statements = [
        "SELECT setseed(0.5)",
        f"""
        CREATE TEMPORARY TABLE many ON COMMIT DROP AS
        SELECT lpad(to_hex(n), 16, '0') AS id,
               timestamptz '{end}' - random() * interval '{days} days' AS at,
               {_skewed(SERVICES, "random()")} AS service,
               floor(power(random(), 2) * {people})::int AS person,
               (ARRAY['log', 'log', 'log', 'redact', 'redact', 'block'])[1 + floor(random() * 6)::int]
                 AS verdict,
               (ARRAY[0, 1, 1, 2, 2, 2, 3, 3, 4])[1 + floor(random() * 9)::int] AS severity,
               random() AS chance
        FROM generate_series(1, {incidents}) AS n
        ORDER BY at
        """,
        """
        INSERT INTO incidents
        SELECT id, id, at, at + interval '1 second', 'person-' || person || '@example.com',
               '10.' || person % 8 || '.' || person / 256 % 256 || '.' || person % 256,
               service, CASE WHEN service IN ('github-copilot', 'cursor') THEN 'code' ELSE 'chat' END,
               'other', 'prompt', service || '.example.com', 'POST', verdict, verdict,
               CASE verdict WHEN 'log' THEN 'forward' WHEN 'redact' THEN 'rewrite' ELSE 'refuse' END,
               CASE verdict WHEN 'block' THEN 'policy' ELSE '' END, severity, 'p-' || severity, 'd',
               1000, 3, CASE WHEN chance < 0.1 THEN 1 ELSE 0 END, 0, '{"total": 0.01}',
               'device-' || person, 'bench', ''
        FROM many
        """,
        """INSERT INTO incident_scopes VALUES ('bench', '["*"]')""",
        f"""
        INSERT INTO incident_teams
        SELECT id, team, at, 'person-' || person || '@example.com'
        FROM many, LATERAL (SELECT 'staff' AS team WHERE person % 10 > 0
                            UNION ALL SELECT 'team-' || person % {TEAMS}) AS team
        """,
        f"""
        INSERT INTO incident_rules
        SELECT id, position, {_skewed(RULES, "r")}, 'enforce', verdict, severity
        FROM (SELECT many.*, position, random() AS r
              FROM many, LATERAL generate_series(0, CASE WHEN chance < 0.4 THEN 1 ELSE 0 END)
                AS position) AS drawn
        """,
        f"""
        INSERT INTO incident_findings
        SELECT id, position, {_skewed(ENTITIES, "r")}, 'messages[' || position || '].content', 'user',
               'text', 'bench', 1 + floor(r * 3)::int, 1 + floor(r * 3)::int, 0.85, '••••99'
        FROM (SELECT many.*, position, random() AS r
              FROM many, LATERAL generate_series(0, floor(chance * 3)::int) AS position) AS drawn
        """,
        f"""
        INSERT INTO incident_fingerprints
        SELECT incident_id, position, number,
               CASE WHEN r < 0.1 THEN 'again-' || floor(power(r * 10, 3) * {incidents // 50 + 10})::int
                    ELSE md5(incident_id || '-' || position || '-' || number)::char(24) END
        FROM (SELECT f.incident_id, f.position, number, random() AS r
              FROM incident_findings AS f, LATERAL generate_series(0, f."distinct" - 1) AS number)
          AS drawn
        """,
        """
        INSERT INTO incident_unread
        SELECT id, 0, 'messages[0].file', 'encrypted', 1000, '' FROM many WHERE chance < 0.1
        """,
        f"""
        INSERT INTO incident_work
        SELECT id, at, status, severity,
               CASE WHEN status = 'open' THEN '' ELSE {_skewed(COLLEAGUES, "chance")} END,
               CASE WHEN status <> 'closed' THEN ''
                    WHEN chance < 0.5 THEN 'true_positive' WHEN chance < 0.7 THEN 'false_positive'
                    WHEN chance < 0.85 THEN 'accepted_risk' ELSE 'duplicate' END,
               CASE WHEN status = 'open' THEN 0 ELSE 1 END, at + interval '1 hour',
               CASE WHEN status = 'open' THEN '' ELSE 'colleague-1' END
        FROM (SELECT many.*,
                     CASE WHEN at > timestamptz '{end}' - interval '7 days' THEN
                            CASE WHEN random() < 0.7 THEN 'open' ELSE 'in_progress' END
                          WHEN random() < 0.9 THEN 'closed' ELSE 'open' END AS status
              FROM many) AS drawn
        """,
        """
        INSERT INTO incident_judgements
        SELECT DISTINCT w.incident_id, r.rule, w.resolution, w.at
        FROM incident_work AS w JOIN incident_rules AS r ON r.incident_id = w.incident_id
        WHERE w.resolution IN ('true_positive', 'false_positive')
        """,
        """
        INSERT INTO incident_judged
        SELECT rule, (at AT TIME ZONE 'UTC')::date, resolution, count(*) FROM incident_judgements
        GROUP BY 1, 2, 3
        """,
        """
        INSERT INTO incident_labels
        SELECT id, CASE WHEN chance < 0.01 THEN 'legal' ELSE 'audit-q3' END FROM many WHERE chance < 0.05
        """,
        *_figures(),
    ]
    indexes = [
        index
        for name, table in Base.metadata.tables.items()
        if name.startswith("incident")
        for index in table.indexes
    ]
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
        connection.exec_driver_sql("SET LOCAL work_mem = '256MB'")
        # References hold by themselves here, and indexes are made faster at the end.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for index in indexes:
            index.drop(connection)
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
        for index in indexes:
            index.create(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("RESET statement_timeout")


def _figures() -> list[str]:
    day = "(i.at AT TIME ZONE 'UTC')::date"
    head = "INSERT INTO incident_tallies (kind, day, name, verdict, outcome, count) SELECT"
    severity = "(ARRAY['info', 'low', 'medium', 'high', 'critical'])[1 + i.severity]"
    groups = "verdict, enforcement, count(*) FROM incidents AS i GROUP BY 2, 3, 4, 5"
    made = [
        f"{head} '{kind}', {day}, {name}, {groups}"
        for kind, name in (("service", "service"), ("severity", severity))
    ]
    for kind, column, table, verdict, outcome in (
        ("rule", "c.rule", "incident_rules", "c.action", "c.mode"),
        ("entity", "c.entity", "incident_findings", "i.verdict", "i.enforcement"),
        ("unread", "c.reason", "incident_unread", "i.verdict", "i.enforcement"),
        ("team", "c.team", "incident_teams", "i.verdict", "i.enforcement"),
    ):
        made.append(
            f"{head} '{kind}', {day}, {column}, {verdict}, {outcome}, count(DISTINCT i.id)"
            f" FROM incidents AS i JOIN {table} AS c ON c.incident_id = i.id GROUP BY 2, 3, 4, 5"
        )
    made.append(
        """
        INSERT INTO incident_repeats
        SELECT fingerprint, rule, service, min(entity), '', count(*), min(at), max(at)
        FROM (SELECT p.fingerprint, r.rule, i.service, i.id, i.at, min(f.entity) AS entity
              FROM incidents AS i
              JOIN incident_fingerprints AS p ON p.incident_id = i.id
              JOIN incident_findings AS f ON f.incident_id = i.id AND f.position = p.finding
              JOIN incident_rules AS r ON r.incident_id = i.id
              GROUP BY 1, 2, 3, 4, 5) AS met
        GROUP BY 1, 2, 3
        """
    )
    return made
