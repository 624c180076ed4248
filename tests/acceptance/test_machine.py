"""One machine: commands that share it, and processes that cannot be kept alive."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

from tests.acceptance.project import PROJECT, Project, until


def test_two_commands_in_one_folder_share_a_server_that_is_gone_afterwards(project: Project) -> None:
    jobs = {name: project.write_job(name, seed=seed) for seed, name in enumerate(("one", "two"))}
    commands = [project.start("run", job, "--rehearse", "--latency-ms", "150", "--json") for job in jobs.values()]
    one, two = commands
    project.wait_for("commit of one", lambda: project.committed("one-rehearsal"), one)
    project.wait_for("commit of two", lambda: project.committed("two-rehearsal"), two)

    server = project.redis_server()
    servers = [process for process in project.processes() if process.name() == server.name()]
    done = [command.wait() for command in commands]

    assert servers == [server]
    for ended, name in zip(done, jobs, strict=True):
        assert ended.code == 0, ended.err
        assert ended.json["answered"] == 120
        assert project.verify(f"{name}-rehearsal") == 0
    until("nothing is left in the folder", lambda: not project.processes())
    again = project.troupe("run", jobs["one"], "--rehearse", "--again", "--json")
    assert (again.json["calls"]["hits"], again.json["calls"]["sent"]) == (120, 0)


def test_the_same_command_twice_at_once_is_one_run(project: Project) -> None:
    job = project.write_job("same")

    commands = [project.start("run", job, "--rehearse", "--latency-ms", "150", "--json") for _ in range(2)]
    done = [command.wait() for command in commands]

    assert [ended.code for ended in done] == [0, 0], done[0].err + done[1].err
    assert [ended.json["run_id"] for ended in done] == ["same-rehearsal"] * 2
    assert project.verify("same-rehearsal") == 0


def test_workers_that_cannot_start_end_the_run_with_their_last_words(project: Project, tmp_path: Path) -> None:
    job = project.write_job("broken")
    # A place that the user's own PYTHONPATH names, so it counts; it is loaded by every Python.
    broken = tmp_path / "libraries" / "sitecustomize.py"
    broken.parent.mkdir()
    only = "import sys\nif 'troupe_batch.worker' in sys.orig_argv:\n"
    broken.write_text(f"{only}    raise SystemExit('the licence of this host is over')\n")

    done = project.troupe("run", job, "--rehearse", PYTHONPATH=f"{PROJECT}:{broken.parent}")

    assert done.code == 1
    assert "does not start (2 times in a row, exit code 1)" in done.err
    assert "the licence of this host is over" in done.err
    assert "is listening" not in done.err
    [log] = (project.folder / ".troupe" / "logs").glob("troupe-*.log")
    assert f".troupe/logs/{log.name}" in done.err
    until("nothing is left in the folder", lambda: not project.processes())
    broken.unlink()
    assert project.here("run", job, "--rehearse", "--inline") == 0


def test_no_module_of_the_working_folder_is_ever_imported(project: Project) -> None:
    installed = {module for module in importlib.metadata.packages_distributions() if module.isidentifier()}
    names = {*sys.stdlib_module_names, *installed, "usercustomize", "sitecustomize", "celeryconfig", "flowerconfig"}
    noted = project.folder / "imported.txt"
    for name in {*names, "workers", "troupe_batch", "settings", "tasks"}:
        noting = f"open({str(noted)!r}, 'a').write({name!r} + chr(10))"
        text = f"{noting}\nraise RuntimeError('this is a file of the user')\n"
        (project.folder / f"{name}.py").write_text(text)
    job = project.write_job("surrounded")

    ran = project.troupe("run", job, "--rehearse", "--json")
    inline = project.troupe("run", job, "--rehearse", "--inline", "--again", "--json")
    status = project.troupe("status")

    assert not noted.exists(), noted.read_text()
    assert (ran.code, ran.json["answered"]) == (0, 120), ran.err
    assert (inline.code, inline.json["answered"]) == (0, 120), inline.err
    assert status.code == 0, status.err
