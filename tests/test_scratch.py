"""Something is tried in a process of its own, which ends when nobody needs it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from support.console import POLICIES, rules
from support.gateway import warm

from gateway import bootstrap, content, rehearsal
from gateway.content import PictureSettings
from gateway.rehearsal import BenchPlan, Sending, TryCases, TryOut
from gateway.scratch import Scratch
from gateway.workers import InspectionFault

NUMBER = "219-09-9876"


def plan(**changes):
    folder = warm()
    made = BenchPlan(
        rules(),
        bootstrap.known_key(folder),
        folder / "cache",
        content.FileLimits(),
        PictureSettings(),
        POLICIES,
    )
    return replace(made, **changes)


def test_what_is_tried_is_told_and_the_process_ends():
    async def live():
        scratch = Scratch(plan, memory=2 << 30, idle=0.2)
        sending = Sending("openai-api")
        told = await scratch.ask(TryOut(f"my number is {NUMBER}".encode(), sending), size=20)
        assert (told["verdict"], told["deciding_rules"]) == ("redact", ["distinctive-ids"])
        assert NUMBER not in repr(told)
        results = await scratch.ask(TryCases())
        assert results
        assert all(result.passed for result in results)
        with pytest.raises(InspectionFault) as fault:
            await scratch.ask(TryOut(b"x", Sending("no-such-service")))
        assert fault.value.cause == "exception"
        (pid,) = scratch._pool.pids()
        for _ in range(100):
            if scratch._pool is None:
                break
            await asyncio.sleep(0.1)
        assert scratch._pool is None
        assert pid > 0
        await scratch.stop()

    asyncio.run(live())


def test_cases_that_are_not_sound_are_told_as_problems(tmp_path):
    (tmp_path / "x_test.yaml").write_text("version: 1\ncases:\n  - nme: x\n")
    bench = rehearsal.Bench(plan(policies=tmp_path), engine=None)
    (problem, *_) = bench.inspect(TryCases()).value
    assert "x_test.yaml" in str(problem)
