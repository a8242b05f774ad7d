"""How is a gateway started from a shell, and seen at work? `version`, `run`, `demo`, and `api-keys`.

Law: a gateway that does not start says why, with status 2.
"""

from __future__ import annotations

import gc
import shutil
import sys
from typing import Any

import click

from gateway import __version__
from gateway.cli.given import BAD_INPUT, settings_of, settings_options, text_of
from gateway.settings import Settings


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


@click.command("api-keys")
@click.argument("path", metavar="[FILE]", default="-")
@settings_options
def api_keys(path: str, **options: Any) -> None:
    """Print fingerprints of the API keys in FILE, for `api_keys` in a policy; `-` is standard input.

    One key per line; words before it are a note, which is printed beside its fingerprint. The keys
    are not kept. Fingerprints hold for gateways with the same `fingerprint.key`.
    """
    from gateway import bootstrap  # noqa: PLC0415

    settings = settings_of(**options)
    key = bootstrap.known_key(settings.state)
    if key is None:
        click.echo(
            f"leakgate: no `fingerprint.key` in `{settings.state}`; name the gateway's folder with"
            " --state, and start the gateway once before",
            err=True,
        )
        sys.exit(BAD_INPUT)
    lines = [line.split() for line in text_of(path).splitlines() if line.strip()]
    if not lines:
        click.echo("leakgate: no key was given", err=True)
        sys.exit(BAD_INPUT)
    for *note, value in lines:
        click.echo(
            f"- {bootstrap.key_fingerprint(value, key)}" + (f"  # {' '.join(note)}" if note else "")
        )


@click.command()
@settings_options
def run(**options: Any) -> None:
    """Start the gateway; Ctrl-C stops it."""
    from gateway import workers  # noqa: PLC0415  # other commands need none

    settings = settings_of(**options)
    workers.prepare()  # loads the detectors while the proxy is loaded here
    gc.disable()  # nothing that is loaded is garbage: to look for some takes a quarter of the time
    from gateway import daemon  # noqa: PLC0415
    from gateway.proxy.server import StartError  # noqa: PLC0415

    gc.enable()
    try:
        daemon.run(settings, announce=_announce)
    except StartError as error:
        click.echo(f"leakgate: {error}", err=True)
        sys.exit(BAD_INPUT)


def _announce(up: Any, settings: Settings) -> None:
    certificate = up.authority.certificate_path
    scheme = "http" if settings.admin_tls is None else "https"
    admin = f"{scheme}://{up.admin[0]}:{up.admin[1]}"
    listening = ", ".join(f"{host}:{port}" for host, port in up.proxies)
    program = "leakgate" if shutil.which("leakgate") else sys.argv[0]
    rules = up.rules()
    enforced = sum(rule.mode == "enforce" for rule in rules.policy.every_rule)
    click.echo(
        f"""Leakgate {__version__} is running.

  proxy         {listening} ({", ".join(settings.mode)})
  admin         {admin}/metrics  /healthz  /readyz  /proxy.pac  /ca.pem
  console       {settings.console.url or admin + "/console/" if up.console else "off"}
  CA            {certificate}
  policies      {settings.policies} ({len(rules.policy.every_rule)} rules, {enforced} enforced, revision {rules.policy.revision})
  services      {len(rules.catalogue.services())} in the catalogue
  state         {settings.state}
"""
    )
    if up.first_password is not None:
        click.echo(
            f"""The console's first account, shown once; choose a password of your own within three days:

  name          admin
  password      {up.first_password}
"""
        )
    if settings.mode[0] == "regular":
        host, port = up.proxies[0]
        click.echo(
            f"""Try it. This prompt holds a social security number: the service gets it without the number, and
`{program} incidents list --state {settings.state}` shows what happened.

  curl --proxy http://{host}:{port} --cacert {certificate} https://api.openai.com/v1/chat/completions \\
       -H 'content-type: application/json' -H 'authorization: Bearer none' \\
       -d '{{"model":"gpt-5","messages":[{{"role":"user","content":"My social security number is 219-09-9876, is it valid?"}}]}}'
"""
        )
    click.echo("Ctrl-C stops it.")
    sys.stdout.flush()


@click.command()
@click.option("--keep", is_flag=True, help="Leave the demo's state folder in place.")
def demo(*, keep: bool) -> None:
    """Show the gateway at work, without internet: what was sent, what left, what came back."""
    from gateway import demo as show  # noqa: PLC0415  # loads the proxy

    sys.exit(show.run(keep=keep))
