from __future__ import annotations

from pathlib import Path

import pytest

from troupe_batch.dispatch.flower import state_file
from troupe_batch.errors import SettingsError
from troupe_batch.trust import private_folder, user_state


def test_the_folder_is_the_users_own_wherever_the_project_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert user_state({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/troupe_batch")
    for told in ({}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "state"}):
        assert user_state(told) == tmp_path / ".local" / "state" / "troupe_batch"


def test_a_private_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "a" / "b")

    assert made.stat().st_mode & 0o777 == 0o700
    assert private_folder(made) == made


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o750, 0o701])
def test_a_folder_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(SettingsError, match="is not a private folder of yours"):
        private_folder(folder)


def test_a_link_or_a_file_is_no_private_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(SettingsError, match="is not a private folder of yours"):
        private_folder(tmp_path / "link")


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_flower_does_not_read_a_state_file_that_others_can_write(tmp_path: Path, mode: int) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    file = state_file(tmp_path / "project" / ".troupe", environment)
    file.write_bytes(b"a pickle")
    file.chmod(mode)

    with pytest.raises(SettingsError, match="can be written by others"):
        state_file(tmp_path / "project" / ".troupe", environment)


def test_a_state_file_that_came_with_the_project_is_not_read(tmp_path: Path) -> None:
    project = tmp_path / "project" / ".troupe"

    one, other = (state_file(folder, {"XDG_STATE_HOME": str(tmp_path / "state")}) for folder in (project, tmp_path))

    assert one.is_relative_to(tmp_path / "state" / "troupe_batch" / "flower")
    assert not one.is_relative_to(project)
    assert one != other
