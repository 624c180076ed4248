"""Conditions of surveys: who is asked what, and in how many calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.doubles.studies import SETTINGS, person
from tests.unit.studies.conftest import ScriptedModel
from troupe_batch.errors import GaveUp
from troupe_batch.expressions.kinds import Kind
from troupe_batch.llm.chat import ChatRequest
from troupe_batch.studies import (
    Answer,
    AnswerStatus,
    LastTurns,
    MultiChoice,
    Numeric,
    OpenText,
    QuestionBlock,
    SingleChoice,
    SurveySpec,
    SurveyStudy,
    Unit,
    UnitOutcome,
)
from troupe_batch.studies.questions.when import Condition

FACTS = {"age": Kind("number", integer=True, low=18, high=90), "sex": Kind("category", ("f", "m"))}


def survey(spec: SurveySpec) -> SurveyStudy:
    return SurveyStudy(spec, seed=1, facts=lambda: FACTS)


def asked_in(request: ChatRequest) -> list[str]:
    assert request.reply_schema is not None
    return list(request.reply_schema.schema["properties"])


def run(spec: SurveySpec, says: Mapping[str, Any], **facts: Any) -> tuple[UnitOutcome, list[list[str]]]:
    """The outcome for somebody with these facts who says this, and the questions of each call."""
    model = ScriptedModel(lambda _, request: {name: says[name] for name in asked_in(request)})
    outcome = asyncio.run(survey(spec).run_unit(Unit(3, "p3.0", 3, 0), [person(3, **facts)], model, SETTINGS))
    return outcome, [asked_in(request) for request in model.requests]


def statuses(outcome: UnitOutcome) -> dict[str, str]:
    return {answer.question_id: answer.status for answer in outcome.answers}


DRINK = SingleChoice(id="drink", text="Which?", options=["Tea", "Coffee"])
HOME = OpenText(id="home", text="Where?")
CUPS = Numeric(id="cups", text="How many?", unit="cups", minimum=0, maximum=9, when="drink == 'Tea'")
WHY = OpenText(id="why", text="Why?")
SAYS = {"drink": "Tea", "home": "Here.", "cups": 3, "why": "Warm."}


def test_a_call_is_cut_only_before_a_question_whose_condition_reads_an_answer_of_it() -> None:
    spec = SurveySpec(questions=[DRINK, HOME, CUPS, WHY])

    outcome, calls = run(spec, SAYS)

    assert calls == [["drink", "home"], ["cups", "why"]]
    assert set(statuses(outcome).values()) == {"answered"}
    assert survey(spec).design.calls_per_unit == len(spec.calls) == 2


def test_who_is_not_asked_has_skipped_it_and_the_reason_says_why() -> None:
    outcome, calls = run(SurveySpec(questions=[DRINK, HOME, CUPS, WHY]), {**SAYS, "drink": "Coffee"})

    assert calls == [["drink", "home"], ["why"]]
    skipped = outcome.answers[2]
    assert (skipped.status, skipped.reason, skipped.call_key) == (
        "skipped",
        "asked only where drink == 'Tea'",
        None,
    )


def test_a_call_of_which_nothing_is_asked_is_not_made() -> None:
    outcome, calls = run(SurveySpec(questions=[DRINK, CUPS]), {"drink": "Coffee"})

    assert calls == [["drink"]]
    assert len(outcome.calls) == 1


def test_the_condition_of_a_block_holds_for_all_of_it_beside_their_own() -> None:
    block = QuestionBlock(
        id="tea",
        when=Condition(question="drink", is_="Tea"),
        questions=[CUPS.model_copy(update={"when": ()}), WHY.model_copy(update={"when": "cups > 1 and age >= 30"})],
    )
    spec = SurveySpec(blocks=[QuestionBlock(id="a", questions=[DRINK]), block], asking="block")

    young, _ = run(spec, SAYS, age=20)
    _, calls = run(spec, SAYS, age=40)
    neither, calls_of_neither = run(spec, {**SAYS, "drink": "Coffee"}, age=40)

    assert [answer.reason for answer in young.answers] == [None, None, "asked only where cups > 1 and age >= 30"]
    assert calls == [["drink"], ["cups"], ["why"]]
    assert calls_of_neither == [["drink"]]
    assert [answer.reason for answer in neither.answers[1:]] == ["asked only where drink is Tea"] * 2


def test_what_facts_decide_is_decided_before_the_call() -> None:
    why = WHY.model_copy(update={"when": "age >= 30 and drink == 'Tea'"})
    home = HOME.model_copy(update={"when": "sex == 'f'"})
    spec = SurveySpec(questions=[DRINK, why, home])

    _, calls_of_young = run(spec, SAYS, age=20, sex="f")
    _, calls_of_old = run(spec, SAYS, age=50, sex="m")

    assert calls_of_young == [["drink", "home"]]
    assert calls_of_old == [["drink"], ["why"]]


def test_a_skipped_question_is_no_failure_that_stops_the_rest() -> None:
    spec = SurveySpec(questions=[DRINK, CUPS, WHY], asking="question", on_failure="stop")

    outcome, _ = run(spec, {**SAYS, "drink": "Coffee"})

    assert statuses(outcome) == {"drink": "answered", "cups": "skipped", "why": "answered"}


def test_after_a_failure_that_stops_the_rest_nothing_of_it_is_asked_or_skipped() -> None:
    spec = SurveySpec(questions=[DRINK, CUPS, WHY], on_failure="stop")
    model = ScriptedModel(lambda *_: GaveUp("tried 6 times"))

    outcome = asyncio.run(survey(spec).run_unit(Unit(3, "p3.0", 3, 0), [person(3)], model, SETTINGS))

    assert statuses(outcome) == {"drink": "failed", "cups": "not_run", "why": "not_run"}


def test_an_answer_that_is_not_there_fits_no_condition_and_the_reason_says_how_it_ended() -> None:
    questions = [DRINK, CUPS, WHY.model_copy(update={"when": "not cups > 1"})]
    model = ScriptedModel(lambda number, _: GaveUp("tried 6 times") if number == 0 else {"why": "Warm."})

    outcome = asyncio.run(
        survey(SurveySpec(questions=questions)).run_unit(Unit(3, "p3.0", 3, 0), [person(3)], model, SETTINGS)
    )

    assert statuses(outcome) == {"drink": "failed", "cups": "skipped", "why": "answered"}
    assert outcome.answers[1].reason == "asked only where drink == 'Tea', and drink ended as failed"


@pytest.mark.parametrize(("memory", "remembered"), [("all", 2), (LastTurns(last=1), 1), ("none", 0)])
def test_a_call_after_a_cut_remembers_the_calls_before_it(memory: Any, remembered: int) -> None:
    questions = [DRINK, CUPS, WHY.model_copy(update={"when": "cups > 1"})]
    model = ScriptedModel(lambda _, request: {name: SAYS[name] for name in asked_in(request)})
    study = survey(SurveySpec(questions=questions, memory=memory))

    asyncio.run(study.run_unit(Unit(3, "p3.0", 3, 0), [person(3)], model, SETTINGS))

    assert [asked_in(request) for request in model.requests] == [["drink"], ["cups"], ["why"]]
    assert len(model.requests[-1].messages) == 2 + 2 * remembered


def test_conditions_on_facts_alone_let_calls_be_made_at_once_and_those_on_answers_do_not() -> None:
    barrier = asyncio.Barrier(2)

    class Both:
        async def complete(self, request: ChatRequest) -> Any:
            await barrier.wait()
            return await ScriptedModel(lambda *_: {name: SAYS[name] for name in asked_in(request)}).complete(request)

    why = WHY.model_copy(update={"when": "sex == 'f'"})
    spec = SurveySpec(questions=[DRINK, why, HOME], asking="question", memory="none")

    outcome = asyncio.run(survey(spec).run_unit(Unit(3, "p3.0", 3, 0), [person(3, sex="m")], Both(), SETTINGS))

    assert statuses(outcome) == {"drink": "answered", "why": "skipped", "home": "answered"}
    _, calls = run(SurveySpec(questions=[DRINK, CUPS], asking="question", memory="none"), SAYS)
    assert calls == [["drink"], ["cups"]]


def test_a_plan_asks_everything_of_everybody() -> None:
    study = survey(SurveySpec(questions=[DRINK, CUPS, WHY.model_copy(update={"when": "age < 18"})]))

    planned = study.planned_calls(Unit(3, "p3.0", 3, 0), [person(3, age=40)], SETTINGS)

    assert [asked_in(call.request) for call in planned] == [
        ["drink"],
        ["cups", "why"],
    ]


def test_options_keep_their_order_however_a_call_is_cut() -> None:
    brands = MultiChoice(id="brands", text="Which?", options=["a", "b", "c", "d", "e", "f"])
    says = {"drink": "Tea", "cups": 3, "brands": dict.fromkeys("abcdef", True)}

    whole, _ = run(SurveySpec(questions=[DRINK, CUPS.model_copy(update={"when": ()}), brands]), says)
    cut, calls = run(SurveySpec(questions=[DRINK, CUPS, brands]), says)

    assert calls == [["drink"], ["cups", "brands"]]
    assert [answer.option_order for answer in cut.answers] == [answer.option_order for answer in whole.answers]


def test_without_conditions_a_spec_is_written_as_it_was() -> None:
    spec = SurveySpec(blocks=[QuestionBlock(id="a", questions=[DRINK])])

    assert "when" not in spec.model_dump_json()
    with_condition = SurveySpec(questions=[DRINK, CUPS])
    assert SurveySpec.model_validate_json(with_condition.model_dump_json(by_alias=True)) == with_condition


# --- random surveys


@dataclass(frozen=True)
class Clause:
    """A condition as text, and what it comes to: None where that depends on answers that are not known."""

    text: str
    reads: frozenset[str]
    value: Callable[[Mapping[str, Any]], bool | None]


def _atom(text: str, name: str, test: Callable[[Any], bool]) -> Clause:
    def value(known: Mapping[str, Any]) -> bool | None:
        if name not in known:
            return None
        return known[name] is not None and test(known[name])

    return Clause(text, frozenset({name}), value)


def _atoms(earlier: Sequence[str]) -> list[Clause]:
    found = [
        _atom("age >= 40", "age", lambda age: age >= 40),
        _atom("sex == 'f'", "sex", lambda sex: sex == "f"),
    ]
    for name in earlier:
        if name.startswith("s"):
            found += [
                _atom(f"{name} == 'A'", name, lambda label: label == "A"),
                _atom(f"{name} not in ['A']", name, lambda label: label != "A"),
            ]
        elif name.startswith("m"):
            found.append(_atom(f"'A' in {name}", name, lambda labels: "A" in labels))
        else:
            found.append(_atom(f"{name} > 1", name, lambda number: number > 1))
    return found


def _not(one: Clause) -> Clause:
    def value(known: Mapping[str, Any]) -> bool | None:
        found = one.value(known)
        return None if found is None else not found

    return Clause(f"not ({one.text})", one.reads, value)


def _joined(operator: str, a: Clause, b: Clause) -> Clause:
    def value(known: Mapping[str, Any]) -> bool | None:
        found = [a.value(known), b.value(known)]
        decisive = operator == "or"
        if decisive in found:
            return decisive
        return None if None in found else not decisive

    return Clause(f"({a.text}) {operator} ({b.text})", a.reads | b.reads, value)


ALWAYS = Clause("", frozenset(), lambda _: True)


@dataclass(frozen=True)
class Drawn:
    """A random survey: its questions in blocks, each with its condition, and what a person says to all of them."""

    ids: tuple[str, ...]
    conditions: tuple[Clause, ...]
    blocks: tuple[tuple[Clause, int], ...]
    says: Mapping[str, Any]
    facts: Mapping[str, Any]

    def _forms(self) -> Iterator[Any]:
        for name, condition in zip(self.ids, self.conditions, strict=True):
            shared: dict[str, Any] = {"id": name, "text": "?", "when": condition.text or ()}
            if name.startswith("s"):
                yield SingleChoice(**shared, options=["A", "B"])
            elif name.startswith("m"):
                yield MultiChoice(**shared, options=["A", "B"])
            else:
                yield Numeric(**shared, unit="x", minimum=0, maximum=3, integer=True, dont_know="No idea")

    def spec(self, asking: str) -> SurveySpec:
        forms, blocks = list(self._forms()), []
        for number, (condition, size) in enumerate(self.blocks):
            part, forms = forms[:size], forms[size:]
            blocks.append(QuestionBlock(id=f"b{number}", when=condition.text or (), questions=part))
        return SurveySpec(blocks=blocks, asking=asking)

    def holds(self, place: int, known: Mapping[str, Any]) -> bool | None:
        block = [condition for condition, size in self.blocks for _ in range(size)][place]
        return _joined("and", block, self.conditions[place]).value(known)

    def outcome(self) -> dict[str, bool]:
        """Who is asked what, decided one by one."""
        known, asked = dict(self.facts), {}
        for place, name in enumerate(self.ids):
            asked[name] = self.holds(place, known) is True
            known[name] = _value(self.says[name]) if asked[name] else None
        return asked

    def least(self, groups: Sequence[Sequence[int]]) -> int:
        """The least number of calls, found by trying all ways to cut each group."""
        known, calls = dict(self.facts), 0
        for group in groups:
            tried = [self._calls(group, cuts, known) for cuts in product((False, True), repeat=len(group) - 1)]
            calls += min(count for count in tried if count is not None)
            asked = self.outcome()
            known |= {n: _value(self.says[n]) if asked[n] else None for n in (self.ids[i] for i in group)}
        return calls

    def _calls(self, group: Sequence[int], cuts: Sequence[bool], before: Mapping[str, Any]) -> int | None:
        """How many calls these cuts make; None where a condition would have to be decided too early."""
        known, coming, count = dict(before), dict[str, Any](), 0
        for place, is_cut in zip(group, (False, *cuts), strict=True):
            if is_cut:
                known, coming = {**known, **coming}, {}
            holds = self.holds(place, known)
            if holds is None:
                return None
            if holds:
                count += not coming
                coming[self.ids[place]] = _value(self.says[self.ids[place]])
            else:
                known[self.ids[place]] = None
        return count


def _value(said: Any) -> Any:
    return [label for label, is_taken in said.items() if is_taken] if isinstance(said, dict) else said


@st.composite
def surveys(draw: st.DrawFn) -> Drawn:
    count = draw(st.integers(1, 6))
    ids = tuple(f"{draw(st.sampled_from('smn'))}{place}" for place in range(count))

    def condition(earlier: Sequence[str]) -> Clause:
        if draw(st.booleans()):
            return ALWAYS
        found = draw(st.sampled_from(_atoms(earlier)))
        for _ in range(draw(st.integers(0, 2))):
            match draw(st.sampled_from(("not", "and", "or"))):
                case "not":
                    found = _not(found)
                case operator:
                    found = _joined(operator, found, draw(st.sampled_from(_atoms(earlier))))
        return found

    blocks, place = list[tuple[Clause, int]](), 0
    while place < count:
        size = draw(st.integers(1, count - place))
        blocks.append((condition(ids[:place]), size))
        place += size
    says = {
        "s": st.sampled_from("AB"),
        "m": st.fixed_dictionaries({"A": st.booleans(), "B": st.booleans()}),
        "n": st.one_of(st.none(), st.integers(0, 3)),
    }
    return Drawn(
        ids,
        tuple(condition(ids[:place]) for place in range(count)),
        tuple(blocks),
        {name: draw(says[name[0]]) for name in ids},
        {"age": draw(st.sampled_from((20, 60))), "sex": draw(st.sampled_from("fm"))},
    )


@given(surveys(), st.sampled_from(("questionnaire", "block", "question")))
@examples(max_examples=200, deadline=None)
def test_a_question_is_asked_exactly_where_its_condition_holds_and_in_the_fewest_calls(
    drawn: Drawn, asking: str
) -> None:
    spec = drawn.spec(asking)
    assert list(spec.mistakes()) == []
    assert list(spec.fact_mistakes(FACTS)) == []

    outcome, calls = run(spec, drawn.says, **drawn.facts)

    asked = drawn.outcome()
    assert statuses(outcome) == {name: "answered" if asked[name] else "skipped" for name in drawn.ids}
    assert [name for call in calls for name in call] == [name for name in drawn.ids if asked[name]]
    groups = [[drawn.ids.index(question.id) for question in group] for group in spec.groups]
    assert len(calls) == drawn.least(groups) <= len(spec.calls)
    _no_condition_was_decided_too_early(drawn, calls, asked)


def _no_condition_was_decided_too_early(drawn: Drawn, calls: list[list[str]], asked: Mapping[str, bool]) -> None:
    known = dict(drawn.facts)
    for call in calls:
        last = max(drawn.ids.index(name) for name in call)
        for place in range(last + 1):
            name = drawn.ids[place]
            if name in known:
                continue
            assert drawn.holds(place, known) is asked[name]
            if not asked[name]:
                known[name] = None
        known |= {name: _value(drawn.says[name]) for name in call}


def test_a_condition_on_a_skipped_question_does_not_hold() -> None:
    spec = SurveySpec(questions=[DRINK, CUPS, WHY.model_copy(update={"when": "cups >= 0"})])

    outcome, _ = run(spec, {"drink": "Coffee"})

    assert outcome.answers[2].reason == "asked only where cups >= 0, and cups ended as skipped"


def test_absent_answers_are_one_per_question_whatever_their_conditions() -> None:
    study = survey(SurveySpec(questions=[DRINK, CUPS, WHY]))

    found: tuple[Answer, ...] = study.absent(Unit(3, "p3.0", 3, 0), AnswerStatus.NOT_RUN, "stopped")

    assert [answer.question_id for answer in found] == ["drink", "cups", "why"]
