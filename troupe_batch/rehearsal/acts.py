"""People who act: an ordered list of actions and a state of mind, made up for a reply schema named `act`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from troupe_batch.rehearsal.act_specs import DONE, REACH_OUT, TALK, THINK, Acts, SpokenLine
from troupe_batch.rehearsal.deeds import is_look_up, texts_of
from troupe_batch.rehearsal.instances import resolved
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import Refused, ReplyPart
from troupe_batch.rehearsal.scene import action_that_showed, question_put
from troupe_batch.rehearsal.thoughts import FieldMaker, field_of, state_of_mind
from troupe_batch.seeded import DrawStream, weighted_index
from troupe_batch.truths.strings import MARK, sentence
from troupe_batch.truths.text import TextQuestion, filled
from troupe_batch.truths.truth import QuestionTruth

ACT = "act"
ACTIONS = "actions"
STATE = "cognitive_state"


_NOTHING: Mapping[str, str | None] = MappingProxyType({})

ActionFields = dict[str, Any]


def act_parts(schema: dict[str, Any], acts: Acts, questions: Mapping[str, QuestionTruth]) -> Mapping[str, ReplyPart]:
    """Makers of the actions and the state of mind; none where the schema has no list of actions that ends in DONE.

    An open question that has no property of its own in the reply is answered aloud.
    """
    nodes = schema.get("properties", {})
    node = resolved(schema, nodes.get(ACTIONS, {}))
    variants = _variants(schema, node)
    most = node.get("maxItems")
    if DONE not in variants or node.get("minItems", 0) > 1 or (most is not None and most < 1):
        return {}
    spoken = {name: one for name, one in questions.items() if isinstance(one, TextQuestion) and name not in nodes}
    parts = {ACTIONS: ReplyPart(Actor(variants, acts, most, spoken).actions, acts.refusal_rate)}
    if STATE in nodes and (state := resolved(schema, nodes[STATE])).get("type") == "object":
        parts[STATE] = ReplyPart(state_of_mind(state, schema))
    return parts


class Actor:
    """Makes the actions of one act, each with a chance of its own; `most` is how many there may be, DONE included."""

    def __init__(
        self, variants: Mapping[str, Variant], acts: Acts, most: float | None, spoken: Mapping[str, TextQuestion]
    ) -> None:
        self._variants = variants
        self._spoken = spoken
        self._acts = acts
        self._room = None if most is None else int(most) - 1
        self._lines = SpokenLines(acts)
        faculties = [(name, acts.rate_of(name)) for name in variants if name not in (THINK, TALK, REACH_OUT, DONE)]
        look_ups = [(name, rate) for name, rate in faculties if is_look_up(name)]
        # At most one of them in an act, so together they can have no more than all acts.
        most_acts = max(1.0, sum(rate for _, rate in look_ups))
        self._look_ups = [(name, rate / most_acts) for name, rate in look_ups]
        self._deeds = [(name, rate) for name, rate in faculties if not is_look_up(name)]

    def actions(self, prompt: Prompt, draws: DrawStream) -> list[ActionFields]:
        """An ordered list that ends in its only DONE."""
        actions = []
        if self._happens(THINK, self._acts.think, draws):
            actions.append(self._action(THINK, draws, {"content": sentence(draws)}))
        look_up = self._look_up(prompt, draws)
        # What it brings is seen within the act, so nothing is said or done before it is there.
        actions += self._deeds_and_words(prompt, draws) if look_up is None else [look_up]
        return [*actions[: self._room], self._action(DONE, draws)]

    def _deeds_and_words(self, prompt: Prompt, draws: DrawStream) -> list[ActionFields]:
        actions = []
        if TALK in self._variants and (said := self._said(prompt, draws)) is not None:
            names = () if draws.uniform() < self._acts.to_everyone else prompt.in_reach
            target = draws.choice(names) if names else None
            actions.append(self._action(TALK, draws, {"target": target, "content": said}))
        for name, rate in self._deeds:
            # One that has just shown something is not done once more in the act that goes on for it.
            is_due = draws.uniform() < rate and action_that_showed(prompt.texts) != name
            if is_due and (deed := self._deed(name, prompt, draws)):
                actions.append(deed)
        if self._happens(REACH_OUT, self._acts.reach_out, draws) and (names := prompt.in_reach):
            actions.append(self._action(REACH_OUT, draws, {"target": draws.choice(names), "content": sentence(draws)}))
        return actions

    def _happens(self, name: str, rate: float, draws: DrawStream) -> bool:
        return name in self._variants and draws.uniform() < rate

    def _said(self, prompt: Prompt, draws: DrawStream) -> str | None:
        """The answer to an open question that is put now, else one of the lines; None where nothing is said."""
        if self._spoken and (name := question_put(prompt.texts, self._spoken)):
            return _aloud(self._spoken[name], prompt, draws)
        return self._lines.said(prompt, draws) if draws.uniform() < self._acts.talk else None

    def _look_up(self, prompt: Prompt, draws: DrawStream) -> ActionFields | None:
        """What is looked up, seldom anything; never twice in a row, or the act would not come to its end."""
        if not self._look_ups or (name := self._looked_for(draws.uniform())) is None:
            return None
        return None if action_that_showed(prompt.texts) else self._deed(name, prompt, draws)

    def _looked_for(self, u: float) -> str | None:
        for name, rate in self._look_ups:
            if u < rate:
                return name
            u -= rate
        return None

    def _deed(self, name: str, prompt: Prompt, draws: DrawStream) -> ActionFields | None:
        texts = texts_of(name, self._variants[name].fields, prompt, draws)
        return None if texts is None else self._action(name, draws, texts)

    def _action(self, name: str, draws: DrawStream, texts: Mapping[str, str | None] = _NOTHING) -> ActionFields:
        fields = self._variants[name].fields
        return {"type": name} | {field: make(texts.get(field), draws) for field, make in fields.items()}


def _aloud(truth: TextQuestion, prompt: Prompt, draws: DrawStream) -> str:
    if draws.uniform() < truth.refusal_rate:
        raise Refused
    if truth.dont_know and draws.uniform() < truth.dont_know.rate:
        return MARK + truth.dont_know.label
    return truth.said(prompt, draws)


class SpokenLines:
    """Lines that people say: for whom, how often, and with what to fill in."""

    def __init__(self, acts: Acts) -> None:
        written = [line if isinstance(line, SpokenLine) else SpokenLine(text=line) for line in acts.lines]
        self._lines = [line for line in written if line.weight]
        self._words = acts.words

    def said(self, prompt: Prompt, draws: DrawStream) -> str:
        """One fitting line, filled in and marked; a sentence that says little where none fits."""
        facts, material = prompt.facts, prompt.material
        fitting = [line for line in self._lines if line.fits(facts, material, self._words)]
        if not fitting:
            return sentence(draws)
        chosen = weighted_index([line.weight for line in fitting], draws.uniform())
        return MARK + filled(fitting[chosen].text, facts, self._words, draws)


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of action: the makers of its fields beside `type`."""

    fields: Mapping[str, FieldMaker]


def _variants(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Variant]:
    """The form of each type of action; empty where the schema is not one of a list of actions."""
    items = node.get("items", {}) if node.get("type") == "array" else {}
    variants: dict[str, Variant] = {}
    for written in items.get("anyOf", [items]):
        branch = resolved(root, written)
        properties = branch.get("properties", {})
        kind = properties.get("type", {})
        names = kind.get("enum", [kind["const"]] if "const" in kind else [])
        if not names or not all(isinstance(name, str) for name in names):
            return {}
        variant = Variant({field: field_of(child, root) for field, child in properties.items() if field != "type"})
        variants |= dict.fromkeys(names, variant)
    return variants
