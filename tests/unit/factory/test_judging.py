"""What a judge finds in prose: mended in every language where it is sound, dropped where it is made up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.factory.test_contradictions import LIVES
from tests.unit.factory.test_enrichment import ASKING, Scripted, factory, replied
from troupe_batch.errors import BudgetSpent, GaveUp, StateUnreachable, TroupeError
from troupe_batch.factory import Commission, Enriched, EnrichStatus, ProseModel
from troupe_batch.factory.enrichment import enrich
from troupe_batch.factory.judging import CONTRADICTIONS
from troupe_batch.llm.chat import ChatReply, Endpoint, Parameters, ReplyStatus
from troupe_batch.persona import Persona
from troupe_batch.population import EnrichLevel
from troupe_batch.simulation import TinyPerson
from troupe_batch.simulation.mind import parameters_at

BETTER = "Counts change."
CUT_OFF = ChatReply(ReplyStatus.TRUNCATED, reason="it is cut off")


def of(facts: dict[str, Any]) -> TinyPerson:
    """Somebody with these facts; what is nested stands in the persona alone."""
    drawn = {fact: value for fact, value in facts.items() if not isinstance(value, dict)}
    return TinyPerson.cast(0, Persona({"name": "Ana Ruiz", **facts}), drawn)


def finds(quote: str, fact: str, *, is_possible: bool = False) -> ChatReply:
    one = {"quote": quote, "fact": fact, "why": "Both cannot be.", "is_possible": is_possible}
    assert CONTRADICTIONS.problem({"contradictions": [one]}) is None
    return replied({"contradictions": [one]})


async def written(bio: str, facts: dict[str, Any], *judgements: ChatReply | TroupeError) -> tuple[Enriched, Scripted]:
    """Who comes of a first text that a judge sees so, and a second one."""
    model = Scripted(replied({"bio": bio}), replied({"bio": BETTER}), judgements=judgements)
    commission = Commission(EnrichLevel.BIO, "en_US", 0)
    return await enrich(of(facts), model, commission=commission, asking=ASKING), model


@pytest.mark.parametrize("life", LIVES["contradictory"], ids=lambda life: life["text"])
async def test_what_the_judge_finds_is_named_and_mended(life: dict[str, Any]) -> None:
    [(fact, value)] = life["facts"].items()

    enriched, model = await written(life["text"], life["facts"], finds(life["text"], fact))

    assert enriched.status == EnrichStatus.DONE
    assert enriched.person is not None
    assert enriched.person.persona["bio"] == BETTER
    assert str(enriched.calls[0].reason).startswith(f'the fact is {fact}: {value}; the text says "')
    assert str(enriched.calls[0].reason) in model.requests[1].messages[3].content


@pytest.mark.parametrize(
    ("facts", "bio", "quote", "fact"),
    [
        (
            {"marital_status": "widowed"},
            "Her husband\nsets the table.",
            "“her husband sets the table”",
            "Marital status",
        ),
        ({"Haushalt": "lebt allein"}, "Sie teilt die Wohnung mit ihrer Schwester.", "teilt die Wohnung", "Haushalt"),
        ({"age": 54}, "今年で四十五歳になる。窓を拭く。", "今年で四十五歳になる", "age"),
        ({"age": 54}, "今年で４５歳になる。", "「今年で45歳になる。」", "age: 54"),
        ({"age": 54}, "Sie ist keine vierzig.", "„Sie ist keine vierzig“", "AGE"),
        ({"filhos": 2}, "Cuida dos três filhos e do cão.", "CUIDA DOS TRÊS FILHOS", "filhos"),
        ({"employment": "retired"}, "Trabaja a jornada completa.", "…jornada completa.", "employment"),
        ({"region": "Sud"}, "Elle a une maison dans le Nord.", "une maison dans le Nord", "region"),
        ({"occupation": {"title": "Cook"}}, "Drives a bus.", "Drives a bus", "occupation"),
    ],
)
async def test_quotes_in_any_language_are_found_in_the_text(facts: Any, bio: str, quote: str, fact: str) -> None:
    enriched, model = await written(bio, facts, finds(quote, fact))

    assert [call.purpose for call in enriched.calls] == ["enrich", "enrich_check", "enrich_repair", "enrich_check"]
    assert "(Both cannot be.)" in str(enriched.calls[0].reason)
    assert f"the fact is {next(iter(facts))}: " in model.requests[1].messages[3].content


@pytest.mark.parametrize(
    ("quote", "fact"),
    [
        ("her wife sets the table", "marital_status"),
        ("sets the table now", "marital_status"),
        ("", "marital_status"),
        (" … ", "marital_status"),
        ("sets the table", "income"),
        ("sets the table", "bio"),
        ("sets the table", ""),
    ],
)
async def test_words_and_facts_that_the_judge_made_up_are_no_finding(quote: str, fact: str) -> None:
    enriched, _ = await written("Her husband sets the table.", {"marital_status": "widowed"}, finds(quote, fact))

    assert (enriched.status, enriched.reason) == (EnrichStatus.DONE, None)
    assert [(call.purpose, call.reason) for call in enriched.calls] == [("enrich", None), ("enrich_check", None)]


async def test_what_the_judge_takes_back_is_no_finding() -> None:
    enriched, _ = await written("Her husband waits.", {"age": 54}, finds("Her husband", "age", is_possible=True))

    assert len(enriched.calls) == 2


async def test_what_costs_nothing_to_find_is_mended_before_a_judge_is_asked() -> None:
    enriched, model = await written("Ana Ruiz ist 45 Jahre alt.", {"age": 54})

    assert [call.purpose for call in enriched.calls] == ["enrich", "enrich_repair", "enrich_check"]
    assert len(model.checks) == 1


async def test_what_the_judge_finds_twice_is_left_out() -> None:
    facts = {"marital_status": "widowed"}

    enriched, model = await written(
        "Has a husband.", facts, finds("husband", "marital_status"), finds("change", "name")
    )

    assert enriched.status == EnrichStatus.CONTRADICTORY
    assert enriched.person is not None
    assert "bio" not in enriched.person.persona
    assert enriched.reason == f"the prose was left out: {enriched.calls[2].reason}"
    assert [call.sample for call in enriched.calls] == [
        "0.0",
        "0.0/check",
        "0.0/contradiction",
        "0.0/contradiction/check",
    ]
    assert len(model.checks) == 2


@pytest.mark.parametrize(
    ("judgement", "status", "reason"),
    [
        (GaveUp("tried 5 times"), "failed", "tried 5 times"),
        (ChatReply(ReplyStatus.REFUSED, reason="no"), "refused", "no"),
        (ChatReply(ReplyStatus.UNREADABLE, text="{"), "unreadable", "the reply could not be read: unreadable"),
        (CUT_OFF, "truncated", "it is cut off"),
    ],
)
async def test_a_text_that_could_not_be_judged_is_kept_and_said_to_be_unchecked(
    judgement: ChatReply | TroupeError, status: str, reason: str
) -> None:
    enriched, model = await written("Has a husband.", {"age": 54}, judgement)

    assert enriched.status == EnrichStatus.UNCHECKED
    assert enriched.person is not None
    assert enriched.person.persona["bio"] == "Has a husband."
    assert enriched.reason == f"the prose was not checked: {reason}"
    assert [(call.purpose, call.status, call.reason) for call in enriched.calls] == [
        ("enrich", "ok", None),
        ("enrich_check", status, reason),
    ]
    assert len(model.requests) == 1


async def test_a_repaired_text_that_could_not_be_judged_is_kept_too() -> None:
    enriched, _ = await written("Has a husband.", {"age": 54}, finds("husband", "age"), CUT_OFF)

    assert enriched.status == EnrichStatus.UNCHECKED
    assert enriched.person is not None
    assert enriched.person.persona["bio"] == BETTER


@pytest.mark.parametrize("error", [BudgetSpent("no money"), StateUnreachable("no Redis")])
async def test_what_stops_the_job_goes_through_the_check_as_well(error: TroupeError) -> None:
    with pytest.raises(type(error)):
        await written("Has a husband.", {"age": 54}, error)


async def test_all_checks_begin_with_the_same_rules_and_schema_and_end_with_facts_and_text() -> None:
    casting = factory("bio")
    model = Scripted(replied({"bio": "Counts."}))
    for person in casting.people(0, 2):
        await casting.enriched(person, model)

    first, second = model.checks
    assert first.messages[0] == second.messages[0]
    assert first.reply_schema is second.reply_schema is CONTRADICTIONS
    assert first.sharing.messages == 1
    assert first.messages[1].content == f"{casting.people(0, 1)[0].block}\n<text>\n- bio: Counts.\n</text>"
    assert (first.sample, second.sample) == ("0.0/check", "0.1/check")


async def test_another_model_may_judge_with_an_effort_of_its_own() -> None:
    large = Endpoint("test", "gpt-5.2")
    asking = ProseModel(Endpoint("test", "gpt-6-luna"), Parameters(0.7, reasoning_effort="none"), judge=large)
    model = Scripted(replied({"bio": "Counts."}))

    await enrich(of({"age": 54}), model, commission=Commission(EnrichLevel.BIO, "en_US", 0), asking=asking)

    assert [request.endpoint for request in (*model.requests, *model.checks)] == [asking.endpoint, large]
    assert model.checks[0].parameters == parameters_at(large, asking.endpoint, model.requests[0].parameters)
    assert model.checks[0].parameters.reasoning_effort != "none"
