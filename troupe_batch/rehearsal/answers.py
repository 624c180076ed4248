"""Makers of answers: one per question, compiled once from its schema and its behaviour, used for every request."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from troupe_batch.rehearsal.behaviour import Behaviour, Choice, Multi, Number, Text
from troupe_batch.rehearsal.draws import Draws
from troupe_batch.rehearsal.instances import compile_instances
from troupe_batch.rehearsal.numbers import is_within, number_maker
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.strict_schema import SchemaRejected
from troupe_batch.rehearsal.strings import MARK, sentence
from troupe_batch.seeded import weighted_index

DONT_KNOW = "dont_know"

AnswerMaker = Callable[[Prompt, Draws], Any]

_SOME_DONT_KNOW = 0.05
_SOME_ALONE = 0.15
_MOST_LISTED = 5
_VERY_MANY = 100
_RULES_OUT_OTHERS = re.compile(r"(none|never|nothing|neither|no one|not any)\b", re.IGNORECASE)


def answer_maker(
    question_id: str, node: dict[str, Any], root: dict[str, Any], behaviour: Behaviour | None
) -> AnswerMaker:
    """How a property is answered that has this schema; SchemaRejected where the behaviour answers otherwise."""
    if behaviour is None:
        return plain_maker(node, root, question_id)
    if isinstance(behaviour, Choice) and (labels := _enum_of(node)):
        _check_labels(question_id, behaviour, labels)
        return _picking(question_id, behaviour, labels)
    if isinstance(behaviour, Choice) and _is_percentages(node):
        _check_labels(question_id, behaviour, list(node["properties"]))
        return _stating(question_id, behaviour, list(node["properties"]))
    listed = _listed_in(node)
    if isinstance(behaviour, Multi) and (names := listed or (_is_yes_no(node) and list(node["properties"]))):
        options = [name for name in names if name != DONT_KNOW]
        _check_labels(question_id, behaviour, options)
        ticking = _ticking(question_id, behaviour, options, offers_dont_know=DONT_KNOW in names)
        return _as_list(ticking) if listed else ticking
    core = without_null(node)
    if isinstance(behaviour, Number) and core.get("type") in ("number", "integer") and "enum" not in core:
        return _counting(behaviour, core, offers_dont_know=core is not node)
    if isinstance(behaviour, Text) and core.get("type") == "string" and "enum" not in core:
        return _writing(behaviour, offers_dont_know=core is not node)
    kind = type(behaviour).__name__.lower()
    raise SchemaRejected(f"question {question_id!r} is {kind} in the respondent file, and the schema asks otherwise")


def field_maker(name: str, node: dict[str, Any], root: dict[str, Any], behaviour: Behaviour | None) -> AnswerMaker:
    """As for a question, and a choice may also be yes or no, or null where it says don't know."""
    core = without_null(node)
    if not isinstance(behaviour, Choice):
        return answer_maker(name, node, root, behaviour)
    is_yes_no = core.get("type") == "boolean"
    labels = ["yes", "no"] if is_yes_no else _enum_of(core)
    if not labels:
        return answer_maker(name, node, root, behaviour)
    _check_labels(name, behaviour, labels)
    pick = _picking(name, behaviour, labels)
    rate = behaviour.dont_know.rate if behaviour.dont_know and core is not node else 0.0

    def make(prompt: Prompt, draws: Draws) -> str | bool | None:
        if draws.uniform() < rate:
            return None
        label: str = pick(prompt, draws)
        return label == "yes" if is_yes_no else label

    return make


def _picking(question_id: str, behaviour: Choice, labels: Sequence[str]) -> AnswerMaker:
    def make(prompt: Prompt, draws: Draws) -> str:
        shown = prompt.shown(question_id, labels)
        return shown[weighted_index(behaviour.probabilities(prompt.facts, prompt.material, shown), draws.uniform())]

    return make


def _stating(question_id: str, behaviour: Choice, labels: Sequence[str]) -> AnswerMaker:
    def make(prompt: Prompt, _draws: Draws) -> dict[str, int]:
        shown = prompt.shown(question_id, labels)
        stated = dict(
            zip(shown, percentages(behaviour.probabilities(prompt.facts, prompt.material, shown)), strict=True)
        )
        return {label: stated[label] for label in labels}

    return make


def _ticking(question_id: str, behaviour: Multi, options: Sequence[str], *, offers_dont_know: bool) -> AnswerMaker:
    rate = behaviour.dont_know.rate if behaviour.dont_know and offers_dont_know else 0.0

    def make(prompt: Prompt, draws: Draws) -> dict[str, bool]:
        shown = prompt.shown(question_id, options)
        knows = draws.uniform() >= rate
        chances = behaviour.probabilities(prompt.facts, prompt.material, shown)
        ruled = prompt.stand_alone(question_id, options)
        taken = behaviour.taken(dict(zip(shown, chances, strict=True)), draws, ruled)
        answer = {option: taken[option] and knows for option in options}
        return {**answer, DONT_KNOW: not knows} if offers_dont_know else answer

    return make


def _counting(behaviour: Number, node: dict[str, Any], *, offers_dont_know: bool) -> AnswerMaker:
    rate = behaviour.dont_know.rate if behaviour.dont_know and offers_dont_know else 0.0
    decimals = None if node.get("type") == "integer" else behaviour.decimals
    valid = number_maker(node)

    def make(prompt: Prompt, draws: Draws) -> float | None:
        if draws.uniform() < rate:
            return None
        number = behaviour.quantile(prompt.facts, prompt.material, draws.uniform())
        number = round(min(max(number, node.get("minimum", number)), node.get("maximum", number)), decimals)
        # Rounding or an exclusive bound can leave the range; then the schema wins over the behaviour.
        return number if is_within(number, node) and "multipleOf" not in node else valid(draws)

    return make


def _writing(behaviour: Text, *, offers_dont_know: bool) -> AnswerMaker:
    rate = behaviour.dont_know.rate if behaviour.dont_know and offers_dont_know else 0.0

    def make(prompt: Prompt, draws: Draws) -> str | None:
        if draws.uniform() < rate:
            return None
        text = behaviour.text(prompt.facts, prompt.material, draws)
        return sentence(draws) if text is None else MARK + text

    return make


def plain_maker(node: dict[str, Any], root: dict[str, Any], question_id: str = "") -> AnswerMaker:
    """Valid answers without a respondent file: nothing is known about the question but its form."""
    if _is_percentages(node):
        labels = list(node["properties"])

        def state(_prompt: Prompt, draws: Draws) -> dict[str, int]:
            weights = [draws.uniform() + 0.01 for _ in labels]
            total = sum(weights)
            return dict(zip(labels, percentages([weight / total for weight in weights]), strict=True))

        return state
    if _is_yes_no(node):
        return _ticking_at_random(question_id, list(node["properties"]))
    if names := _listed_in(node):
        return _listing_at_random(question_id, names)
    core = without_null(node)
    make = compile_instances(core, root)
    rate = 0.0 if core is node else _SOME_DONT_KNOW
    return lambda _prompt, draws: None if draws.uniform() < rate else make(draws)


def _ticking_at_random(question_id: str, names: Sequence[str]) -> AnswerMaker:
    """Yes or no at even odds, but never don't know or what rules out the others beside another option."""
    options = [name for name in names if name != DONT_KNOW]

    def make(prompt: Prompt, draws: Draws) -> dict[str, bool]:
        exclusive = _alone(prompt, question_id, options)
        drawn = {option: draws.uniform() < 0.5 for option in options}
        alone = next((option for option in exclusive if draws.uniform() < _SOME_ALONE), None)
        if len(names) > len(options) and draws.uniform() < _SOME_DONT_KNOW:
            alone = DONT_KNOW
        if alone is not None:
            return {name: name == alone for name in names}
        return {name: drawn.get(name, False) and name not in exclusive for name in names}

    return make


def _listing_at_random(question_id: str, names: Sequence[str]) -> AnswerMaker:
    """A few of many options, but never don't know or what rules out the others beside another one."""

    def make(prompt: Prompt, draws: Draws) -> list[str]:
        exclusive = [*_alone(prompt, question_id, names), *([DONT_KNOW] if DONT_KNOW in names else [])]
        options = [name for name in names if name not in exclusive]
        if exclusive and (draws.uniform() < _SOME_ALONE or not options):
            return [draws.choice(exclusive)]
        return list(dict.fromkeys(draws.choice(options) for _ in range(draws.below(_MOST_LISTED + 1))))

    return make


def _alone(prompt: Prompt, question_id: str, names: Sequence[str]) -> list[str]:
    """Options that rule out all others: those of which the prompt says so, and those whose wording does."""
    ruled = prompt.stand_alone(question_id, names)
    return [name for name in names if name in ruled or _RULES_OUT_OTHERS.match(name)]


def _as_list(ticking: AnswerMaker) -> AnswerMaker:
    return lambda prompt, draws: [name for name, is_taken in ticking(prompt, draws).items() if is_taken]


def percentages(probabilities: Sequence[float]) -> list[int]:
    """The probabilities in whole percent that sum to exactly 100 (largest remainders)."""
    exact = [100 * p for p in probabilities]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: whole[index] - exact[index])
    for index in by_remainder[: 100 - sum(whole)]:
        whole[index] += 1
    return whole


def _check_labels(question_id: str, behaviour: Choice | Multi, labels: Sequence[str]) -> None:
    if problem := behaviour.problem(labels):
        raise SchemaRejected(f"question {question_id!r}: {problem}")


def _enum_of(node: dict[str, Any]) -> list[str] | None:
    values = node.get("enum", [node["const"]] if "const" in node else None)
    return list(values) if values and all(isinstance(value, str) for value in values) else None


def without_null(node: dict[str, Any]) -> dict[str, Any]:
    """The schema beside null where null stands for don't know; the very same object where null is not allowed."""
    kinds = node.get("type")
    if isinstance(kinds, list) and len(kinds) == 2 and "null" in kinds and "enum" not in node:
        return {**node, "type": next(kind for kind in kinds if kind != "null")}
    branches = node.get("anyOf", [])
    if len(branches) == 2 and {"type": "null"} in branches:
        return dict(next((branch for branch in branches if branch != {"type": "null"}), branches[0]))
    return node


def _is_percentages(node: dict[str, Any]) -> bool:
    return _all_properties(
        node, lambda p: p.get("type") == "integer" and p.get("maximum") == 100 and p.get("minimum") == 0
    )


def _is_yes_no(node: dict[str, Any]) -> bool:
    return _all_properties(node, lambda p: p.get("type") == "boolean" and "enum" not in p and "const" not in p)


def _listed_in(node: dict[str, Any]) -> list[str] | None:
    """The options where a survey asks which of very many are picked; None where it asks for anything else."""
    items = node.get("items") if node.get("type") == "array" else None
    names = _enum_of(items) if isinstance(items, dict) else None
    return names if names and len(names) > _VERY_MANY else None


def _all_properties(node: dict[str, Any], holds: Callable[[dict[str, Any]], bool]) -> bool:
    properties: dict[str, dict[str, Any]] = node.get("properties", {})
    return node.get("type") == "object" and bool(properties) and all(map(holds, properties.values()))
