"""How is the database kept in order while the gateway runs? By a thread of its own, unhurried.

Law: it rests as long as it works, so that purging never takes more than half of what the database
gives; it outlives every error, and none of its errors reaches an exchange.
"""

from __future__ import annotations

import logging
import threading
import time

from gateway.audit.log import Log
from gateway.incidents.recorder import kind_of
from gateway.incidents.retention import House

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
        self._look = look
        self._breath = breath
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._told = ""
        self._failures = 0
        self._head_at = -HEAD_SECONDS

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self, *, timeout: float = 3.0) -> None:
        """End after the step under way, and let another gateway go on."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._round()
            except Exception as error:  # noqa: BLE001  # INVARIANT: the thread outlives every error
                self._hand_over()  # it may be this gateway's fault, such as a wrong key
                self._failures += 1
                kind = kind_of(error)
                if kind != self._told:
                    # Once per change, by kind alone: texts may quote rows.
                    self._told = kind
                    log.warning("the database is not kept in order: %s", kind)
            else:
                self._failures, self._told = 0, ""
            self._stopping.wait(min(self._look * 2.0 ** min(self._failures, 10), LONGEST_PAUSE))
        self._hand_over()

    def _hand_over(self) -> None:
        try:
            self._house.release()
        except Exception as error:  # noqa: BLE001  # the lease ends by itself
            log.debug("housekeeping was not handed over: %s", kind_of(error))

    def _round(self) -> None:
        """All that there is to do, in steps with rests between them."""
        if time.monotonic() - self._head_at >= HEAD_SECONDS:
            log.info("audit log at %s", self._audit.head().text)
            self._head_at = time.monotonic()
        while not self._stopping.is_set() and self._house.hold():
            started = time.monotonic()
            if not self._house.step():
                return
            self._stopping.wait(max(self._breath, time.monotonic() - started))
