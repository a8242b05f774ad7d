"""How is the database kept in order while the gateway runs? By a thread of its own, unhurried.

Law: it rests as long as it works, so that purging never takes more than half of what the database
gives; it outlives every error, and none of its errors reaches an exchange.
"""

from __future__ import annotations

import logging
import time

from gateway.audit.log import Log
from gateway.incidents.retention import House
from gateway.rounds import Rounds

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
"""How often it is looked whether there is something to do."""

LONGEST_PAUSE = 600.0
"""Pauses after failures in a row are doubled up to this."""

HEAD_SECONDS = 6 * 3600.0
"""How often the head of the audit log is written to the gateway's log, where it cannot be taken back."""

_BREATH = 0.05


class Housekeeper:
    """The thread."""

    def __init__(
        self,
        house: House,
        audit: Log,
        *,
        look: float = LOOK_SECONDS,
        breath: float = _BREATH,
    ) -> None:
        self._house = house
        self._audit = audit
        self._breath = breath
        self._head_at = -HEAD_SECONDS
        # After an error, too, another gateway may go on: it may be this one's fault, such as a wrong key.
        self._rounds = Rounds(
            self._round,
            name="housekeeping",
            wrong="the database is not kept in order",
            every=look,
            longest=LONGEST_PAUSE,
            failed=house.release,
            last=house.release,
        )

    def start(self) -> None:
        """Begin."""
        self._rounds.start()

    def stop(self, *, timeout: float = 3.0) -> None:
        """End after the step under way, and let another gateway go on."""
        self._rounds.stop(timeout=timeout)

    def _round(self) -> None:
        """All that there is to do, in steps with rests between them."""
        if time.monotonic() - self._head_at >= HEAD_SECONDS:
            log.info("audit log at %s", self._audit.head().text)
            self._head_at = time.monotonic()
        while not self._rounds.stopping and self._house.hold():
            started = time.monotonic()
            if not self._house.step():
                return
            self._rounds.rest(max(self._breath, time.monotonic() - started))
