"""What may a process that reads strangers' bytes do? Compute, and write to the pipe it was given.

Law: each layer only takes away. A layer that the kernel does not offer is left out and `confine`
says so; limits of memory, time and files hold everywhere.

Landlock: https://docs.kernel.org/userspace-api/landlock.html. Seccomp filters:
https://docs.kernel.org/userspace-api/seccomp_filter.html.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SIGKILL = 9

# Same numbers on every architecture.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_FS = (13, 14, 15, 15, 16)
"""Rights over files by version of the interface: the bits that version 1, 2, 3, 4, 5 know."""

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CLONE_THREAD = 0x10000

_SYSCALLS = {
    # Reading and writing what is open, memory, signals, threads, time, the end; nothing by name.
    # And the name of the working directory (79, 17): Python 3.13 asks for it before it says that a
    # module has no such attribute, and cannot say so when it is refused.
    "x86_64": (
        0xC000003E,
        56,  # clone
        435,  # clone3
        frozenset(
            {
                *(0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 24, 25, 28, 35),
                *(39, 60, 72, 79, 96, 97, 98, 131, 186, 201, 202, 204, 218, 228, 229, 230, 231),
                *(262, 270, 271, 273, 309, 318, 324, 334, 449),
            }
        ),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        435,
        frozenset(
            {
                *(
                    17,
                    25,
                    29,
                    57,
                    62,
                    63,
                    64,
                    65,
                    66,
                    67,
                    68,
                    72,
                    73,
                    79,
                    80,
                    93,
                    94,
                    96,
                    98,
                    99,
                    101,
                ),
                *(113, 114, 115, 123, 124, 132, 134, 135, 139, 163, 165, 168, 169, 172, 178),
                *(214, 215, 216, 222, 226, 233, 278, 283, 293, 449),
            }
        ),
    ),
}


def confine(*, memory: int, seconds: float) -> tuple[str, ...]:
    """Give up, for good, what this process does not need. Names of the layers that took hold.

    `memory` is what it may take beyond what it has, in bytes; `seconds` of processor time.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    done = ["limits"]
    if sys.platform == "linux":
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _limits(memory, seconds)
    if sys.platform == "linux" and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        done.append("no_new_privileges")
        if _landlock(libc):
            done.append("landlock")
    _lower(resource.RLIMIT_NOFILE, 0)  # Landlock needed one, and seccomp allows no more changes
    if "no_new_privileges" in done and _seccomp(libc):
        done.append("seccomp")
    return tuple(done)


def _limits(memory: int, seconds: float) -> None:
    held = 0
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        held = pages * resource.getpagesize()
    _lower(resource.RLIMIT_AS, held + memory)
    _lower(resource.RLIMIT_CPU, int(seconds) + 2)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    # Counts all processes of the person, so it cannot be lower than what runs already: seccomp
    # refuses new ones. Where it is not at hand, a fork is bounded by memory and time only.


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _landlock(libc: ctypes.CDLL) -> bool:
    """Deny every file by name, TCP, and signals to others: a ruleset without a rule."""
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    files = (1 << _LANDLOCK_FS[min(version, len(_LANDLOCK_FS)) - 1]) - 1
    network = 0b11 if version >= 4 else 0
    scope = 0b11 if version >= 6 else 0
    fields = [files, network, scope][: 1 if version < 4 else 2 if version < 6 else 3]
    attributes = struct.pack(f"<{len(fields)}Q", *fields)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    held = bool(libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    os.close(ruleset)
    return held


def _seccomp(libc: ctypes.CDLL) -> bool:
    """Allow the system calls of `_SYSCALLS`; any other fails with EPERM, a foreign ABI kills."""
    known = _SYSCALLS.get(platform.machine())
    if known is None or sys.byteorder != "little":
        return False
    architecture, clone, clone3, allowed = known
    code = [
        (_LOAD, 0, 0, 4),  # architecture
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # number
        (_AT_LEAST, 0, 1, 0x40000000),  # x32, the other ABI of the same architecture
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, clone3),  # its flags are in memory; the C library then takes clone
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_EQUAL, 0, 4, clone),
        (_LOAD, 0, 0, 16),  # flags
        (_HAS_BITS, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    for number in sorted(allowed):
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    code.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    raw = b"".join(struct.pack("<HBBI", *line) for line in code)
    held = ctypes.create_string_buffer(raw, len(raw))
    program = struct.pack("@HxxxxxxP", len(code), ctypes.addressof(held))
    return bool(libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0) == 0)
