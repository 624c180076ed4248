"""Claims that are worth checking in most simulations. Each says what speaks against it, so that judges agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.judging.propositions import Proposition
from troupe_batch.simulation.people import Observed, is_person
from troupe_batch.simulation.record.events import FIRST_STEP, ActionKind, Event, EventKind, EventStatus, Journal

persona_adherence = Proposition(
    "What the person says and does is what somebody with this persona would say and do. Opinions, knowledge, manner of "
    "speech and decisions all count. Behaviour that the persona leaves open counts neither way.",
    name="persona_adherence",
    include_persona=True,
)

hard_persona_adherence = Proposition(
    "Every single thing that the person says and does can be traced to the persona. One passage that contradicts the "
    "persona makes this false; so does one that anybody at all could have said in its place where the persona gives "
    "reason to be more particular, such as politeness from somebody blunt or enthusiasm from somebody wary. Being "
    "helpful, balanced or eloquent is no excuse unless the persona is so.",
    name="hard_persona_adherence",
    include_persona=True,
)

self_consistency = Proposition(
    "The person never contradicts themselves: facts, opinions and plans stay as they said before. A change of mind "
    "with a reason that can be seen in the material is no contradiction.",
    name="self_consistency",
)

fluency = Proposition(
    "What the person says and thinks reads like a living human being: varied in its beginnings, its length and its "
    "words. Repeated phrases or thoughts, set formulas, restating what others said before answering, and lists where "
    "people would talk all speak against it.",
    name="fluency",
)

task_completion = Proposition(
    "This task was carried out in full: {{task}}. It is not enough to announce it, to agree to it or to do a part of "
    "it; its result must be there in the material.",
    name="task_completion",
)

divergence = Proposition(
    "Over time the people move apart: in what they speak about, in their opinions or in what they want to do, they "
    "are less alike at the end than at the beginning.",
    name="divergence",
)

convergence = Proposition(
    "Over time the people come together: in what they speak about, in their opinions or in what they want to do, they "
    "are more alike at the end than at the beginning. Being polite to one another is not enough.",
    name="convergence",
)

STANDARD_PROPOSITIONS = (
    persona_adherence,
    hard_persona_adherence,
    self_consistency,
    fluency,
    task_completion,
    divergence,
    convergence,
)

_REACHES_OTHERS = frozenset({ActionKind.TALK, ActionKind.REACH_OUT})


def quiet_recently(target: Observed | Sequence[Observed], *, last_steps: int = 1) -> bool:
    """Whether nobody spoke or reached out to anybody in the last steps; by the record, without a model.

    False as long as fewer steps than `last_steps` are over: what has not begun is not quiet yet. Of people only what
    they themselves did counts. FixTheInput where they are in no world, since there are no steps then.
    """
    if last_steps < 1:
        raise FixTheInput("quiet_recently looks at one step at least; give `last_steps` of 1 or more")
    recorded = target if isinstance(target, Sequence) else [target]
    if not recorded:
        raise FixTheInput("there is nobody who could be quiet: the list of people is empty")
    return all(_is_quiet(one, last_steps) for one in recorded)


def _is_quiet(one: Observed, last_steps: int) -> bool:
    now = one.journal.step
    if now is None:
        raise FixTheInput("quiet_recently counts the steps of a world, and this person is in none")
    if now - FIRST_STEP < last_steps:
        return False
    person_id = one.person_id if is_person(one) else None
    return not any(
        event.type in _REACHES_OTHERS
        and event.status is EventStatus.HAPPENED
        and (person_id is None or event.actor_id == person_id)
        for event in _actions_since(one.journal, now - last_steps)
    )


def _actions_since(journal: Journal, step: int) -> Iterator[Event]:
    for event in reversed(journal.events):
        if event.step is not None and event.step < step:
            return
        if event.kind is EventKind.ACTION:
            yield event
