"""Names of processes that no other has, on this machine or any other, now or later."""

from __future__ import annotations

import hashlib
import os
import platform
import uuid
from functools import cache
from pathlib import Path

import psutil

_OF_THE_MACHINE = ("/proc/sys/kernel/random/boot_id", "/etc/machine-id")


def this_process() -> str:
    """The machine, the process and its start, such as "5f0c9a1be2d47783:4711:88123". Names of hosts may be shared."""
    return _name_of(os.getpid())


def is_gone(name: str) -> bool:
    """Whether the process of that name ran on this machine and does no more; False for those of other machines."""
    place, _, rest = name.partition(":")
    pid = rest.partition(":")[0]
    if place != _machine() or not pid.isdecimal():
        return False
    try:
        return psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE or _name_of(int(pid)) != name
    except (psutil.NoSuchProcess, OverflowError):
        return True
    except psutil.AccessDenied:
        return False


def _name_of(pid: int) -> str:
    return f"{_machine()}:{pid}:{_start_of(pid)}"


def _start_of(pid: int) -> int:
    """When the process began. In ticks since the machine did, where that is known: clocks are set, ticks are not."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except FileNotFoundError:
        return round(psutil.Process(pid).create_time())
    except ProcessLookupError as error:
        raise psutil.NoSuchProcess(pid) from error


@cache
def _machine() -> str:
    """One boot of one machine, and within it one space of process ids: two containers share neither."""
    parts = [platform.node(), str(uuid.getnode())]
    parts += [path.read_text().strip() for path in map(Path, _OF_THE_MACHINE) if path.is_file()]
    spaces = Path("/proc/self/ns/pid")
    if spaces.is_symlink():
        parts.append(str(spaces.readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
