"""Messages that ask for an act: what is the same for everybody first, what changes with every act last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from troupe_batch.llm.chat import Message, Role
from troupe_batch.persona.block import one_line
from troupe_batch.simulation.acting.act_schema import ActQuestion, Repertoire
from troupe_batch.simulation.acting.inner_life import InnerLife
from troupe_batch.simulation.mind import Mind, MindSettings
from troupe_batch.simulation.templates import render

_FACTS_SHOWN = 10
_YOUR_TURN = "It is your turn. What do you do?"
_GO_ON = "Your turn goes on: the end of <memory> shows what your last actions brought. What do you do?"
_BETTER = "You were about to do something that did not do this person justice. Do it otherwise; what was wrong:"


def act_prompt(  # noqa: PLR0913 -- each is a part of the prompt of its own
    block: str,
    life: InnerLife,
    mind: Mind,
    question: ActQuestion | None = None,
    *,
    is_going_on: bool = False,
    feedback: str | None = None,
    recalled: Sequence[str] = (),
) -> tuple[Message, Message]:
    """Rules and occasion, then persona, memory, present state with what it brings back, and what is asked now."""
    parts = [
        block,
        f"Here you are called {one_line(life.called)}." if life.called else "",
        memory_block(life, mind.settings),
        life.mental_state.block(recalled),
        _GO_ON if is_going_on else "",
        question.text if question is not None else "",
    ]
    if question is None and not is_going_on:
        parts.append(_YOUR_TURN)
    if feedback:
        parts.append(f"{_BETTER}\n{feedback}")
    system = _system(mind.settings, life.repertoire, mind.premise)
    return system, Message(Role.USER, "\n\n".join([part for part in parts if part]))


async def recalled_by(life: InnerLife, mind: Mind) -> tuple[str, ...]:
    """Of more facts than the memory shows, those that the present brings back; it changes, so it stands in `<now>`."""
    if not mind.settings.retrieves or len(life.semantic) <= _FACTS_SHOWN:
        return ()
    return await life.semantic.brought_back(mind, life.episodic.touched, _FACTS_SHOWN)


def memory_block(life: InnerLife, settings: MindSettings) -> str:
    """What the person knows from before and remembers of late, oldest first; "" where there is nothing."""
    lines = life.episodic.window(settings.fixed_prefix_length, settings.lookback_length)
    is_looked_up = settings.retrieves and len(life.semantic) > _FACTS_SHOWN
    facts = () if is_looked_up else life.semantic.latest(_FACTS_SHOWN)
    if facts:
        lines = ["From before:", *[f"- {one_line(fact)}" for fact in facts], "Lately:", *lines]
    return "\n".join(["<memory>", *lines, "</memory>"]) if lines else ""


def _system(settings: MindSettings, adds: Repertoire, premise: str) -> Message:
    return _system_message(
        settings.prevents_harm, settings.prevents_copyright_infringement, settings.max_actions, adds, premise
    )


# One per arm of a study and set of faculties, and thousands of acts each.
@lru_cache(maxsize=256)
def _system_message(
    prevents_harm: bool, prevents_copyright_infringement: bool, max_actions: int, adds: Repertoire, premise: str
) -> Message:
    text = render(
        "act.md",
        prevents_harm=prevents_harm,
        prevents_copyright_infringement=prevents_copyright_infringement,
        max_actions=max_actions,
        actions=adds.actions,
        constraints=adds.constraints,
        premise=premise,
    )
    return Message(Role.SYSTEM, text)
