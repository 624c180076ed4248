"""Simulation that is run again is restored and not recomputed: its replies are kept in a file.

The file stands before the model of a mind. What was asked before is answered from it; what a changed step asks is
new, and so is everything that follows from the answers. People and worlds are rebuilt by running the program, which
takes no time beside the calls. The file grows by the replies and by nothing else; those of steps that the program no
longer takes stay in it.

    control.begin("bakery.control")
    ...
    control.checkpoint()
    ...
    control.end()
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Self

from troupe_batch.errors import FixTheInput
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.simulation.mind import Mind, connected_mind
from troupe_batch.simulation.record.reply_file import ReplyFile


@dataclass(frozen=True, slots=True)
class ControlStatus:
    """Status so far: how many replies were `restored` from the file, and how many were `asked` of the model.

    `kept` replies are in the file; `damaged` ones of it could not be read, and what they held is asked anew.
    """

    path: Path
    restored: int
    asked: int
    kept: int
    damaged: int

    def __str__(self) -> str:
        damaged = f", {self.damaged} damaged" if self.damaged else ""
        return f"{self.path}: {self.restored} replies restored, {self.asked} asked, {self.kept} kept{damaged}"


class ReplyControl:
    """Puts a file of replies before a mind's model until `end`; also as `with Control(path, mind):`.

    Every reply is written to the file as soon as it is there, so that a crash costs the calls in flight. `checkpoint`
    makes what is written safe from a power failure too. Replies are kept whatever their status, since a refusal belongs
    to what happened; errors are not, and what failed is asked again. A file serves one program at a time: FixTheInput
    where another one has begun it, and where it is no control file.
    """

    def __init__(self, path: str | PathLike[str], mind: Mind) -> None:
        self._mind = mind
        self._file = ReplyFile(Path(path))
        # The program begins again, and with it the count of people who share an id.
        mind.forget_namesakes()
        self._inner = mind.model
        self._model = _Restoring(self._inner, self._file)
        mind.model = self._model
        self._has_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    @property
    def status(self) -> ControlStatus:
        """How many replies were restored, asked and kept."""
        model, file = self._model, self._file
        return ControlStatus(file.path, model.restored, model.asked, len(file), file.damaged)

    def checkpoint(self) -> ControlStatus:
        """Put on the disk what is new; how far it has come."""
        if self._has_ended:
            raise FixTheInput(f"{self._file.path} has ended; begin it again before the next checkpoint")
        self._file.sync()
        return self.status

    def end(self) -> ControlStatus:
        """Put on the disk what is new, close the file and give the mind its own model back."""
        if not self._has_ended:
            self._has_ended = True
            # Whoever put another model before the mind since then has it for good.
            if self._mind.model is self._model:
                self._mind.model = self._inner
            self._file.close()
        return self.status


class _Restoring:
    """The model behind a file: what the file holds is not asked."""

    def __init__(self, inner: ChatModel, file: ReplyFile) -> None:
        self._inner = inner
        self._file = file
        self.restored = 0
        self.asked = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply in the file, else the model's, which is in the file from then on."""
        try:
            key = request.key()
        except TypeError:
            # Half a character: no UTF-8, so no key. The model says what is wrong with it.
            return await self._inner.complete(request)
        reply = self._file.get(key)
        if reply is not None:
            self.restored += 1
            return reply
        self.asked += 1
        # Two equal requests in flight are one draw, so they share what came first, as they will when run again.
        return self._file.add(key, await self._inner.complete(request))


class _Begun:
    """What this program has begun: the one place for it, set by `begin` and `end` and never by the library."""

    control: ReplyControl | None = None


def begin(path: str | PathLike[str], mind: Mind | None = None) -> ReplyControl:
    """Restore replies from this file, and keep new ones in it, from now until `end`; by default of the connected mind.

    FixTheInput where something was begun and not ended, where the file is open in another program, or where it is no
    control file.
    """
    if _Begun.control is not None:
        raise FixTheInput(f"{_Begun.control.status.path} was begun and not ended; call `control.end()` first")
    _Begun.control = ReplyControl(path, mind if mind is not None else connected_mind())
    return _Begun.control


def checkpoint() -> ControlStatus:
    """Put on the disk what is new since the last checkpoint."""
    return _begun().checkpoint()


def end() -> ControlStatus:
    """Close the file; from now on the mind asks its model for everything."""
    control = _begun()
    _Begun.control = None
    return control.end()


def status() -> ControlStatus:
    """How many replies were restored from the file and how many were asked of the model since `begin`."""
    return _begun().status


def _begun() -> ReplyControl:
    if _Begun.control is None:
        raise FixTheInput('nothing was begun; call `control.begin("a file")` first')
    return _Begun.control
