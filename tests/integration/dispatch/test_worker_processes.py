from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.integration.dispatch.fleet import PROJECT, until
from troupe_batch.dispatch.fleet import FleetKeys
from troupe_batch.dispatch.worker_processes import WorkerCommand, WorkerProcesses
from troupe_batch.errors import WorkersFailed


def seats(folder: Path, *names: str, reports: list[WorkersFailed]) -> list[WorkerProcesses]:
    """One set of workers for each name."""
    return [
        WorkerProcesses(
            WorkerCommand(FleetKeys(), 1, name, module="tests.integration.dispatch.broken_worker"),
            folder / "logs",
            env={"PYTHONPATH": f"{os.pathsep}{PROJECT}{os.pathsep}"},
            cwd=folder,
            stop_grace_s=0,
            on_crash_loop=reports.append,
        )
        for name in names
    ]


async def test_a_worker_that_cannot_start_is_reported_with_its_last_lines_and_left_alone(tmp_path: Path) -> None:
    reports: list[WorkersFailed] = []
    [workers] = seats(tmp_path, "broken", reports=reports)

    async with workers:
        await until(lambda: reports)
        await until(lambda: not workers.pids)

        assert workers.restarts == 1

    [report] = reports
    assert "worker broken does not start (2 times in a row, exit code 1)" in str(report)
    assert "ImportError: libm.so.7: cannot open shared object file" in str(report)
    assert str(tmp_path / "logs" / "broken.log") in str(report)


async def test_one_of_several_that_cannot_start_is_enough(tmp_path: Path) -> None:
    reports: list[WorkersFailed] = []
    well, broken = seats(tmp_path, "well", "broken", reports=reports)

    async with well, broken:
        await until(lambda: reports)

        assert len(well.pids) == 1

    assert "worker broken does not start" in str(reports[0])


async def test_a_worker_that_is_killed_while_it_starts_is_started_again(tmp_path: Path) -> None:
    reports: list[WorkersFailed] = []
    [workers] = seats(tmp_path, "well", reports=reports)

    async with workers:
        for killed in range(3):
            os.kill(workers.pids[0], 9)
            await until(lambda: workers.restarts == killed + 1 and workers.pids)  # noqa: B023 - awaited here
        await asyncio.sleep(0)

        assert reports == []


async def test_the_working_folder_is_no_place_for_modules(tmp_path: Path) -> None:
    for name in ("usercustomize", "sitecustomize", "encodings", "json", "tests"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\n")
    reports: list[WorkersFailed] = []
    [workers] = seats(tmp_path, "broken", reports=reports)

    async with workers:
        await until(lambda: reports)

    assert "libm.so.7" in str(reports[0])
    assert not (tmp_path / "imported").exists()
