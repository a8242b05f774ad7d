"""What does a command open of a gateway's? Its rules, its detectors, its database; and in whose name?

Law: nothing that a gateway lives by is made here, no key and no database. What is missing, or
cannot be used, ends the command with one line on standard error and status 2.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gateway.cli.given import BAD_INPUT
from gateway.cli.printed import problem_line
from gateway.documents import DocumentError, Problem
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway import bootstrap, detectors
    from gateway.incidents.desk import Desk
    from gateway.registers.folder import Registers
    from gateway.services import Catalogue


def rules_if_any(settings: Settings) -> bootstrap.Rules | None:
    """The rules of the policy folder; None when none was named and the default is not there."""
    if "policies" not in settings.model_fields_set and not settings.policies.is_dir():
        return None
    from gateway import bootstrap  # noqa: PLC0415

    return bootstrap.load_rules(settings.policies)


def catalogue_of(settings: Settings) -> Catalogue:
    """The catalogue of services, with what the policies add to it."""
    from gateway.services import Catalogue  # noqa: PLC0415

    rules = rules_if_any(settings)
    return rules.catalogue if rules is not None else Catalogue.load()


def known_registers(settings: Settings, chosen: detectors.Settings) -> Registers | None:
    """What is registered; what is not is told, and commands do without."""
    from gateway import bootstrap  # noqa: PLC0415

    known, problems = bootstrap.registered(settings, chosen.registered)
    for problem in problems:
        click.echo(problem_line(problem), err=True)
    return known


def engine_of(settings: Settings, chosen: detectors.Settings) -> detectors.Engine:
    """The detectors, with what is registered."""
    from gateway import bootstrap  # noqa: PLC0415

    if not chosen.registered:
        return bootstrap.build_engine(chosen, settings.state)
    return bootstrap.build_engine(chosen, settings.state, known_registers(settings, chosen))


def has_database(settings: Settings) -> bool:
    """Whether a database is named, or a gateway has made one in its folder."""
    return bool(settings.database) or (settings.state / "leakgate.db").exists()


def needs_database(settings: Settings) -> None:
    """Ends a command that would otherwise make an empty database: raises `DocumentError`."""
    if not has_database(settings):
        raise DocumentError(
            [Problem(str(settings.state), 0, 0, "holds no database; has the gateway run there?")]
        )


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Raises `DocumentError` where the database within fails; the driver's words may hold values."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from gateway.database.engines import StoreError  # noqa: PLC0415

    try:
        yield
    except (SQLAlchemyError, StoreError) as error:
        told = str(error) if isinstance(error, StoreError) else type(error).__name__
        message = f"the database cannot be used: {told}"
        raise DocumentError([Problem("setting database", 0, 0, message)]) from None


@contextlib.contextmanager
def desk_of(settings: Settings) -> Iterator[Desk]:
    """The database with everything that works on incidents; expected errors end the command."""
    from gateway.audit.chain import AuditError  # noqa: PLC0415
    from gateway.incidents.desk import open_desk  # noqa: PLC0415
    from gateway.incidents.states import WorkError  # noqa: PLC0415

    needs_database(settings)
    try:
        with database_errors():
            desk = open_desk(
                settings.database_url,
                audit_key=settings.audit_key_path,
                seen=settings.audit_seen_path,
                person_key=person_key(settings),
                second_person=settings.unmask_second_person,
                agreed_for=settings.unmask_for,
                smallest=settings.small_group,
                make_key=False,  # the gateway could not read one that somebody else owns
            )
            with contextlib.closing(desk):
                yield desk
    except WorkError as error:
        click.echo(str(error), err=True)
        sys.exit(BAD_INPUT)
    except AuditError as error:
        raise DocumentError([Problem("audit log", 0, 0, str(error))]) from None


def person_key(settings: Settings) -> bytes:
    """What keys pseudonyms: the gateway's key of fingerprints. None is made here."""
    from gateway import bootstrap  # noqa: PLC0415

    key = bootstrap.known_key(settings.state)
    if key is None:
        message = "holds no `fingerprint.key` that can be read; pseudonyms need it"
        raise DocumentError([Problem(str(settings.state), 0, 0, message)])
    return key


def me() -> str:
    """Who acts, as the audit log names them: the account of this machine, not of the environment."""
    import os  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    identity = os.getuid()
    try:
        name = pwd.getpwuid(identity).pw_name
    except KeyError:
        name = f"uid {identity}"
    # What root says of itself cannot be checked, but tells colleagues apart.
    behind = os.environ.get("SUDO_USER", "") if identity == 0 else ""
    return f"{behind} ({name}) at the shell" if behind else f"{name} at the shell"
