"""Prose about people: what is asked, what is kept, and how failures are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jsonschema
import orjson
import pytest

from troupe_batch.errors import BudgetSpent, GaveUp, RequestRejected, StateUnreachable, TroupeError
from troupe_batch.factory import EnrichStatus, ProseModel, TinyPersonFactory, prompt_digests
from troupe_batch.factory.commission import hints_of
from troupe_batch.factory.judging import CONTRADICTIONS
from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, Parameters, ReplyStatus, Role
from troupe_batch.persona import AgentFile, Persona, parse_agent
from troupe_batch.population import EnrichLevel, Population, PopulationSpec
from troupe_batch.simulation import TinyPerson
from troupe_batch.spec_files import SpecFile

ASKING = ProseModel(Endpoint("test", "model-1"), Parameters(temperature=0.7))
DIMENSIONS: dict[str, Any] = {
    "age": {"type": "numeric", "source": "s", "integer": True, "bins": {"18-64": 0.8, "65-90": 0.2}},
    "sex": {"type": "categorical", "source": "s", "values": {"female": 0.5, "male": 0.5}},
    "education": {"type": "categorical", "source": "s", "values": {"none": 0.5, "some": 0.5}},
}


class Scripted:
    """A model that gives its replies, or raises its errors, in turn and then the last; it keeps what it is asked.

    What it is to check is kept apart: of that it says `judgements`, in turn, and then that it finds nothing.
    """

    def __init__(self, *outcomes: ChatReply | TroupeError, judgements: Sequence[ChatReply | TroupeError] = ()) -> None:
        self.outcomes = outcomes
        self.judgements = judgements
        self.requests: list[ChatRequest] = []
        self.checks: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        if request.reply_schema is CONTRADICTIONS:
            self.checks.append(request)
            outcome = dict(enumerate(self.judgements, 1)).get(len(self.checks), replied({"contradictions": []}))
        else:
            outcome = self.outcomes[min(len(self.requests), len(self.outcomes) - 1)]
            self.requests.append(request)
        if isinstance(outcome, TroupeError):
            raise outcome
        return outcome


def replied(value: Any) -> ChatReply:
    return ChatReply(ReplyStatus.OK, text=orjson.dumps(value).decode(), value=value)


def said(*values: Any) -> Scripted:
    return Scripted(*(replied(value) for value in values))


def factory(level: str, **fields: Any) -> TinyPersonFactory:
    data = {
        "schema": "troupe_batch/population/1",
        "id": "t",
        "size": 10,
        "dimensions": DIMENSIONS,
        "persona": {"enrich": level},
        **fields,
    }
    return TinyPersonFactory(Population(PopulationSpec.model_validate(data)), asking=ASKING)


def instance(schema: Any) -> Any:
    """A value that fits a schema of the strict kind."""
    if schema["type"] == "object":
        return {key: instance(value) for key, value in schema["properties"].items()}
    return [instance(schema["items"])] if schema["type"] == "array" else "text"


async def test_where_no_prose_is_asked_for_no_call_is_made() -> None:
    casting, model = factory("none"), said({})
    person = casting.people(0, 1)[0]

    enriched = await casting.enriched(person, model)

    assert enriched.person is person
    assert (enriched.status, enriched.calls, model.requests) == (EnrichStatus.NOT_ASKED, (), [])


async def test_a_bio_joins_the_persona_and_nothing_else_changes() -> None:
    casting, model = factory("bio"), said({"bio": " Ana sings.\n"})
    person = casting.people(0, 1)[0]

    enriched = await casting.enriched(person, model)

    assert enriched.status == EnrichStatus.DONE
    assert enriched.person is not None
    assert enriched.person.persona.as_dict() == {**person.persona.as_dict(), "bio": "Ana sings."}
    assert enriched.person.facts == person.facts
    assert enriched.person.person_id == person.person_id
    assert "- bio: Ana sings." in enriched.person.block
    assert [(call.purpose, call.status, call.reason) for call in enriched.calls] == [
        ("enrich", "ok", None),
        ("enrich_check", "ok", None),
    ]
    assert [call.key for call in enriched.calls] == [one.key().hex() for one in (*model.requests, *model.checks)]


async def test_the_same_rules_come_first_and_the_person_last() -> None:
    casting, model = factory("bio", locale="de_DE"), said({"bio": "x"})
    for person in casting.people(0, 2):
        await casting.enriched(person, model)

    (first_rules, first_about), (second_rules, second_about) = (request.messages for request in model.requests)
    assert first_rules == second_rules
    assert first_rules.role == Role.SYSTEM
    hints = "".join(f"\n- {hint}" for hint in hints_of(0, 0))
    assert first_about.content == f"{casting.people(0, 1)[0].block}\nLocale: de_DE\nHints{hints}"
    assert first_about != second_about
    assert model.requests[0].parameters == Parameters(temperature=0.7)
    # Twins by their facts are still two people.
    assert model.requests[0].sample != model.requests[1].sample


async def test_a_full_persona_has_all_parts_and_the_facts_win() -> None:
    casting, model = factory("full"), said({})
    person = casting.people(0, 1)[0]
    await casting.enriched(person, model)
    schema = model.requests[0].reply_schema
    assert schema is not None
    reply = instance(schema.schema) | {"age": 3, "name": "Nobody", "sex": "x", "education": "PhD", "gender": "y"}

    enriched = await casting.enriched(person, said(reply))

    assert enriched.person is not None
    persona = enriched.person.persona
    assert {key: persona[key] for key in person.persona} == person.persona.as_dict()
    assert persona["gender"] == person.facts["sex"]
    assert {
        "nationality",
        "residence",
        "long_term_goals",
        "occupation",
        "style",
        "personality",
        "preferences",
        "beliefs",
        "skills",
        "behaviors",
        "health",
        "relationships",
        "other_facts",
    } <= set(persona)
    assert set(persona["personality"]["big_five"]) == {
        "openness",
        "conscientiousness",
        "extraversion",
        "agreeableness",
        "neuroticism",
    }
    as_file = AgentFile(persona).as_dict()
    assert parse_agent(SpecFile("a.json", as_file, {})).persona == persona


async def test_what_facts_settle_is_not_asked_for_and_the_schema_is_strict_and_shared() -> None:
    casting, model = factory("full"), said({})
    for person in casting.people(0, 2):
        await casting.enriched(person, model)

    schema, again = (request.reply_schema for request in model.requests)
    assert schema is again
    assert schema is not None
    assert not {"name", "age", "sex", "gender", "education"} & set(schema.schema["properties"])
    jsonschema.Draft202012Validator.check_schema(dict(schema.schema))
    _assert_strict(schema.schema)


async def test_a_complete_persona_is_not_asked_about() -> None:
    casting = factory("full")
    person, model = casting.people(0, 1)[0], said({})
    await casting.enriched(person, model)
    schema = model.requests[0].reply_schema
    assert schema is not None
    complete = person.with_persona(Persona(person.persona.as_dict() | instance(schema.schema)))

    enriched = await casting.enriched(complete, model)

    assert enriched.person is complete
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (ChatReply(ReplyStatus.REFUSED, reason="no"), EnrichStatus.REFUSED),
        (ChatReply(ReplyStatus.CONTENT_FILTERED), EnrichStatus.REFUSED),
        (ChatReply(ReplyStatus.TRUNCATED), EnrichStatus.UNREADABLE),
        (ChatReply(ReplyStatus.UNREADABLE, text="{"), EnrichStatus.UNREADABLE),
        (ChatReply(ReplyStatus.OK, value={"bio": " \n"}), EnrichStatus.UNREADABLE),
        (ChatReply(ReplyStatus.OK, value=None), EnrichStatus.UNREADABLE),
    ],
)
async def test_what_is_no_bio_is_an_absence_with_a_reason(reply: ChatReply, status: EnrichStatus) -> None:
    casting = factory("bio")

    enriched = await casting.enriched(casting.people(0, 1)[0], Scripted(reply))

    assert enriched.person is None
    assert enriched.status == status
    assert enriched.reason
    assert [call.reply for call in enriched.calls] == [reply]
    assert enriched.calls[0].reason == enriched.reason


@pytest.mark.parametrize("error", [GaveUp("tried 5 times"), RequestRejected("400: too long")])
async def test_a_call_that_failed_for_good_is_recorded(error: TroupeError) -> None:
    casting = factory("bio")

    enriched = await casting.enriched(casting.people(0, 1)[0], Scripted(error))

    assert (enriched.person, enriched.status, enriched.reason) == (None, EnrichStatus.FAILED, str(error))
    assert [(call.status, call.reason, call.reply) for call in enriched.calls] == [("failed", str(error), None)]


@pytest.mark.parametrize("error", [BudgetSpent("no money"), StateUnreachable("no Redis")])
async def test_what_stops_the_job_or_the_shard_goes_through(error: TroupeError) -> None:
    casting = factory("bio")

    with pytest.raises(type(error)):
        await casting.enriched(casting.people(0, 1)[0], Scripted(error))


async def test_the_job_may_ask_for_another_level_than_the_file() -> None:
    population = Population(
        PopulationSpec.model_validate(
            {"schema": "troupe_batch/population/1", "id": "t", "size": 3, "dimensions": DIMENSIONS}
        )
    )
    casting = TinyPersonFactory(population, enrich=EnrichLevel.BIO, locale="pt_PT", asking=ASKING)
    model = said({"bio": "x"})

    enriched = await casting.enriched(casting.people(0, 1)[0], model)

    assert enriched.status == EnrichStatus.DONE
    assert "\nLocale: pt_PT\n" in model.requests[0].messages[1].content


def wrong(person: TinyPerson) -> dict[str, str]:
    """A bio that makes the person older than anybody in the population."""
    return {"bio": f"{person.name} is 101 years old."}


async def test_a_bio_that_contradicts_the_facts_is_mended_in_one_more_call() -> None:
    casting = factory("bio")
    person = casting.people(0, 1)[0]
    model = said(wrong(person), {"bio": "Counts change."})

    enriched = await casting.enriched(person, model)

    assert (enriched.status, enriched.reason) == (EnrichStatus.DONE, None)
    assert enriched.person is not None
    assert enriched.person.persona["bio"] == "Counts change."
    first, second, check = enriched.calls
    assert (first.purpose, first.status) == ("enrich", "ok")
    assert first.reason == f'the fact is age: {person.facts["age"]}; the text says "{person.name} is 101 years old"'
    assert (second.purpose, second.status, second.reason) == ("enrich_repair", "ok", None)
    assert (check.purpose, check.status, check.sample) == ("enrich_check", "ok", f"{second.sample}/check")
    assert [call.key for call in enriched.calls] == [one.key().hex() for one in (*model.requests, *model.checks)]
    assert [call.person_id for call in enriched.calls] == [person.person_id] * 3


async def test_the_repair_is_the_same_prompt_with_the_reply_and_what_is_wrong_behind_it() -> None:
    casting = factory("bio")
    person = casting.people(0, 1)[0]
    model = said(wrong(person), {"bio": "Counts change."})
    await casting.enriched(person, model)

    first, second = model.requests
    assert second.messages[:2] == first.messages
    assert [message.role for message in second.messages[2:]] == [Role.ASSISTANT, Role.USER]
    assert orjson.loads(second.messages[2].content) == wrong(person)
    assert f'the text says "{person.name} is 101 years old"' in second.messages[3].content
    assert second.reply_schema is first.reply_schema
    assert second.sample == f"{first.sample}/contradiction"


async def test_prose_that_contradicts_the_facts_twice_is_left_out_and_the_person_is_their_facts() -> None:
    casting = factory("bio")
    person = casting.people(0, 1)[0]
    model = said(wrong(person))

    enriched = await casting.enriched(person, model)

    assert enriched.person is person
    assert "bio" not in enriched.person.persona
    assert enriched.status == EnrichStatus.CONTRADICTORY
    assert enriched.reason == f"the prose was left out: {enriched.calls[1].reason}"
    assert len(model.requests) == 2
    assert all("the fact is age" in str(call.reason) for call in enriched.calls)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (GaveUp("tried 5 times"), "failed"),
        (ChatReply(ReplyStatus.REFUSED, reason="no"), "refused"),
        (ChatReply(ReplyStatus.OK, value={"bio": " "}), "ok"),
    ],
)
async def test_a_repair_that_brings_nothing_leaves_the_prose_out(outcome: ChatReply | TroupeError, status: str) -> None:
    casting = factory("bio")
    person = casting.people(0, 1)[0]

    enriched = await casting.enriched(person, Scripted(replied(wrong(person)), outcome))

    assert enriched.person is person
    assert enriched.status == EnrichStatus.CONTRADICTORY
    assert [call.purpose for call in enriched.calls] == ["enrich", "enrich_repair"]
    assert enriched.calls[1].status == status
    assert enriched.calls[1].reason
    assert "the fact is age" in str(enriched.reason)


@pytest.mark.parametrize("error", [BudgetSpent("no money"), StateUnreachable("no Redis")])
async def test_what_stops_the_job_goes_through_the_repair_as_well(error: TroupeError) -> None:
    casting = factory("bio")
    person = casting.people(0, 1)[0]

    with pytest.raises(type(error)):
        await casting.enriched(person, Scripted(replied(wrong(person)), error))


async def test_a_full_persona_is_held_against_the_facts_too() -> None:
    casting, model = factory("full"), said({})
    person = casting.people(0, 1)[0]
    await casting.enriched(person, model)
    assert model.requests[0].reply_schema is not None
    whole = instance(model.requests[0].reply_schema.schema)

    enriched = await casting.enriched(person, said(whole | {"other_facts": [wrong(person)["bio"]]}, whole))

    assert enriched.status == EnrichStatus.DONE
    assert [call.purpose for call in enriched.calls] == ["enrich", "enrich_repair", "enrich_check"]
    assert enriched.person is not None
    assert enriched.person.persona["other_facts"] == ["text"]


async def test_what_a_fact_has_overruled_is_no_contradiction() -> None:
    casting, model = factory("full"), said({})
    person = casting.people(0, 1)[0]
    await casting.enriched(person, model)
    assert model.requests[0].reply_schema is not None
    reply = instance(model.requests[0].reply_schema.schema) | {"education": "PhD", "age": 3}

    judge = said(reply)
    assert (await casting.enriched(person, judge)).status == EnrichStatus.DONE
    assert "PhD" not in judge.checks[0].messages[1].content


def test_the_digests_are_of_all_templates_that_a_level_uses() -> None:
    shared = {"factory/hints.md", "factory/judge.md", "factory/lives.md", "factory/repair.md"}

    assert prompt_digests(EnrichLevel.NONE) == {}
    assert set(prompt_digests(EnrichLevel.BIO)) == {"factory/bio.md", *shared}
    assert set(prompt_digests(EnrichLevel.FULL)) == {"factory/full.md", *shared}


def _assert_strict(schema: Any) -> None:
    if schema["type"] == "object":
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
        for value in schema["properties"].values():
            _assert_strict(value)
    elif schema["type"] == "array":
        _assert_strict(schema["items"])
