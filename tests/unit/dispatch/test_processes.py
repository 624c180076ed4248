from __future__ import annotations

import os
import signal
import subprocess
import sys

from troupe_batch.dispatch.worker_presence import is_gone, this_process

SAY_WHO = "from troupe_batch.dispatch.worker_presence import this_process; print(this_process(), flush=True); input()"


def started() -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", SAY_WHO], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_process_is_gone_once_it_has_ended_and_not_before() -> None:
    process, name = started()

    alive = is_gone(name)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    zombie = is_gone(name)
    process.communicate()

    assert (alive, zombie, is_gone(name)) == (False, True, True)


def test_two_processes_have_two_names_and_each_has_one() -> None:
    process, name = started()
    process.communicate("\n")

    assert len({name, this_process(), this_process()}) == 2


def test_another_process_with_the_same_number_is_another() -> None:
    machine, pid, start = this_process().split(":")

    assert is_gone(f"{machine}:{pid}:{int(start) - 1}")


def test_nothing_is_known_of_processes_of_other_machines() -> None:
    assert not is_gone("another-machine:1:2")
    assert not is_gone("")
    assert not is_gone("worker@host")
