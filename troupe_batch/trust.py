"""Trust in a config.ini of the working folder: what it may not do before its user has said once that it may.

Such a file comes along with any folder that somebody hands over. Values from the environment, from --set and from a
file that --config names are the user's own word.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from troupe_batch.user_state import private_folder, user_state

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
