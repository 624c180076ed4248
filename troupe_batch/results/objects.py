"""Bytes under names, on any object store: local disk, memory, S3, GCS, Azure. The only module that knows obstore."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from troupe_batch.errors import SettingsError, StateUnreachable
from troupe_batch.results.object_paths import checked_path
from troupe_batch.shown_text import shown_url, without_secrets

_LIST_CHUNK = 1000
_PIECE_BYTES = 8 * 1024 * 1024
_FOR_THE_USER = (
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
    PermissionError,
)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as a listing shows it; `path` is relative to the folder of the `Objects`."""

    path: str
    size_bytes: int


class Objects:
    """A folder of objects. A put is atomic: nobody ever reads half of one.

    Raises StateUnreachable where a later try may succeed, and SettingsError where the user must act.
    """

    def __init__(self, store: ObjectStore, *, folder: str = "", url: str = "memory:") -> None:
        self._store = store
        self._folder = folder.strip("/")
        self._base = url
        # An address may be nothing but its scheme, as `memory://` is.
        above = url if url.endswith("://") else f"{url.rstrip('/')}/"
        self.url = f"{above}{self._folder}" if self._folder else url

    @classmethod
    def open(cls, url: str | Path, *, make_folder: bool = True) -> Objects:
        """The objects at a URL (`s3://`, `gs://`, `az://`, `file://`, `memory:`) or in a local folder."""
        text = str(url)
        try:
            return cls._opened(text, make_folder=make_folder)
        except (BaseError, OSError, ValueError) as error:
            # Nothing was asked over the network yet, so this is never a matter of trying again.
            raise SettingsError(f"{shown_url(text)}: no place for results: {_first_line(error)}; {_CURE}") from error

    @classmethod
    def _opened(cls, url: str, *, make_folder: bool) -> Objects:
        scheme = urlsplit(url).scheme
        if url == "memory:":
            return cls(MemoryStore())
        # One letter is a drive of Windows, not a scheme.
        if len(scheme) > 1 and scheme != "file":
            return cls(_store_at(url, scheme), url=shown_url(url))
        path = Path(unquote(urlsplit(url).path) if scheme == "file" else url).expanduser().resolve()
        if not make_folder and not path.is_dir():
            raise FileNotFoundError("there is no such folder")
        return cls(LocalStore(prefix=path, mkdir=True), url=str(path))

    def within(self, folder: str) -> Objects:
        """The folder inside this one."""
        checked_path(folder)
        return Objects(self._store, folder=f"{self._folder}/{folder}".strip("/"), url=self._base)

    @property
    def local_folder(self) -> Path | None:
        """Where the objects lie on this machine's disk; None for every other store."""
        return self._local_path("") if isinstance(self._store, LocalStore) else None

    async def put(self, path: str, data: bytes | Path) -> None:
        """Store `data` (bytes, or the content of a local file) under the name, over whatever was there."""
        with _translated(self.url):
            await obstore.put_async(self._store, self._at(path), data)
        await self._settle(path)

    async def put_if_absent(self, path: str, data: bytes) -> bool:
        """True when the name was free and now holds `data`; of any number of callers exactly one gets True."""
        with _translated(self.url):
            try:
                await obstore.put_async(self._store, self._at(path), data, mode="create")
            except AlreadyExistsError:
                return False
        await self._settle(path)
        return True

    async def get(self, path: str) -> bytes | None:
        """The bytes under the name; None where there are none."""
        with _translated(self.url):
            try:
                result = await obstore.get_async(self._store, self._at(path))
                return bytes(await result.bytes_async())
            except FileNotFoundError:
                return None

    async def has(self, path: str) -> bool:
        """Whether there is anything under the name."""
        with _translated(self.url):
            try:
                await obstore.head_async(self._store, self._at(path))
            except FileNotFoundError:
                return False
        return True

    def get_now(self, path: str) -> bytes | None:
        """As `get`, without an event loop."""
        with _translated(self.url):
            try:
                return bytes(obstore.get(self._store, self._at(path)).bytes())
            except FileNotFoundError:
                return None

    async def list(self, folder: str = "") -> AsyncIterator[StoredObject]:
        """All objects in the folder and below, in no order."""
        cut = len(self._folder) + 1 if self._folder else 0
        with _translated(self.url):
            async for chunk in obstore.list(self._store, prefix=self._at(folder) or None, chunk_size=_LIST_CHUNK):
                for meta in chunk:
                    yield StoredObject(meta["path"][cut:], meta["size"])

    async def folders(self) -> tuple[str, ...]:
        """Names of the folders directly in this one, sorted; nothing below them is listed."""
        with _translated(self.url):
            found = await obstore.list_with_delimiter_async(self._store, prefix=self._folder or None)
        return tuple(sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"]))

    async def delete(self, path: str) -> None:
        """Remove the object; it need not exist."""
        with _translated(self.url):
            try:
                await obstore.delete_async(self._store, self._at(path))
            except FileNotFoundError:
                return

    def source(self, path: str) -> Any:
        """What pyarrow can read the object from, piece by piece: a local path, or an open file.

        Raises FileNotFoundError where there is no such object.
        """
        if isinstance(self._store, LocalStore):
            return str(self._local_path(path))
        with _translated(self.url, but=FileNotFoundError):
            size = obstore.head(self._store, self._at(path))["size"]
        return _RemoteFile(self, path, size)

    def range_now(self, path: str, start: int, length: int) -> bytes:
        """`length` bytes from `start` on, without an event loop."""
        with _translated(self.url):
            return bytes(obstore.get_range(self._store, self._at(path), start=start, length=length))

    def sha256_now(self, path: str, size_bytes: int) -> str:
        """SHA-256 (hex) of an object of that size, a piece in memory at a time, without an event loop."""
        digest = hashlib.sha256()
        for start in range(0, size_bytes, _PIECE_BYTES):
            digest.update(self.range_now(path, start, min(_PIECE_BYTES, size_bytes - start)))
        return digest.hexdigest()

    def _at(self, path: str) -> str:
        return f"{self._folder}/{checked_path(path)}".strip("/")

    def _local_path(self, path: str) -> Path:
        if not isinstance(self._store, LocalStore) or self._store.prefix is None:
            raise TypeError("only a store on local disk has paths")
        return Path(self._store.prefix) / self._at(path)

    async def _settle(self, path: str) -> None:
        """On local disk, wait until the object would outlive a power cut: a mark must never outlive its files."""
        if isinstance(self._store, LocalStore):
            with _translated(self.url):
                await asyncio.to_thread(_sync_to_disk, self._local_path(path))


class _RemoteFile(io.RawIOBase):
    """An object as a file that is read piece by piece; obstore's own one is always closed in the eyes of pyarrow."""

    def __init__(self, objects: Objects, path: str, size: int) -> None:
        self._objects = objects
        self._path = path
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = start + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._place)
        length = left if size < 0 else min(size, left)
        data = self._objects.range_now(self._path, self._place, length) if length else b""
        self._place += length
        return data


def _store_at(url: str, scheme: str) -> ObjectStore:
    try:
        return from_url(url)
    except BaseError as error:
        if "Unable to recognise URL" not in str(error):
            raise
        raise ValueError(f"no store has addresses that begin with {scheme}://") from error


def _sync_to_disk(path: Path) -> None:
    for entry in (path, path.parent):
        handle = os.open(entry, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _translated(url: str, but: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    try:
        yield
    except but:
        raise
    except _FOR_THE_USER as error:
        raise SettingsError(f"{url}: the store of results refuses: {_first_line(error)}; {_CURE}") from error
    except (BaseError, OSError) as error:
        raise StateUnreachable(
            f"{url}: the store of results did not answer: {_first_line(error)}; `troupe doctor` tries it"
        ) from error


_CURE = "check the address, the rights on it, and the credentials in the environment"


def _first_line(error: Exception) -> str:
    # What follows in obstore's messages is a dump of its internals.
    return without_secrets(str(error).partition("\n")[0].strip()) or type(error).__name__
