from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# A wait for something that must come may end at a hang alone. Waits of less than a second, and `asyncio.wait`, which
# raises nothing, are looks at what must not have come yet: those a slow machine cannot fail.
IMPATIENT = re.compile(
    r"asyncio\.timeout\(\d|wait_for\([^)]*, ?\d|^(?!.*asyncio\.wait\().*\btimeout=[1-9]|"
    r"within_s=\d|mark\.timeout\(|deadline=(?!None)"
)
# How long whole benchmarks may take, and time-outs that are themselves under test.
OTHER_MATTERS = ("benchmarks/", "unit/test_patience.py", "unit/rehearsal/test_faults_and_limits.py")


def sources() -> list[Path]:
    return [path for path in sorted(TESTS.rglob("*.py")) if not _name(path).startswith(OTHER_MATTERS)]


def _name(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def test_no_test_gives_up_before_a_hang() -> None:
    impatient = [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if IMPATIENT.search(line)
    ]

    assert impatient == []


@pytest.mark.parametrize(
    "line",
    [
        "async with asyncio.timeout(5):",
        "await asyncio.wait_for(task, 5)",
        "server.wait(timeout=10)",
        "await until(done, within_s=20)",
        "pytestmark = pytest.mark.timeout(90)",
        "@settings(deadline=200)",
    ],
)
def test_each_way_to_give_up_early_is_found(line: str) -> None:
    assert IMPATIENT.search(line)
