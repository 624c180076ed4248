import pytest

from troupe_batch.errors import SettingsError
from troupe_batch.redis_address import redis_address
from troupe_batch.shown_text import shown_url, without_secrets


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
        ("redis://:p/w@host:6379/0", "redis://***@host:6379/0"),
        ("redis://user:p?w#x@y@host:6379/0", "redis://***@host:6379/0"),
        ("rediss://:1/2@host", "rediss://***@host"),
        ("https://user:p/w?x@host/v1", "https://***@host/v1"),
        ("https://host:8000/a@b", "https://host:8000/a@b"),
        ("a=b@c", "a=b@c"),
    ],
)
def test_what_can_be_a_secret_is_not_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_urls_inside_a_text_are_shown_without_their_secrets() -> None:
    said = "GET https://user:pw@host/bucket?sig=SECRET failed (see s3://bucket/runs)"

    assert without_secrets(said) == "GET https://***@host/bucket?sig=*** failed (see s3://bucket/runs)"


@pytest.mark.parametrize("url", ["redis://:pa/ss@host:6379/0", "redis://:pa?ss@host:6379", "redis://u:pa#ss@host"])
def test_a_password_that_breaks_its_url_is_no_part_of_the_message(url: str) -> None:
    with pytest.raises(SettingsError, match="special characters of a password") as caught:
        redis_address(url)

    assert "ss" not in str(caught.value).partition(": no address")[0].replace("redis", "")
    assert "pa" not in str(caught.value).partition(":")[2].partition(": no address")[0]
