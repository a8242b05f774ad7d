"""The hooks that policy repositories use name commands that exist, with arguments that they take."""

from pathlib import Path

import click
import pytest
import yaml

from gateway.cli import main

HOOKS = yaml.safe_load((Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text())


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_command_that_exists(hook):
    program, *names = hook["entry"].split()
    assert program == "leakgate"
    command = main
    for name in names:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    command.make_context(hook["id"], list(hook["args"]))
    assert hook["pass_filenames"] is False
    assert hook["id"] == "-".join([program, *names])
