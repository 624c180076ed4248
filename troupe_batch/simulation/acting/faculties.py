"""Faculties: what people can do beyond talking and thinking. They bring actions of their own, and carry them out."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np

from troupe_batch.errors import FixTheInput, RecordAndGoOn, TroupeError
from troupe_batch.persona.block import one_line
from troupe_batch.simulation.arguments import all_of
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.documents import Document
from troupe_batch.simulation.record.events import Action, ActionKind, Event, EventKind, EventStatus
from troupe_batch.spec_files import did_you_mean

_LOG = logging.getLogger(__name__)

_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")
_FIELD = re.compile(r"[a-z][a-z0-9_]*")


_NAMES_SHOWN = 30
_SEEN_FIRST = (
    "State what is in a document only after you have seen it by CONSULT; what it does not say, you do not know from it."
)


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action as people are told of it: its name, one line on what it does, and field -> what goes into it.

    `target` and `content` arrive as those of the Action, every other field in its `details`.
    """

    type: str
    description: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.type, self.description, *sorted(self.fields.items())))

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.type) or self.type in set(ActionKind):
            raise FixTheInput(
                f"an action cannot be named {self.type!r}; use capitals, digits and _ (ORDER_TAXI), and none of "
                f"{', '.join(ActionKind)}"
            )
        for name in self.fields:
            if not _FIELD.fullmatch(name) or name == "type":
                raise FixTheInput(
                    f"{self.type}: a field cannot be named {name!r}; use small letters, digits and _, and not `type`"
                )


class Faculty(Protocol):
    """Something that a person is able to do. One object may serve many people, so it keeps nothing of any of them."""

    @property
    def actions(self) -> tuple[ActionSpec, ...]:
        """What it adds to the actions of a person; always the same."""
        ...

    @property
    def constraints(self) -> str:
        """Lines for the prompt on how to use it; may be empty."""
        ...

    async def perform(self, person: Person, action: Action) -> str | None:
        """Carry the action out. A text is seen by the person within the same act; None: there is nothing to see.

        FacultyFailed where it cannot be done; what a model raises passes through.
        """
        ...


class FacultyFailed(Exception):
    """An action could not be carried out; the message tells the person why. `carry_out` makes a result of it."""


async def carry_out(
    faculties: Sequence[Faculty], person: Person, action: Action, call_key: str | None = None
) -> str | None:
    """What the action brings the person to see. One that fails, or nobody knows, is a result that says so, and a row.

    `call_key` is the hex key of the reply that brought the action, for that row.
    Raises only errors of the tree: what the model raised, or what the user is to mend.
    """
    faculty = next((one for one in faculties if any(spec.type == action.type for spec in one.actions)), None)
    try:
        if faculty is None:
            raise FacultyFailed("you cannot do this")  # noqa: TRY301 -- one way of failing for all reasons
        return await faculty.perform(person, action)
    except FacultyFailed as error:
        reason = str(error)
    except TroupeError:
        raise
    except Exception as error:  # noqa: BLE001 -- a boundary: faculties are users' code, and one must not end the world
        reason = f"{type(error).__name__}: {error}"
        facts = {"action": "faculty_failed", "type": action.type, "error": type(error).__name__}
        _LOG.warning("A faculty failed with an error of its own", extra=facts)
    journal_failure(person, action, reason, call_key)
    return f"{action.type} failed: {reason}"


def journal_failure(person: Person, action: Action, reason: str, call_key: str | None = None) -> None:
    """Put on record that an action of the person failed, and why."""
    failed = EventStatus.FAILED
    event = Event(EventKind.FAILURE, action.type, action.content, person.person_id, person.name, status=failed)
    event.details, event.reason, event.call_key = action.details, reason, call_key
    person.journal.add(event)


class RecallFaculty:
    """RECALL: a person searches what they know for what they try to remember."""

    actions = (
        ActionSpec(
            "RECALL",
            "search your memory of earlier times; what you find is shown to you before you go on",
            {"content": "what you try to remember, in a few words"},
        ),
    )
    constraints = "Use RECALL before you speak of earlier times that your memory above does not show."

    def __init__(self, *, most: int = 5, least_similarity: float = 0.2) -> None:
        """`least_similarity` is the cosine below which a fact is not what was looked for; it depends on the model."""
        self._most = most
        self._least_similarity = least_similarity

    async def perform(self, person: Person, action: Action) -> str:
        """The facts nearest to what the person tries to remember, or that there are none."""
        wanted = " ".join((action.content or "").split())
        if not wanted:
            raise FacultyFailed("say what you try to remember")
        memory = person.semantic
        found = await memory.retrieve(person.mind, wanted, self._most, least_similarity=self._least_similarity)
        if not found:
            return f"You remember nothing about: {wanted}"
        return "\n".join([f"You remember about: {wanted}", *(f"- {one.fact}" for one in found)])


class GroundingFaculty:
    """CONSULT and LIST_DOCUMENTS: a person looks into the documents at hand.

    A document of up to `longest` characters is shown whole; of a longer one as many passages as fit, those nearest to
    what the person looks for, in their own order.
    """

    actions = (
        ActionSpec(
            "CONSULT",
            "look into one of your documents; what it says is shown to you before you go on",
            {"target": "name of the document", "content": "what you look for in it"},
        ),
        ActionSpec("LIST_DOCUMENTS", "see the names of the documents that you have"),
    )

    def __init__(self, documents: Sequence[Document], *, longest: int = 4_000) -> None:
        self.documents = all_of(Document, documents, "read files with `read_documents(paths)`")
        self._by_name = {document.name.casefold(): document for document in self.documents}
        self._longest = longest
        if len(self._by_name) < len(self.documents):
            raise FixTheInput("two documents have the same name; give each a name of its own")

    @property
    def constraints(self) -> str:
        """The names of the documents, and that what they say must be looked up."""
        names = [f"- {one_line(document.name)}" for document in self.documents[:_NAMES_SHOWN]]
        more = len(self.documents) - len(names)
        rest = [f"(and {more} more: LIST_DOCUMENTS)"] if more else []
        return "\n".join([_SEEN_FIRST, *(["Your documents:", *names, *rest] if names else [])])

    @property
    def is_searched(self) -> bool:
        """Whether a document is too long to be shown whole."""
        return any(len(document.text) > self._longest for document in self.documents)

    async def perform(self, person: Person, action: Action) -> str:
        """The document, its passages that matter, or the list of all."""
        if action.type == "LIST_DOCUMENTS":
            names = (f"- {document.name}" for document in self.documents)
            return "\n".join(["Your documents:", *names]) if self.documents else "You have no documents."
        document = self._named(action.target or "")
        if len(document.text) <= self._longest:
            return f"{document.name} says:\n{document.text}"
        return await self._excerpt(person.mind, document, " ".join((action.content or "").split()))

    def _named(self, name: str) -> Document:
        wanted = name.strip().casefold()
        # People leave out the ending of a file.
        endless = [d for key, d in self._by_name.items() if key.rpartition(".")[0] == wanted]
        found = self._by_name.get(wanted) or (endless[0] if len(endless) == 1 else None)
        if found is None:
            known = [document.name for document in self.documents]
            raise FacultyFailed(f"there is no document {name.strip()!r}; {did_you_mean(name, known)}")
        return found

    async def _excerpt(self, mind: Mind, document: Document, wanted: str) -> str:
        passages = document.passages
        order: Sequence[int] = range(len(passages))
        if wanted:
            vectors = await mind.embed([*passages, wanted])
            order = np.argsort(-(vectors[:-1] @ vectors[-1]), kind="stable").tolist()
        shown = sorted(order[: self._how_many(passages, order)])
        which = f"those nearest to: {wanted}" if wanted else "the first ones"
        note = f"({len(shown)} of {len(passages)} passages, {which}. The others are left out.)"
        return "\n".join([f"{document.name} says:", "\n[...]\n".join(passages[i] for i in shown), note])

    def _how_many(self, passages: Sequence[str], order: Sequence[int]) -> int:
        lengths = np.cumsum([len(passages[i]) for i in order])
        return max(1, int(np.searchsorted(lengths, self._longest, side="right")))


CustomFunction: TypeAlias = Callable[[Any, Action], Awaitable[str | None] | str | None]
"""(person, action) -> what the person sees, or None; may be async."""


class CustomFaculty:
    """Actions of your own, and the function that carries them out: sync or async, and told which action it is.

    A function that raises has failed: `carry_out` tells the person, and puts the reason on record. Only what stops the
    run, has it go on later, or is the user's to mend, passes through.
    """

    def __init__(
        self, actions: ActionSpec | Sequence[ActionSpec], function: CustomFunction, *, constraints: str = ""
    ) -> None:
        self.actions = (actions,) if isinstance(actions, ActionSpec) else tuple(actions)
        self.constraints = constraints
        self._function = function

    async def perform(self, person: Person, action: Action) -> str | None:
        """What the function gives back: a text for the person to see, or None."""
        try:
            result = self._function(person, action)
            if inspect.isawaitable(result):
                result = await result
        except RecordAndGoOn as error:
            # A call of the function's own failed, which need not end the act of the person.
            raise FacultyFailed(str(error)) from error
        if result is not None and not isinstance(result, str):
            raise FacultyFailed(f"its function gave back {type(result).__name__} where a text or None is due")
        return result
