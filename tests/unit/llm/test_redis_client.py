from __future__ import annotations

import pytest

from troupe_batch.llm.redis_batch import redis_client


@pytest.mark.parametrize(
    "url", ["redis://:pw@host:6380/2", "rediss://user:pw@host:6380/2", "unix://:pw@/tmp/x.sock?db=2"]
)
async def test_every_kind_of_url_gives_a_client_with_our_settings(url: str) -> None:
    client = redis_client(url, timeout_s=7.0)

    connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped

    assert (connection.socket_timeout, connection.protocol, connection.db) == (7.0, 2, 2)
    assert connection.retry.get_retries() == 0
    assert connection.password == "pw"  # noqa: S105 -- of a server that does not exist
