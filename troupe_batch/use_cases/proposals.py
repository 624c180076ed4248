"""Population that a model proposes from prose, in one call: for a person to read, never to draw from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from troupe_batch.demography import Proposal, SourceText, Wanted, read_proposal
from troupe_batch.errors import CannotAct
from troupe_batch.llm.chat import Message, ReplySchema, ReplyStatus, Role, strict_object
from troupe_batch.persona.block import harmless
from troupe_batch.population.draw import Population
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.settings import Settings
from troupe_batch.use_cases.connecting import open_connection

PURPOSE = "propose"
_RULES = Path(__file__).parent / "prompts" / "propose.md"
_NOTHING = "no dimension has a category with a percent above 0"
_TEXT = {"type": "string"}
_CATEGORY = strict_object({"label": _TEXT, "percent": {"type": "number"}, "sentence": {"type": ["string", "null"]}})
_DIMENSION = strict_object(
    {
        "name": _TEXT,
        "kind": {"type": "string", "enum": ["categorical", "numeric"]},
        "categories": {"type": "array", "items": _CATEGORY, "minItems": 2},
    }
)


async def propose_population(
    settings: Settings, text: str, *, name: str, wanted: Wanted, rehearse: bool = False
) -> Proposal:
    """What the model of the settings proposes from `text`, which the file calls `name`; checked, and written nowhere.

    CannotAct where the reply cannot be used; what the model raises passes through.
    """
    async with await open_connection(settings, rehearse=rehearse, seed=wanted.seed) as connection:
        mind = connection.mind
        model = mind.reasoning.model
        prose = SourceText(name, text, f"a rehearsal of {model}" if mind.reasoning.is_rehearsal else model)

        def read(value: Any) -> Proposal | None:
            return read_proposal(value, prose, wanted)

        schema = ReplySchema("proposal", proposal_schema(), check=lambda value: None if read(value) else _NOTHING)
        draw = mind.draw_of(PURPOSE, 0)
        reply = await mind.ask(PURPOSE, proposal_messages(text), schema, draw=draw, endpoint=mind.reasoning)
    proposal = read(reply.value) if reply.status is ReplyStatus.OK else None
    if proposal is None:
        raise CannotAct(str(reply.status), reply.reason or _NOTHING, call_key=mind.calls[-1].key)
    _check_proposal(proposal)
    return proposal


def proposal_schema() -> dict[str, Any]:
    """The strict form of a proposal: dimensions with categories, a percent and the sentence behind it for each."""
    dimensions = {"type": "array", "items": _DIMENSION, "minItems": 1}
    return strict_object({"title": _TEXT, "universe": _TEXT, "locale": _TEXT, "dimensions": dimensions})


def proposal_messages(text: str) -> tuple[Message, ...]:
    """Rules first, the text as data last; nothing in it can end its block."""
    rules = _RULES.read_text(encoding="utf-8").strip()
    return Message(Role.SYSTEM, rules), Message(Role.USER, f"<text>\n{harmless(text).strip()}\n</text>")


def _check_proposal(proposal: Proposal) -> None:
    """What will hold once a person has removed `proposed`: people can be drawn from the file."""
    Population(PopulationSpec.model_validate({**proposal.spec, "proposed": False}))
