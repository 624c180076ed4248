"""Trust in a working folder, which somebody may have handed over: what nothing in it may do before its user said so.

A config.ini comes along with any folder. Values from the environment, from --set and from a file that --config names
are the user's own word; what is trusted is kept in the user's own folder. Python that we start takes no module from the
working folder.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from troupe_batch.errors import SettingsError

BASE_URL = "openai.base_url"
PYTHON_STUDIES = "simulation.allow_python_studies"
_RISKS = {
    BASE_URL: "the key of this environment would be sent there",
    PYTHON_STUDIES: "code that job files name would be run",
}


def risk_of(option: str, value: str) -> str | None:
    """What could happen where `option` ("section.name") has this value; None where nothing could."""
    if option == PYTHON_STUDIES:
        return _RISKS[option] if value.lower() in ("true", "1", "yes", "on", "t", "y") else None
    if option == BASE_URL and value and not _is_harmless(value):
        return _RISKS[option]
    return None


def is_trusted(file: Path, option: str, value: str, environment: Mapping[str, str]) -> bool:
    """Whether the user has trusted this value in this file."""
    return (user_state(environment) / "trusted" / _mark(file, option, value)).is_file()


def trust(file: Path, option: str, value: str, environment: Mapping[str, str]) -> None:
    """Remembers, outside of the working folder, that the user trusts this value in this file."""
    mark = private_folder(user_state(environment) / "trusted") / _mark(file, option, value)
    with open(mark, "w", encoding="utf-8", opener=_for_me_alone) as written:
        written.write(f"{option} of {file.resolve()}\n")


def _for_me_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _mark(file: Path, option: str, value: str) -> str:
    # However it is written that they may run.
    stated = "on" if option == PYTHON_STUDIES else value
    return hashlib.sha256(orjson.dumps([str(file.resolve()), option, stated])).hexdigest()


def _is_harmless(address: str) -> bool:
    """Whether the address is OpenAI's own, whose key it is, or on this machine."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if parts.scheme == "https" and (host == "openai.com" or host.endswith(".openai.com")):
        return True
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def user_state(environment: Mapping[str, str]) -> Path:
    """The user's own folder, by the XDG base directory specification; it need not be there."""
    told = Path(environment.get("XDG_STATE_HOME", ""))
    return (told if told.is_absolute() else Path.home() / ".local" / "state") / "troupe_batch"


def private_folder(path: Path, *, cure: str = "remove it, or give it to yourself alone (chmod 700)") -> Path:
    """The folder, made where it is not there; SettingsError where it is not a folder that this user alone can use."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SettingsError(f"{path} is not a private folder of yours; {cure}")
    for inside in path.iterdir():
        found = inside.lstat()
        if found.st_uid != os.getuid() or stat.S_ISLNK(found.st_mode) or found.st_mode & 0o022:
            raise SettingsError(f"{inside} can be written by others; remove it")
    return path


def python_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of ours, or one that is installed, with this interpreter."""
    # -P: the working folder does not go to the front of sys.path, as it would with -m alone.
    return [sys.executable, "-P", "-m", module, *arguments]


def python_environment(own: Mapping[str, str]) -> dict[str, str]:
    """A copy of `own` in which PYTHONPATH names the same folders but the working folder by accident.

    An empty entry, as `export PYTHONPATH=$PYTHONPATH:/lib` leaves it, means the working folder, at the front.
    """
    folders = [folder for folder in own.get("PYTHONPATH", "").split(os.pathsep) if folder]
    rest = {name: value for name, value in own.items() if name != "PYTHONPATH"}
    return {**rest, "PYTHONPATH": os.pathsep.join(folders)} if folders else rest
