"""What can be asked of Leakgate from a shell? One command per verb, one module per group of them.

Law: exit status 0 is success, 1 a finding or a failed check, 2 bad input or nothing done. Errors go
to standard error, one per line, `file:line:column: message` where there is a place.

`given`, `opened` and `printed` are what commands share; no command knows another. Each imports what
it needs when it is called: detectors, proxy and database take a second to load, and most commands
need one of them.
"""

from __future__ import annotations

from typing import Any

import click

from gateway.cli import (
    audit,
    ca,
    coaching,
    console,
    evaluate,
    evidence,
    exports,
    incidents,
    policy,
    register,
    running,
    scan,
    services,
    shadow,
    tokens,
)
from gateway.cli.given import BAD_INPUT
from gateway.cli.printed import problem_line
from gateway.documents import DocumentError


class _Main(click.Group):
    """Turns every expected error into lines on standard error and status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DocumentError as error:
            for problem in error.problems:
                click.echo(problem_line(problem), err=True)
            ctx.exit(BAD_INPUT)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Leakgate: stop company data from leaking into AI services."""


for _command in (
    running.version,
    running.api_keys,
    running.run,
    running.demo,
    scan.scan,
    evaluate.evaluate,
    policy.policy,
    services.services,
    shadow.shadow,
    incidents.incidents,
    coaching.coaching,
    exports.exports,
    evidence.evidence,
    register.register,
    audit.audit,
    tokens.tokens,
    console.console,
    ca.ca,
):
    main.add_command(_command)
