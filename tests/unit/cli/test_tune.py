from __future__ import annotations

from pathlib import Path

import pytest

from troupe_batch.cli.main import run_command


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("limit", ["0", "-5", "fast", "1.5", "", "9" * 40])
def test_a_limit_is_a_number_or_auto(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(["tune", "my_job", f"--rpm={limit}"])

    assert code == 2
    assert "neither a whole number from 1 to 1,000,000,000 nor `auto`" in capsys.readouterr().err


def test_a_run_that_is_not_there_cannot_be_tuned(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(["tune", "my_job", "--rpm", "500"])

    assert code == 2
    assert "no run 'my_job'" in capsys.readouterr().err
