"""CPU of a whole command: `python whole_command.py ARGUMENT ...` runs it and prints CPU seconds and exit code.

Processes that outlive those who started them, as killed workers leave behind, come to this one and are counted too.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36


def measured(command: list[str]) -> dict[str, float]:
    """CPU (user and system) and wall seconds of the command and of all that it started, once all of them have ended."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.perf_counter()
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    wall_s = time.perf_counter() - started
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"code": code, "cpu_s": used.ru_utime + used.ru_stime, "wall_s": wall_s}


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1:])))  # noqa: T201 -- its result
