"""`rediss://`: every client verifies who answers, and an impostor never hears the password."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flower.utils.broker import Broker

from tests.integration.dispatch.tls_servers import TlsServer, certificate, running
from tests.patience import HANG_S
from troupe_batch.dispatch.celery_queue import HintQueue, make_app
from troupe_batch.dispatch.fleet import FleetKeys, QueueSettings
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.worker_presence import WorkerPresence
from troupe_batch.errors import SettingsError, TryAgain
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.redis_address import redis_address, with_ca_file

PASSWORD = "of-nobody-else"  # noqa: S105 -- of a server that lives for one test

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with openssl")


async def by_batch(url: str) -> object:
    batch = RedisBatch(url, patience_s=0.0)
    try:
        return await batch.run("PING")
    finally:
        await batch.aclose()


async def by_coordination(url: str) -> object:
    client = connect(url, retries=0)
    try:
        return await client.ping()
    finally:
        await client.aclose()


async def by_presence(url: str) -> object:
    presence = WorkerPresence(url, FleetKeys("tls"), worker="w", slots=1, process="p")
    answer = await asyncio.to_thread(presence.beat)
    await asyncio.to_thread(presence.leave)
    if answer is None:
        raise ConnectionError("silence, which is what the beat makes of any error")
    return answer


async def by_celery(url: str) -> object:
    app = make_app(QueueSettings(url, queue_prefix="tls"))
    app.conf.task_publish_retry_policy = {"max_retries": 0}
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "max_retries": 0}
    try:
        return await asyncio.to_thread(HintQueue(app).send_tend)
    finally:
        app.close()


async def by_flower(url: str) -> object:
    app = make_app(QueueSettings(url, queue_prefix="tls"))
    with app.connection() as connection:
        broker = Broker(
            connection.as_uri(include_password=True),
            broker_options=app.conf.broker_transport_options,
            broker_use_ssl=app.conf.broker_use_ssl,
        )
    try:
        return await broker.queues(["shards"])
    finally:
        await broker.redis.aclose()
        app.close()


CLIENTS = [by_batch, by_coordination, by_presence, by_celery, by_flower]
Client = Callable[[str], Awaitable[object]]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("tls")
    names = {"real": "localhost", "impostor": "localhost", "elsewhere": "redis.example"}
    return {name: certificate(folder, name, host=host) for name, host in names.items()}


@pytest.fixture
def real(redis_socket: Path, certificates: dict[str, tuple[Path, Path]]) -> Iterator[TlsServer]:
    with running(TlsServer(*certificates["real"], redis_socket)) as server:
        yield server


@pytest.fixture(params=["impostor", "elsewhere"])
def wrong(request: pytest.FixtureRequest, certificates: dict[str, tuple[Path, Path]]) -> Iterator[TlsServer]:
    """A server whose certificate nobody has vouched for, or that is vouched for under another name."""
    with running(TlsServer(*certificates[request.param])) as server:
        yield server


def url_of(server: TlsServer, ca: Path, *, user: str = "") -> str:
    return with_ca_file(f"rediss://{user}localhost:{server.port}/0", str(ca))


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_client_talks_to_a_server_that_its_ca_file_vouches_for(client: Client, real: TlsServer) -> None:
    async with asyncio.timeout(HANG_S):
        await client(url_of(real, real.certificate))

    assert real.heard


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_server_that_nobody_vouches_for_hears_nothing(
    client: Client, wrong: TlsServer, certificates: dict[str, tuple[Path, Path]]
) -> None:
    is_known = wrong.certificate == certificates["elsewhere"][0]
    ca = wrong.certificate if is_known else certificates["real"][0]

    with pytest.raises((TryAgain, OSError, Exception)):
        async with asyncio.timeout(HANG_S):
            await client(url_of(wrong, ca, user=f":{quote(PASSWORD)}@"))

    assert bytes(wrong.heard) == b""


@pytest.mark.parametrize("client", CLIENTS)
async def test_without_a_ca_file_the_system_vouches_for_no_server_of_ones_own(client: Client, wrong: TlsServer) -> None:
    with pytest.raises((TryAgain, OSError, Exception)):
        async with asyncio.timeout(HANG_S):
            await client(f"rediss://:{PASSWORD}@localhost:{wrong.port}/0")

    assert bytes(wrong.heard) == b""


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_cert_reqs=CERT_NONE", "ssl_check_hostname=false"])
def test_a_url_cannot_ask_for_less(option: str) -> None:
    with pytest.raises(SettingsError, match="always verified"):
        redis_address(f"rediss://host:6380/0?{option}")


def test_a_ca_file_that_is_not_there_is_told_before_anything_connects() -> None:
    with pytest.raises(SettingsError, match=r"Redis\.CA_FILE: there is no file /nowhere\.pem"):
        with_ca_file("rediss://host:6380/0", "/nowhere.pem")


def test_other_options_of_a_url_stay() -> None:
    address = redis_address("rediss://host:6380/0?ssl_certfile=/me.pem&client_name=me")

    assert address.url == "rediss://host:6380/0?client_name=me"
    assert address.tls["ssl_certfile"] == "/me.pem"
