"""Judging by a model: rules that never change first, then what is asked, the material last."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from troupe_batch.errors import CannotAct, FixTheInput
from troupe_batch.llm.chat import ChatReply, Message, ReplySchema, ReplyStatus, Role, strict_object
from troupe_batch.persona.block import one_line
from troupe_batch.simulation.mind import Mind, connected_mind
from troupe_batch.simulation.people import Observed, Overheard, is_person
from troupe_batch.simulation.record.transcript import cut

_PROMPTS = Path(__file__).parents[1] / "prompts"
# What stands between these marks was said or written by others; none of it may end the material early.
_MARK = re.compile(r"<(?=\s*(?:/\s*)?(?:material|person|persona|claims?|occasion|shown)\b)", re.IGNORECASE)


Judged: TypeAlias = Observed | Sequence[Observed]


async def asked(
    mind: Mind, purpose: str, messages: Sequence[Message], schema: ReplySchema, *, draw: str
) -> tuple[ChatReply, str]:
    """The good reply of the mind's reasoning endpoint and the key of the call; CannotAct where it is unusable."""
    reply = await mind.ask(purpose, messages, schema, draw=draw, endpoint=mind.reasoning)
    # No other call of the mind can have been recorded since: nothing was awaited in between.
    key = mind.calls[-1].key
    if reply.status is not ReplyStatus.OK:
        reason = reply.reason or f"the reply to {purpose!r} cannot be used"
        raise CannotAct(str(reply.status), reason, call_key=key)
    return reply, key


def question(rules: str, *parts: str, premise: str = "") -> tuple[Message, ...]:
    """The messages of one judgement: the rules of `prompts/<rules>.md` and the occasion, then the parts in one."""
    system = with_occasion(rules_text(_PROMPTS / f"{rules}.md"), premise)
    return Message(Role.SYSTEM, system), Message(Role.USER, "\n\n".join(parts))


@lru_cache(maxsize=256)
def with_occasion(rules: str, premise: str) -> str:
    """The rules, and behind them the premise of a study as a block of its own; the rules alone where there is none.

    The material of an arm stands between marks of its own there, since in front of a judge `material` is something
    else.
    """
    if not premise:
        return rules
    shown = disarmed(premise).replace("&lt;material>", "<shown>").replace("&lt;/material>", "</shown>")
    return f"{rules}\n\n<occasion>\n{shown}\n</occasion>"


@cache
def rules_text(path: Path) -> str:
    """The text of a prompt file without variables."""
    return path.read_text(encoding="utf-8").strip()


def verdict(value: dict[str, Any]) -> dict[str, Any]:
    """The strict schema of a judgement whose value has this schema."""
    return strict_object(
        {
            "justification": {"type": "string"},
            "value": value,
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        }
    )


def verdict_problem(value: Any) -> str | None:
    """What is wrong with a judgement that matches its schema: it must say why."""
    return None if value["justification"].strip() else "justification is empty; say why"


def material(
    target: Judged,
    *,
    include_persona: bool = False,
    first_n: int | None = None,
    last_n: int | None = None,
    is_open: bool = False,
) -> str:
    """What is to be judged, between marks: the lines of each transcript, the first and last ones where so limited.

    With `is_open` only what others could hear and see, as far as the target tells it apart: a world does.
    """
    parts = []
    for one in observed(target):
        told = one.open_transcript() if is_open and isinstance(one, Overheard) else one.transcript()
        lines = _material_cut(disarmed(told), first_n, last_n)
        about = f"{one.block}\n" if include_persona and is_person(one) else ""
        parts.append(f"{_record_title(one)}\n{about}{lines or '(nothing has happened)'}")
    return "<material>\n" + "\n\n".join(parts) + "\n</material>"


def observed(target: Judged) -> Sequence[Observed]:
    """The target as a list; FixTheInput where it is empty."""
    found = target if isinstance(target, Sequence) else [target]
    if not found:
        raise FixTheInput("there is nobody to judge: the list of people is empty")
    return found


def id_of(target: Judged) -> str:
    """A short name for the target in the names of draws: equal for equal people, whatever they have lived through."""
    ids = [one.person_id if is_person(one) else f"world {one.name}" for one in observed(target)]
    return ids[0] if len(ids) == 1 else f"{len(ids)} of {digest(*ids)}"


def mind_for(target: Judged, mind: Mind | None) -> Mind:
    """The mind given, else the target's own, else the connected one."""
    if mind is not None:
        return mind
    own = getattr(observed(target)[0], "mind", None)
    return own if isinstance(own, Mind) else connected_mind()


def digest(*parts: str) -> str:
    """16 hex digits that tell these texts from others."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def disarmed(text: str) -> str:
    """The text with every mark disarmed that could end the material or pass for another part of the prompt."""
    return _MARK.sub("&lt;", text) if "<" in text else str(text)


def _record_title(one: Observed) -> str:
    if is_person(one):
        return f"## What {_name_line(one.name or one.person_id)} saw, heard and did"
    return f"## What happened in {_name_line(one.name or 'the world')}"


def _name_line(name: str) -> str:
    return disarmed(one_line(name))


def _material_cut(text: str, first_n: int | None, last_n: int | None) -> str:
    if first_n is None and last_n is None:
        return text
    return cut(text, max(0, first_n or 0), max(0, last_n or 0))
