"""Simulated person: who they are, what they have lived through, and how they act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from troupe_batch.errors import FixTheInput
from troupe_batch.persona.persona import Persona, Scalar, part_at
from troupe_batch.simulation.acting.act_schema import ActQuestion
from troupe_batch.simulation.acting.acting import Act, act
from troupe_batch.simulation.acting.consolidation import consolidate
from troupe_batch.simulation.acting.faculties import Faculty
from troupe_batch.simulation.acting.inner_life import InnerLife
from troupe_batch.simulation.acting.tools import TinyTool, ToolUseFaculty
from troupe_batch.simulation.arguments import a_text, shown, some_texts
from troupe_batch.simulation.mind import Mind, connected_mind
from troupe_batch.simulation.people import person_id_from, person_id_of
from troupe_batch.simulation.person import person_state, specification
from troupe_batch.simulation.person.biography import minibio
from troupe_batch.simulation.person.changes import defined, with_fragment, with_relationships, with_several
from troupe_batch.simulation.record.events import Action, Event, EventKind, Journal, Stimulus, StimulusKind
from troupe_batch.simulation.record.memory import EpisodicMemory
from troupe_batch.simulation.record.mental_state import MentalState
from troupe_batch.simulation.record.semantic import SemanticMemory
from troupe_batch.simulation.record.transcript import Transcript, of_memory

__all__ = ["TinyPerson", "person_id_of"]


class TinyPerson:
    """One simulated person. Its identity is `person_id`: names may be shared, as they are among people.

    `facts` are the plain facts a population drew (or an agent file states); `persona` holds them too, with the name
    and whatever richer parts there are. A persona never changes: `define` and its like give this person another one.
    """

    __slots__ = ("_block", "_has_id_of_name", "_life", "_recollections", "facts", "index", "person_id", "persona")

    def __init__(
        self,
        name: str | None = None,
        *,
        persona: Persona | None = None,
        facts: Mapping[str, Scalar] | None = None,
        index: int = 0,
        person_id: str | None = None,
        mind: Mind | None = None,
    ) -> None:
        """`person_id` is made of the name where it is not given; `mind` is the connected one.

        An id that was made of a name follows it (`define`), until the person has lived through something.
        """
        if name is not None:
            a_text(name, "the name of a person", "who has more than a name is TinyPerson(persona=Persona({...}))")
        if persona is not None and not isinstance(persona, Persona):
            raise FixTheInput(f"`persona` must be a Persona, not {shown(persona)}; write Persona({{...}})")
        self.index = index
        self.persona = persona if persona is not None else Persona({} if name is None else {"name": name})
        self.person_id = person_id or _id_of(name or self.persona.name, index)
        self._has_id_of_name = not person_id
        self.facts = facts or {}
        self._block: str | None = None
        self._recollections = ""
        self._life: InnerLife | None = None
        if mind is not None:
            self._life = InnerLife(mind=mind)
        if name is not None:
            self.go_by(name)

    @classmethod
    def cast(cls, index: int, persona: Persona, facts: Mapping[str, Scalar]) -> Self:
        """Person number `index` of a population."""
        return cls(persona=persona, facts=facts, index=index, person_id=person_id_of(index))

    # --- who it is

    @property
    def name(self) -> str | None:
        """What the person is called: their name, unless others know them by another; None where they have none."""
        if self._life is not None and self._life.called is not None:
            return self._life.called
        return self.persona.name

    @property
    def block(self) -> str:
        """The persona block of the prompt, and behind it what they remember of before; written once."""
        if self._block is None:
            parts = [self.persona.block(), self._recollections]
            self._block = "\n\n".join([part for part in parts if part])
        return self._block

    @property
    def recollections(self) -> str:
        """What the person remembers of earlier waves of a study, as it stands in prompts; empty where of none."""
        return self._recollections

    def recalling(self, recollections: str) -> Self:
        """The same person, with this block behind the persona in every prompt: what they were asked and said before."""
        return self._again(self.persona, recollections, self._own_mind)

    def with_persona(self, persona: Persona) -> Self:
        """The same person with a richer persona."""
        return self._again(persona, self._recollections, self._own_mind)

    def fresh(self, *, mind: Mind | None = None, journal: Journal | None = None, name: str | None = None) -> Self:
        """The same person, with nothing lived through yet: so one person takes part in many units.

        They are called `name` where it is given, and write into `journal`.
        """
        person = self._again(self.persona, self._recollections, None)
        person._block = self.block  # noqa: SLF001 -- another one of this class
        person._life = InnerLife(mind=mind or self._own_mind, journal=journal)  # noqa: SLF001 -- same
        return person.go_by(name or self.name)

    def _again(self, persona: Persona, recollections: str, mind: Mind | None) -> Self:
        person = type(self)(persona=persona, facts=self.facts, index=self.index, person_id=self.person_id, mind=mind)
        person._recollections = recollections  # noqa: SLF001 -- another one of this class
        return person

    def go_by(self, name: str | None) -> Self:
        """Be called this by all from now on, as the second Ana Silva of a world; None: by the persona's own name."""
        if self.name != name:
            self._inner.called = name if name != self.persona.name else None
        return self

    def minibio(self) -> str:
        """One or two sentences about the person, from the persona."""
        return minibio(self.persona, self.name)

    def get(self, key: str) -> Any:
        """A copy of this part of the persona ("age", or "occupation.title" inside of one); None where there is none."""
        return part_at(self.persona, a_text(key, "the key of a part"))

    def define(self, key: str, value: Any, *, overwrite: bool = True) -> Self:
        """Give the persona this part, in place of what it had; MergeConflict if that differs, unless `overwrite`.

        The value is one that JSON has: a text, a number, true or false, None, or a list or a group of these.
        """
        return self._become(defined(self.persona, key, value, overwrite=overwrite))

    def define_several(self, key: str, values: Iterable[Any]) -> Self:
        """Add these to the list that is this part of the persona, without doubles; MergeConflict if it is no list."""
        return self._become(with_several(self.persona, key, values))

    def define_relationships(
        self, relationships: Mapping[str, Any] | Sequence[Mapping[str, Any]], *, replace: bool = True
    ) -> Self:
        """Give the persona these relationships (each with `name` and `description`), beside the others if you like."""
        return self._become(with_relationships(self.persona, relationships, replace=replace))

    def related_to(self, other: TinyPerson, description: str, *, symmetric: str | None = None) -> Self:
        """Know the other person as described; `symmetric` is how the other knows this one, if they do."""
        self.define_relationships({"name": other.name, "description": description}, replace=False)
        if symmetric is not None:
            other.define_relationships({"name": self.name, "description": symmetric}, replace=False)
        return self

    def import_fragment(self, fragment: Path | str | Mapping[str, Any], *, overwrite: bool = False) -> Self:
        """Merge a fragment (a file or a mapping) into the persona; MergeConflict where they disagree."""
        return self._become(with_fragment(self.persona, fragment, overwrite=overwrite))

    def _become(self, persona: Persona) -> Self:
        if self._has_id_of_name and persona.name != self.persona.name and not self._has_lived:
            self.person_id = _id_of(persona.name, self.index)
        self.persona = persona
        self._block = None
        return self

    @property
    def _has_lived(self) -> bool:
        """Whether something is on record under the person's id, or they have a seat under it."""
        life = self._life
        return life is not None and bool(life.calls_made or life.own_journal.events or life.is_in_company)

    # --- what simulations change

    @property
    def mental_state(self) -> MentalState:
        """How things stand for the person now."""
        return self._inner.mental_state

    @property
    def episodic(self) -> EpisodicMemory:
        """What the person remembers of what happened."""
        return self._inner.episodic

    @property
    def semantic(self) -> SemanticMemory:
        """What the person knows by now."""
        return self._inner.semantic

    @property
    def mind(self) -> Mind:
        """What the person thinks with: their own mind, or the connected one; FixTheInput where there is neither."""
        return self._own_mind or connected_mind()

    @mind.setter
    def mind(self, mind: Mind | None) -> None:
        self._inner.mind = mind

    @property
    def journal(self) -> Journal:
        """Where what happens to the person is written down: a journal of their own, or that of their world."""
        return self._inner.journal

    @journal.setter
    def journal(self, journal: Journal) -> None:
        self._inner.journal = journal

    @property
    def faculties(self) -> tuple[Faculty, ...]:
        """What the person can do beyond talking and thinking."""
        return self._life.faculties if self._life is not None else ()

    @property
    def tools(self) -> tuple[TinyTool, ...]:
        """The tools that the person holds."""
        users = [one for one in self.faculties if isinstance(one, ToolUseFaculty)]
        return tuple(tool for user in users for tool in user.tools)

    def add_faculty(self, faculty: Faculty) -> Self:
        """Be able to do this too."""
        self._inner.add_faculty(faculty)
        return self

    @property
    def _own_mind(self) -> Mind | None:
        return self._life.mind if self._life is not None else None

    @property
    def _inner(self) -> InnerLife:
        if self._life is None:
            self._life = InnerLife()
        return self._life

    # --- who is in reach

    def make_accessible(self, other: TinyPerson, relation: str | None = None) -> Self:
        """Have the other person in reach, as `relation` if one is given."""
        self._inner.mental_state.reach(other.person_id, other.name or other.person_id, relation)
        return self

    def make_all_accessible(self, others: Iterable[TinyPerson], relation: str | None = None) -> Self:
        """Have all of these in reach, but for the person themself."""
        people = {one.person_id: (one.name or one.person_id, relation) for one in others}
        people.pop(self.person_id, None)
        self._inner.mental_state.reach_all(people)
        return self

    def make_inaccessible(self, other: TinyPerson) -> Self:
        """Have the other person in reach no longer."""
        self._inner.mental_state.lose(other.person_id)
        return self

    # --- what they perceive

    def perceive(self, stimulus: Stimulus) -> Self:
        """Take in what somebody else puts on record; all who perceive it share the one object."""
        self._inner.perceive(stimulus)
        return self

    def listen(self, text: str, source: TinyPerson | str | None = None) -> Self:
        """Hear this said, by `source`: in a world to this person alone."""
        return self._take_in(StimulusKind.CONVERSATION, text, source)

    def socialize(self, text: str, source: TinyPerson | str | None = None) -> Self:
        """Be in this contact with `source`."""
        return self._take_in(StimulusKind.SOCIAL, text, source)

    def see(self, text: str) -> Self:
        """See this."""
        return self._take_in(StimulusKind.VISUAL, text)

    def think(self, text: str) -> Self:
        """Have this cross one's mind."""
        return self._take_in(StimulusKind.THOUGHT, text)

    def internalize_goal(self, text: str) -> Self:
        """Make this a goal of one's own."""
        return self._take_in(StimulusKind.INTERNAL_GOAL_FORMULATION, text)

    def move_to(self, place: str, context: Sequence[str] = ()) -> Self:
        """Go somewhere, which brings `context` with it if one is given."""
        situation = some_texts(context, "a context")
        self._take_in(StimulusKind.LOCATION, place)
        return self.change_context(situation) if situation else self

    def change_context(self, context: Sequence[str]) -> Self:
        """Be in this situation, in place of the one before."""
        situation = some_texts(context, "a context")
        life = self._inner
        life.mental_state.context = situation
        content = "; ".join(life.mental_state.context)
        event = Event(EventKind.CHANGE, "CONTEXT", content, target_id=self.person_id, target=self.name)
        life.record(event)
        return self

    def _take_in(self, kind: StimulusKind, text: str, source: TinyPerson | str | None = None) -> Self:
        name = source_name(source)
        a_text(text, "what a person perceives")
        life = self._inner
        is_private = True if kind is StimulusKind.CONVERSATION and life.is_in_company else None
        life.perceive(Stimulus(kind, text, name, is_private))
        event = Event(EventKind.STIMULUS, kind, text, actor=name, target_id=self.person_id, target=self.name)
        event.actor_id = source.person_id if isinstance(source, TinyPerson) else None
        life.record(event)
        return self

    # --- what they do

    async def act(self, *, extra: ActQuestion | None = None) -> Act:
        """Take a turn: one call, more only if a faculty has something to show. `extra` is answered in the same call.

        CannotAct where the reply is unusable. What the model raises passes through.
        """
        return await act(self, self._inner, extra)

    async def listen_and_act(self, text: str, source: TinyPerson | str | None = None) -> Act:
        """Hear this said, and take a turn."""
        return await self.listen(text, source).act()

    async def see_and_act(self, text: str) -> Act:
        """See this, and take a turn."""
        return await self.see(text).act()

    async def think_and_act(self, text: str) -> Act:
        """Have this cross one's mind, and take a turn."""
        return await self.think(text).act()

    async def end_step(self) -> bool:
        """At the end of a step of a world: consolidate an episode that has become too long; whether it was."""
        if self._life is None or not self._life.episodic.entries:
            return False
        settings, episodic = self.mind.settings, self._life.episodic
        # What came last is what the next act answers to, so it stays as it was said; if that is most, all of it does.
        if episodic.episode_length < max(settings.max_episode_length, 2 * episodic.unanswered):
            return False
        return await consolidate(self, self._life, keep=max(settings.lookback_length // 2, episodic.unanswered))

    async def consolidate(self) -> bool:
        """End the episode: if it is long enough, one call turns it into a summary and facts; whether it did."""
        if self._life is None or self._life.episodic.episode_length < self.mind.settings.min_episode_length:
            return False
        return await consolidate(self, self._life)

    def be_the_only_one(self) -> Self:
        """Need no number among those with the same id, unless one was given: a world has no two of them."""
        life = self._inner
        life.namesake = life.namesake or 1
        return self

    def take_back(self, action: Action) -> None:
        """The action reached nobody, so that to do it again is no repetition."""
        self._inner.repeats.take_back(action)

    # --- what is left of it

    def transcript(self, last: int | None = None) -> Transcript:
        """What the person perceived and did, as text: all that they remember, or the `last` entries of it."""
        entries = self._life.episodic.entries if self._life is not None else []
        return of_memory(
            self.name or self.person_id, entries if last is None else entries[max(0, len(entries) - last) :]
        )

    def pp_current_interactions(self, last: int | None = None) -> Transcript:
        """As `transcript`, by the name that users of TinyTroupe know; it prints nothing, a notebook shows it."""
        return self.transcript(last)

    def state(self) -> dict[str, Any]:
        """The person as plain JSON data, from which `from_state` goes on exactly here."""
        identity = {
            "person_id": self.person_id,
            "index": self.index,
            "facts": dict(self.facts),
            "persona": self.persona.as_dict(),
        }
        state = person_state.state_of(identity, self._inner, self.tools)
        return {**state, "recollections": self._recollections} if self._recollections else state

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], *, mind: Mind | None = None, faculties: Sequence[Faculty] = ()
    ) -> Self:
        """The person of `state`; `faculties` are those they had, for abilities are no data. Tools get their state."""
        person = cls(**person_state.identity_in(state), mind=mind)
        person._recollections = state.get("recollections", "")
        for faculty in faculties:
            person.add_faculty(faculty)
        person_state.restore(person._inner, state, person.tools)
        return person

    @classmethod
    def load_specification(
        cls,
        path: Path | str,
        *,
        name: str | None = None,
        person_id: str | None = None,
        mind: Mind | None = None,
    ) -> Self:
        """The person of an agent file of TinyTroupe's, with the memory and mental state that it holds.

        With another `name` it is another person, who has everything else of the file: two of one file can share a
        world. `person_id` is made of the name where it is not given.
        """
        agent = specification.load(path)
        persona = agent.persona
        if name is not None:
            persona = defined(persona, "name", name, overwrite=True)
        person = cls(persona=persona, person_id=person_id, mind=mind)
        specification.apply(agent, person._inner)
        return person

    def save_specification(
        self,
        path: Path | str,
        *,
        include_faculties: bool = False,
        include_memory: bool = False,
        include_mental_state: bool = False,
    ) -> None:
        """Write an agent file, which TinyTroupe and `load_specification` read: the persona, and what is asked for."""
        wanted = specification.SpecificationParts(include_faculties, include_memory, include_mental_state)
        specification.save(path, self.persona, self._inner, wanted)

    def __repr__(self) -> str:
        return f"TinyPerson({self.person_id}, {self.name!r})"


def source_name(source: TinyPerson | str | None) -> str | None:
    """What people hear who something comes from: a person's name, or the text that stands for one."""
    if isinstance(source, TinyPerson):
        return source.name or source.person_id
    return None if source is None else a_text(source, "a source that is no person")


def _id_of(name: str | None, index: int) -> str:
    return person_id_from(name) if name else person_id_of(index)
