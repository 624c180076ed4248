"""Address of a Redis server and how its certificate is checked: the one place for every connection.

`rediss://` always verifies the certificate and its host name, in redis-py, in Celery and in Flower alike. Kombu and
Flower take nothing of that from a URL and verify nothing by themselves, so the options travel beside the URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from troupe_batch.errors import SettingsError
from troupe_batch.shown_text import shown_url

_CA = "ssl_ca_certs"
_FILES = (_CA, "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A URL without options of TLS, and those options as redis-py and kombu take them; none for other schemes."""

    url: str
    tls: dict[str, Any]


def with_ca_file(url: str, ca_file: str | None) -> str:
    """The URL of a `rediss://` server that is verified by the certificates in `ca_file`; any other as it is."""
    if ca_file is None or not url.startswith("rediss://"):
        return url
    if not Path(ca_file).is_file():
        raise SettingsError(f"Redis.CA_FILE: there is no file {ca_file}; name the certificates of your Redis server")
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != _CA]
    return parts._replace(query=urlencode([*query, (_CA, ca_file)])).geturl()


def redis_address(url: str) -> RedisAddress:
    """What to connect to. SettingsError for a URL that is none, or asks for a certificate not to be verified."""
    _check_url(url)
    if not url.startswith("rediss://"):
        return RedisAddress(url, {})
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    said = {name: value for name, value in query if name.startswith("ssl_")}
    if refused := sorted(said.keys() - set(_FILES)):
        raise SettingsError(
            f"{shown_url(url)}: {', '.join(refused)}: certificates and host names of rediss:// are always verified; "
            "remove it, and set Redis.CA_FILE where the server's certificate is signed by an authority of your own"
        )
    rest = urlencode([pair for pair in query if pair[0] not in said])
    return RedisAddress(
        parts._replace(query=rest).geturl(), {"ssl_cert_reqs": "required", "ssl_check_hostname": True, **said}
    )


def _check_url(url: str) -> None:
    """Before others try: their messages would quote a piece of the password."""
    try:
        parts = urlsplit(url)
        is_address = parts.port is None or parts.port >= 0
    except ValueError:
        is_address = False
    if not is_address:
        raise SettingsError(
            f"{shown_url(url)}: no address of a Redis server; write special characters of a password as in "
            "%2F for /, %3F for ?, %23 for # and %40 for @"
        )
