"""One machine: commands that share it, and processes that cannot be kept alive."""

from __future__ import annotations

from tests.acceptance.project import Project, until


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


def test_workers_that_cannot_start_end_the_run_with_their_last_words(project: Project) -> None:
    job = project.write_job("broken")
    # What a user's own module of that name does: the workers find it before ours.
    broken = project.folder / "workers.py"
    broken.write_text("raise ImportError('this is not the package that you look for')\n")

    done = project.troupe("run", job, "--rehearse")

    assert done.code == 1
    assert "the workers end as soon as they start (4 times in a row, exit code" in done.err
    assert "this is not the package that you look for" in done.err
    [log] = (project.folder / ".troupe" / "logs").glob("troupe-*.log")
    assert f".troupe/logs/{log.name}" in done.err
    until("nothing is left in the folder", lambda: not project.processes())
    broken.unlink()
    assert project.here("run", job, "--rehearse", "--inline") == 0
