"""Flower, the dashboard of Celery, as it is started for this fleet."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from troupe_batch.errors import SettingsError
from troupe_batch.trust import private_folder, python_command, user_state


@dataclass(frozen=True, slots=True)
class FlowerSettings:
    """Settings of Flower: where it listens and whom it lets in. Beyond this machine only with a password."""

    state_file: Path
    address: str = "127.0.0.1"
    port: int = 5555
    user: str | None = None
    password: str | None = None
    module: str = "troupe_batch.worker"
    is_read_only: bool = True


def state_file(folder: Path, environment: Mapping[str, str]) -> Path:
    """Where Flower remembers what it saw of the fleet whose state is in `folder`; SettingsError where others can write.

    It is a pickle, which runs code when it is read. So it is kept in the user's own folder: `folder` may have come
    with files that somebody else made.
    """
    digest = hashlib.blake2b(os.fsencode(folder.absolute()), digest_size=8).hexdigest()
    return private_folder(user_state(environment) / "flower") / digest


def flower_command(settings: FlowerSettings) -> tuple[list[str], dict[str, str]]:
    """Command line and additional environment; the password is in the environment, where `ps` does not show it."""
    if settings.password is None and settings.address not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsError(
            f"Flower would be open to everyone at {settings.address}: set FLOWER_USER and FLOWER_PASSWORD"
        )
    options = {
        # Its default is flowerconfig.py in the working folder, which it would run.
        "conf": os.devnull,
        "address": settings.address,
        "port": str(settings.port),
        "max-tasks": "20000",  # 6 kB each; a task is a shard
        "persistent": "True",
        "db": str(settings.state_file),
        "state-save-interval": "60000",
        "purge-offline-workers": "60",
        "read-only": str(settings.is_read_only),
        # What a shard is and how far it is; names and ids of tasks say neither.
        "tasks-columns": "kwargs,state,result,received,runtime,worker",
    }
    command = python_command(settings.module, "--quiet", "flower")
    command += [f"--{name}={value}" for name, value in options.items()]
    if settings.password is None:
        return command, {}
    return command, {"FLOWER_BASIC_AUTH": f"{settings.user or 'troupe'}:{settings.password}"}
