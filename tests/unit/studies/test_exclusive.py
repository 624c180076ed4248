"""Options that rule out all others: people are told so, and a rehearsal keeps to it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from troupe_batch.llm.chat import Endpoint, Parameters
from troupe_batch.persona import Persona
from troupe_batch.rehearsal.conduct import Conduct
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.respondents import Respondents
from troupe_batch.seeded import stream
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies import MultiChoice, SurveySpec, SurveyStudy, Unit, UnitSettings
from troupe_batch.studies.study import Answer, AnswerStatus

LABELS = ["Tea", "I skip it <altogether>", 'What my "gran" makes', "Coffee"]
FEW = {"id": "q", "text": "Which?\n- one\n- two", "options": LABELS}
LONG = {"id": "q", "text": "Which?", "options": [f"{number:04} town" for number in range(300)]}
BY_CODE = {"id": "q", "text": "Which?", "options": [f"{number:04} {'x' * 95}" for number in range(300)]}
UNIT = Unit(index=0, unit_id="u", case=0, replicate=0, arm=None)


def study_of(question: MultiChoice) -> SurveyStudy:
    return SurveyStudy(SurveySpec(questions=[question]), seed=3)


def rehearsed(question: MultiChoice, conduct: Conduct, count: int) -> list[Answer]:
    """The answers of a rehearsal, draw after draw."""
    study = study_of(question)
    person = TinyPerson.cast(0, Persona({"name": "Ann"}), {})
    [call] = study.planned_calls(UNIT, [person], UnitSettings(Endpoint("test", "m"), Parameters()))
    request = call.request
    assert request.reply_schema is not None
    plan = conduct.plan("answers", dict(request.reply_schema.schema), is_strict=True)
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    [group] = study._instrument.groups
    shown = group.asked_of(UNIT).shown
    return [group.read(plan.reply(Prompt(messages), stream(n)), shown, UNIT)[0] for n in range(count)]


@pytest.mark.parametrize("dont_know", [None, "No idea"])
@pytest.mark.parametrize("fields", [FEW, LONG, BY_CODE])
def test_a_rehearsal_never_sets_anything_beside_what_rules_out_the_others(
    fields: dict[str, Any], dont_know: str | None
) -> None:
    exclusive = fields["options"][1:3] if fields is FEW else fields["options"][:200]
    question = MultiChoice(**fields, exclusive=exclusive, dont_know=dont_know)

    answers = rehearsed(question, Conduct(), 300)

    assert {answer.status for answer in answers} == {AnswerStatus.ANSWERED}
    chosen = [answer.selected for answer in answers if answer.selected]
    assert any(len(one) > 1 for one in chosen)
    assert any(one[0] in exclusive for one in chosen)


def test_respondents_of_a_file_keep_to_a_rule_that_only_the_job_states() -> None:
    base = dict.fromkeys(LABELS, 0.6)
    respondents = Respondents.model_validate(
        {"schema": "troupe_batch/respondents/1", "questions": {"q": {"type": "multi", "base": base}}}
    )
    question = MultiChoice(**FEW, exclusive=LABELS[1:2])

    answers = rehearsed(question, Conduct.of(respondents), 300)

    assert {answer.status for answer in answers} == {AnswerStatus.ANSWERED}
    assert {answer.selected for answer in answers if LABELS[1] in (answer.selected or ())} == {(LABELS[1],)}


@given(data=st.data())
@hypothesis_settings(deadline=None)
def test_any_labels_that_rule_out_others_are_told_and_read_back(data: st.DataObject) -> None:
    letters = st.text(st.sampled_from('ab <>&"():.-'), min_size=1, max_size=8).map(lambda text: f"x{text}".strip())
    labels = data.draw(st.lists(letters, min_size=2, max_size=5, unique_by=lambda text: " ".join(text.split())))
    exclusive = data.draw(st.lists(st.sampled_from(labels), min_size=1, max_size=3, unique=True))
    question = MultiChoice(id="q", text="Which?", options=labels, exclusive=exclusive)

    answers = rehearsed(question, Conduct(), 20)

    assert {answer.status for answer in answers} == {AnswerStatus.ANSWERED}


def test_the_rule_is_told_with_the_question_by_the_names_that_a_reply_gives() -> None:
    few = MultiChoice(**FEW, exclusive=LABELS[1:3], dont_know="No idea")
    by_code = MultiChoice(**BY_CODE, exclusive=BY_CODE["options"][7:8])

    told, told_by_code = (study_of(one)._instrument.groups[0].asked_of(UNIT).shown[0].text for one in (few, by_code))

    assert f'\n("{LABELS[1]}" stands alone: yes to it is no to every other option.)\n' in told
    assert f'\n("{LABELS[2]}" stands alone: yes to it is no to every other option.)\n' in told
    assert '(Yes or no for each option. For "No idea", set dont_know to true' in told
    assert '\n("8" stands alone: whoever ticks it ticks nothing else.)\n' in told_by_code


def test_without_the_rule_neither_prompt_nor_digests_change() -> None:
    plain, ruled = MultiChoice(**FEW), MultiChoice(**FEW, exclusive=LABELS[1:2])

    texts = [study_of(one)._instrument.groups[0].asked_of(UNIT).shown[0].text.split("\n") for one in (plain, ruled)]

    assert [line for line in texts[1] if line not in texts[0]] == [
        f'("{LABELS[1]}" stands alone: yes to it is no to every other option.)'
    ]
    assert [line for line in texts[1] if line in texts[0]] == texts[0]
    added = set(study_of(ruled).prompt_digests) - set(study_of(plain).prompt_digests)
    assert added == {"survey/exclusive/question.md"}


def test_earlier_replies_of_a_rehearsal_stay_where_nothing_is_said_of_the_rule() -> None:
    prompt = Prompt([{"role": "user", "content": f'<question id="q">\nWhich?\n- {LABELS[0]}\n</question>'}])

    assert prompt.stand_alone("q", LABELS) == []
    assert prompt.stand_alone("other", LABELS) == []
    assert orjson.dumps(list(prompt.shown("q", LABELS[:1]))) == b'["Tea"]'
