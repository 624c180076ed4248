"""Absences: why there is no answer, and what may be said about an error that a unit died of."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import troupe_batch
from troupe_batch.errors import CannotAct, RecordAndGoOn, TroupeError
from troupe_batch.llm.chat import ReplyStatus
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import AnswerStatus

_MOST_REASON = 300
_SHORTEST_SECRET = 4
_OURS = Path(troupe_batch.__file__).parent
_AWAITS_FUNCTION = _OURS / "studies" / "python" / "runner.py"
# The library of Python, and whatever is installed beside it.
_OTHERS = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


def reason_of(error: Exception, people: Sequence[TinyPerson]) -> str:
    """Class and message on one line, and where in a user's function it was raised.

    Of a message that quotes the persona, only the class and the place.
    """
    name = type(error).__name__
    message = " ".join(str(error).split())
    where = _in_users_function(error)
    is_quoted = not isinstance(error, TroupeError) and _quotes(message, people)
    if where is None and (not message or is_quoted) and not isinstance(error, TroupeError):
        place = trace_of(error)[-1:]
        return f"{name} at {place[0]}" if place else name
    said = name if is_quoted or not message else f"{name}: {message}"
    return said[:_MOST_REASON] if where is None else f"{said[: _MOST_REASON - len(where) - 3]} ({where})"


def trace_of(error: Exception) -> list[str]:
    """The places that the error came through, outermost first, such as `shard.py:188 _run_unit`."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _in_users_function(error: Exception) -> str | None:
    """The innermost line of the user's own code, such as `haggling.py:14 in haggle`; None outside of their function."""
    below = list(_below_runner(error))
    # A function that is installed lies among the others, and is the user's all the same.
    first = [frame for frame in below[:1] if not Path(frame.filename).is_relative_to(_OURS)]
    own = first + [frame for frame in below[1:] if _is_users(Path(frame.filename))]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name}" if own else None


def _below_runner(error: Exception) -> Iterator[traceback.FrameSummary]:
    """What was under way in the function that a study in Python awaits; nothing where the error is no such one."""
    is_below = False
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if is_below and path != _AWAITS_FUNCTION:
            yield frame
        is_below = is_below or path == _AWAITS_FUNCTION


def _is_users(path: Path) -> bool:
    return path.is_file() and not any(path.is_relative_to(folder) for folder in (_OURS, *_OTHERS))


def _quotes(message: str, people: Sequence[TinyPerson]) -> bool:
    lines = (line for person in people for line in person.block.splitlines())
    values = (line.partition(": ")[2].strip() or line.strip(" -") for line in lines)
    return any(len(value) >= _SHORTEST_SECRET and value in message for value in values)


ABSENCES: Mapping[str, tuple[AnswerStatus, str]] = {
    ReplyStatus.REFUSED: (AnswerStatus.REFUSED, "the model refused"),
    ReplyStatus.CONTENT_FILTERED: (AnswerStatus.REFUSED, "a content filter stepped in"),
    ReplyStatus.TRUNCATED: (AnswerStatus.UNREADABLE, "the reply was cut off"),
    ReplyStatus.UNREADABLE: (AnswerStatus.UNREADABLE, "the reply could not be read"),
}


def absence_after(error: RecordAndGoOn) -> tuple[AnswerStatus, str]:
    """The status and the reason of an answer whose act ended with this error."""
    if not isinstance(error, CannotAct):
        return AnswerStatus.FAILED, str(error) or type(error).__name__
    status, reason = ABSENCES.get(error.status, (AnswerStatus.FAILED, error.status))
    return status, f"{reason}: {error.reason}" if error.reason else reason
