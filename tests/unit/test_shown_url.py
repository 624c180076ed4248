import pytest

from troupe_batch.shown_url import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:p@ss@host:6379/0", "redis://***@host:6379/0"),
        ("https://TOKEN@host/v1", "https://***@host/v1"),
        ("rediss://h?password=hunter2", "rediss://h?password=***"),
        ("unix:///run/redis.sock?db=1&password=pw", "unix:///run/redis.sock?db=***&password=***"),
        ("az://container/runs?sig=SECRET%3D&sv=1", "az://container/runs?sig=***&sv=***"),
        ("htp://user:hunter2@host/v1", "htp://***@host/v1"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("s3://bucket/a@b/runs", "s3://bucket/a@b/runs"),
        ("runs", "runs"),
        ("a=b@c", "a=b@c"),
    ],
)
def test_what_can_be_a_secret_is_not_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown
