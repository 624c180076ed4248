from __future__ import annotations

import os
from pathlib import Path

import pytest
from obstore.store import S3Store

from troupe_batch.errors import SettingsError, StateUnreachable
from troupe_batch.results.objects import Objects, StoredObject


@pytest.mark.parametrize("url", ["ftp://host/x", "az://container/path", "s3:/", "/dev/null/below-a-file"])
def test_a_place_that_cannot_hold_results_is_a_settings_error_that_names_it(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Objects.open(url)

    assert str(caught.value).startswith(f"{url}: no place for results:")
    assert "\n" not in str(caught.value)


async def test_a_store_that_does_not_answer_is_tried_again_later(free_port: int) -> None:
    options = {"endpoint": f"http://127.0.0.1:{free_port}", "access_key_id": "a", "secret_access_key": "b"}
    s3 = S3Store("bucket", client_options={"allow_http": True}, retry_config={"max_retries": 0}, config=options)  # type: ignore[arg-type] # a dict of the typed keys
    objects = Objects(s3, url="s3://bucket")

    with pytest.raises(StateUnreachable, match="s3://bucket: the store of results did not answer"):
        await objects.get("x")
    with pytest.raises(StateUnreachable):
        await objects.put_if_absent("x", b"")
    with pytest.raises(StateUnreachable):
        _ = [found async for found in objects.list()]


@pytest.mark.parametrize("url", ["{folder}", "file://{folder}", "{folder}/"])
async def test_a_local_folder_is_named_by_path_or_url(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "with blank"
    text = url.format(folder=str(folder).replace(" ", "%20") if "file" in url else folder)

    await Objects.open(text).within("run").put("a/b.txt", b"1")

    assert (folder / "run" / "a" / "b.txt").read_bytes() == b"1"


async def test_a_relative_folder_stays_where_it_was_when_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    objects = Objects.open("runs")
    monkeypatch.chdir("/")

    await objects.put("x", b"1")

    assert (tmp_path / "runs" / "x").is_file()
    assert objects.local_folder == tmp_path / "runs"


async def test_what_a_killed_writer_left_half_written_is_not_listed(tmp_path: Path) -> None:
    objects = Objects.open(tmp_path)
    await objects.put("ledger/1.json", b"1")
    # The name under which the local store writes before it renames.
    (tmp_path / "ledger" / "2.json#1").write_bytes(b"ha")

    assert [found async for found in objects.list()] == [StoredObject("ledger/1.json", 1)]
    assert await objects.get("ledger/2.json") is None


async def test_a_put_takes_the_content_of_a_file(tmp_path: Path) -> None:
    content = os.urandom(7_000_000)
    (tmp_path / "big").write_bytes(content)
    objects = Objects.open(tmp_path / "store")

    await objects.put("copy", tmp_path / "big")

    assert await objects.get("copy") == content
    assert objects.get_now("copy") == content
    assert objects.get_now("none") is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [("memory:", "memory:/run/plan"), ("memory://", "memory://run/plan"), ("s3://bucket/a/", "s3://bucket/a/run/plan")],
)
def test_a_folder_is_shown_below_the_address_as_it_was_given(url: str, shown: str) -> None:
    assert Objects.open(url).within("run").within("plan").url == shown


def test_an_unknown_scheme_is_called_one() -> None:
    with pytest.raises(SettingsError, match="no store has addresses that begin with ftp://"):
        Objects.open("ftp://host/x")
