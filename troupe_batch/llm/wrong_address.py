"""Mistakes in the address of an endpoint that no patience mends: its name, its certificate, http in place of https."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import aiohttp
import httpx2

_TLS_TRIAL_S = 3.0
# The first bytes of what TLS says to somebody who does not speak it.
_TLS_ALERT = r"\x15\x03"
_CHECK = "check OpenAI.BASE_URL (Azure: AZURE_OPENAI_ENDPOINT)"


def mistake(error: BaseException, url: httpx2.URL, *, has_answered: bool) -> str | None:
    """What is wrong with the address, and the cure; None where the failure may pass.

    `has_answered`: the endpoint has, so that a name that is not known now is an outage of the network.
    """
    host = url.host
    for cause in causes(error):
        if isinstance(cause, aiohttp.ClientConnectorError):
            continue  # the fault itself is what caused it
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = cause.verify_message or str(cause.reason)
            return (
                f"the certificate of {host} cannot be trusted: {why.rstrip('.')}; {_CHECK}, and "
                "name the file of a private authority in SSL_CERT_FILE"
            )
        if isinstance(cause, ssl.SSLError):
            return (
                f"{host}:{_port(url)} does not speak TLS ({cause.reason or cause}); {_CHECK}: it may want http:// in "
                "place of https://"
            )
        if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME and not has_answered:
            return f"no machine is known by the name {host}; {_CHECK}, and whether this machine reaches the network"
        if isinstance(cause, aiohttp.ClientResponseError) and not has_answered:
            return wants_tls(url) if _TLS_ALERT in str(cause) else _no_http(url)
    return None


def wants_tls(url: httpx2.URL) -> str:
    """What to say where TLS is spoken and plain HTTP was."""
    return f"{url.host}:{_port(url)} speaks TLS, and was asked in plain HTTP; write https:// in OpenAI.BASE_URL"


def is_broken_off(error: BaseException) -> bool:
    """Whether the connection was there, and was closed without a word."""
    return any(isinstance(cause, aiohttp.ServerDisconnectedError | ConnectionResetError) for cause in causes(error))


async def speaks_tls(url: httpx2.URL) -> bool:
    """Whether TLS is spoken at an address that broke off plain HTTP without a word, with whatever certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_TLS_TRIAL_S):
            _, writer = await asyncio.open_connection(url.host, _port(url), ssl=context)
        writer.close()
        return True
    return False


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, from the outermost to the first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _no_http(url: httpx2.URL) -> str:
    return f"what answers at {url.host}:{_port(url)} does not speak HTTP; {_CHECK}"


def _port(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
