"""What all tests share."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure that shows half of a surrogate pair can be sent from one process to another."""
    report = yield
    if report.failed and report.longrepr is not None:
        said = str(report.longrepr)
        if not said.isascii():
            report.longrepr = said.encode("utf-8", "backslashreplace").decode()
    return report
