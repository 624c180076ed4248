"""What an address of a store needs from the environment."""

from __future__ import annotations

import pytest

from troupe_batch.use_cases.checks import lacking_settings

KEY = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"AWS_REGION": "eu-west-1"}, ["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"]),
        ({"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a"}, ["AWS_SECRET_ACCESS_KEY is not"]),
        (KEY, ["AWS_REGION is not set"]),
        (KEY | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, ["set AWS_ALLOW_HTTP=true"]),
        (KEY | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_ALLOW_HTTP": "TRUE"}, []),
        (KEY | {"AWS_ENDPOINT_URL": "https://store.example"}, []),
        (KEY | {"AWS_DEFAULT_REGION": "eu-west-1"}, []),
        ({"AWS_REGION": "eu-west-1", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, []),
    ],
)
def test_what_a_bucket_needs_and_the_environment_does_not_say_is_named(
    environment: dict[str, str], named: list[str]
) -> None:
    found = lacking_settings("s3://bucket/runs", environment)

    assert len(found) == len(named)
    assert all(part in sentence for part, sentence in zip(named, found, strict=True))


@pytest.mark.parametrize("url", ["runs", "/data/runs", "gs://bucket/runs", "az://box/runs", "memory:"])
def test_other_places_need_nothing_of_amazons(url: str) -> None:
    assert lacking_settings(url, {}) == []
