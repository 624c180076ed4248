from __future__ import annotations

import logging

import pytest

from tests.doubles.embeddings import SomePerson, WordModel, mind_of
from troupe_batch.errors import BudgetSpent, FixTheInput, GaveUp, RequestRejected, StateUnreachable, TroupeError
from troupe_batch.simulation.acting.faculties import (
    ActionSpec,
    CustomFaculty,
    CustomFunction,
    FacultyFailed,
    GroundingFaculty,
    RecallFaculty,
    carry_out,
)
from troupe_batch.simulation.record.documents import Document
from troupe_batch.simulation.record.events import Action, EventKind, EventStatus
from troupe_batch.simulation.record.semantic import SemanticMemory

ORDER = ActionSpec("ORDER_TAXI", "order a taxi", {"target": "where to"})
TAXI = Action("ORDER_TAXI", target="station")
LONG = Document(
    "handbook.txt",
    "\n\n".join([f"Rule {n}: " + f"filler{n} " * 100 for n in range(8)] + ["Refunds are paid within nine days."]),
)
MENU = Document("Menu.md", "Gazpacho is cold.")


def raising(error: Exception) -> CustomFunction:
    def function(*_: object) -> str:
        raise error

    return function


@pytest.mark.parametrize("name", ["order", "Order", "", "TALK", "DONE", "ORDER TAXI", "9TH"])
def test_an_action_of_a_bad_or_taken_name_is_refused(name: str) -> None:
    with pytest.raises(FixTheInput, match="capitals"):
        ActionSpec(name, "order a taxi")


@pytest.mark.parametrize("field", ["type", "Where", "where to", ""])
def test_a_field_of_a_bad_or_taken_name_is_refused(field: str) -> None:
    with pytest.raises(FixTheInput, match="ORDER_TAXI"):
        ActionSpec("ORDER_TAXI", "order a taxi", {field: "x"})


def test_equal_actions_are_one_key() -> None:
    assert {ORDER, ActionSpec("ORDER_TAXI", "order a taxi", {"target": "where to"})} == {ORDER}
    assert ActionSpec("ORDER_TAXI", "order a taxi", {"target": "to whom"}) != ORDER


async def test_a_custom_action_gets_the_person_and_the_action_and_its_text_is_seen() -> None:
    async def order(person: SomePerson, action: Action) -> str:
        return f"{person.name} goes to the {action.target}"

    assert await carry_out([CustomFaculty(ORDER, order)], SomePerson(), TAXI) == "Ana Silva goes to the station"


async def test_a_plain_function_will_do_and_may_bring_nothing_to_see() -> None:
    seen: list[str] = []
    faculty = CustomFaculty(
        [ORDER, ActionSpec("PAY", "pay")], lambda _, action: seen.append(action.type), constraints="Pay in cash."
    )

    assert await carry_out([faculty], SomePerson(), TAXI) is None
    assert await carry_out([faculty], SomePerson(), Action("PAY")) is None

    assert seen == ["ORDER_TAXI", "PAY"]
    assert faculty.constraints == "Pay in cash."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("station"), "KeyError: 'station'"),
        (FacultyFailed("no taxi is free"), "no taxi is free"),
        (GaveUp("gave up after 3 attempts"), "gave up after 3 attempts"),
    ],
)
async def test_an_action_that_fails_is_told_to_the_person_and_stands_in_the_journal(
    error: Exception, reason: str
) -> None:
    person = SomePerson()
    person.journal.step = 4

    result = await carry_out([CustomFaculty(ORDER, raising(error))], person, TAXI)

    assert result == f"ORDER_TAXI failed: {reason}"
    [event] = person.journal.events
    assert (event.kind, event.type, event.status) == (EventKind.FAILURE, "ORDER_TAXI", EventStatus.FAILED)
    assert (event.reason, event.actor_id, event.step) == (reason, "ana-silva", 4)


async def test_an_error_in_a_users_code_leaves_a_trace_without_what_was_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await carry_out([CustomFaculty(ORDER, raising(ValueError("secret words")))], SomePerson(), TAXI)

    [record] = caplog.records
    assert (vars(record)["action"], vars(record)["error"]) == ("faculty_failed", "ValueError")
    assert "secret" not in caplog.text


@pytest.mark.parametrize("error", [BudgetSpent("cap"), StateUnreachable("redis"), FixTheInput("no key")])
async def test_what_stops_the_run_or_is_the_users_to_mend_passes_through(error: TroupeError) -> None:
    person = SomePerson()

    with pytest.raises(type(error)):
        await carry_out([CustomFaculty(ORDER, raising(error))], person, TAXI)

    assert person.journal.events == []


async def test_a_function_that_gives_back_something_else_has_failed() -> None:
    def wrong(*_: object) -> str:
        return 7  # type: ignore[return-value]  # what a careless function does

    result = await carry_out([CustomFaculty(ORDER, wrong)], SomePerson(), TAXI)

    assert result == "ORDER_TAXI failed: its function gave back int where a text or None is due"


async def test_an_action_that_nobody_knows_fails_on_record() -> None:
    person = SomePerson()

    assert await carry_out([RecallFaculty()], person, TAXI) == "ORDER_TAXI failed: you cannot do this"
    assert [event.reason for event in person.journal.events] == ["you cannot do this"]


async def test_recall_shows_the_facts_that_fit() -> None:
    person = SomePerson(semantic=SemanticMemory(["Oscar hates cold soup", "The train leaves at nine"]))

    result = await carry_out([RecallFaculty()], person, Action("RECALL", "  what  soup does oscar hate"))

    assert result == "You remember about: what soup does oscar hate\n- Oscar hates cold soup"


@pytest.mark.parametrize("facts", [[], ["The train leaves at nine"]])
async def test_recall_says_plainly_that_it_found_nothing(facts: list[str]) -> None:
    person = SomePerson(semantic=SemanticMemory(facts))

    assert await carry_out([RecallFaculty()], person, Action("RECALL", "soup")) == "You remember nothing about: soup"
    assert person.journal.events == []


async def test_recall_without_words_asks_nothing() -> None:
    model = WordModel()
    person = SomePerson(mind_of(model), semantic=SemanticMemory(["a fact"]))

    assert await carry_out([RecallFaculty()], person, Action("RECALL", " ")) == (
        "RECALL failed: say what you try to remember"
    )
    assert model.asked == []


async def test_recall_shows_no_more_than_it_should() -> None:
    person = SomePerson(semantic=SemanticMemory([f"soup {n}" for n in range(9)]))

    result = await carry_out([RecallFaculty(most=2)], person, Action("RECALL", "soup 3"))

    assert result is not None
    assert result.splitlines()[1:] == ["- soup 3", "- soup 0"]


async def test_a_failing_embedding_ends_the_act_and_is_not_taken_for_nothing_found() -> None:
    mind = mind_of(WordModel({"soup": RequestRejected("400")}))
    person = SomePerson(mind, semantic=SemanticMemory(["a fact"]))

    with pytest.raises(RequestRejected):
        await carry_out([RecallFaculty()], person, Action("RECALL", "soup"))


async def test_a_short_document_is_shown_whole_without_a_call() -> None:
    model = WordModel()
    action = Action("CONSULT", "is it cold", "menu.MD")

    result = await carry_out([GroundingFaculty([MENU, LONG])], SomePerson(mind_of(model)), action)

    assert result == "Menu.md says:\nGazpacho is cold."
    assert model.asked == []


async def test_of_a_long_document_the_passages_that_fit_are_shown_in_their_order() -> None:
    action = Action("CONSULT", "filler5 refunds", "handbook")

    result = await carry_out([GroundingFaculty([MENU, LONG], longest=1_800)], SomePerson(), action)

    assert result is not None
    assert result.index("Rule 5") < result.index("[...]") < result.index("Refunds are paid within nine days.")
    assert [f"Rule {n}:" in result for n in range(8)] == [n in (5, 7) for n in range(8)]
    assert result.endswith("(2 of 8 passages, those nearest to: filler5 refunds. The others are left out.)")
    assert len(result) < 2_000


async def test_passages_stand_in_the_order_of_the_document_also_where_a_later_one_is_nearest() -> None:
    action = Action("CONSULT", "refunds are paid within nine days, filler2", "handbook")

    result = await carry_out([GroundingFaculty([MENU, LONG], longest=1_800)], SomePerson(), action)

    assert result is not None
    assert result.index("Rule 2") < result.index("[...]") < result.index("Refunds are paid within nine days.")


async def test_of_a_long_document_the_beginning_is_shown_where_nothing_is_looked_for() -> None:
    model = WordModel()

    result = await carry_out(
        [GroundingFaculty([LONG], longest=1_700)], SomePerson(mind_of(model)), Action("CONSULT", None, "handbook.txt")
    )

    assert result is not None
    assert "Rule 0:" in result
    assert "Rule 7:" not in result
    assert "the first ones" in result
    assert model.asked == []


async def test_one_passage_is_shown_even_where_it_is_longer_than_all_that_should_be() -> None:
    faculty = GroundingFaculty([LONG], longest=10)

    result = await carry_out([faculty], SomePerson(), Action("CONSULT", "filler3", "handbook.txt"))

    assert result is not None
    assert "Rule 3:" in result
    assert "(1 of 8 passages" in result


async def test_a_document_that_is_not_there_is_said_so_with_those_that_are() -> None:
    person = SomePerson()
    result = await carry_out([GroundingFaculty([MENU, LONG])], person, Action("CONSULT", "x", "wine list"))

    assert result == "CONSULT failed: there is no document 'wine list'; known here: Menu.md, handbook.txt"
    assert len(person.journal.events) == 1


async def test_a_name_without_ending_that_fits_two_documents_fits_none() -> None:
    faculty = GroundingFaculty([MENU, Document("menu.txt", "Other.")])

    result = await carry_out([faculty], SomePerson(), Action("CONSULT", "x", "menu"))

    assert result is not None
    assert result.startswith("CONSULT failed: there is no document 'menu'")


async def test_the_names_of_all_documents_are_listed() -> None:
    action = Action("LIST_DOCUMENTS")

    assert await carry_out([GroundingFaculty([MENU, LONG])], SomePerson(), action) == (
        "Your documents:\n- Menu.md\n- handbook.txt"
    )
    assert await carry_out([GroundingFaculty([])], SomePerson(), action) == "You have no documents."


def test_two_documents_of_one_name_are_refused() -> None:
    with pytest.raises(FixTheInput, match="same name"):
        GroundingFaculty([MENU, Document("MENU.md", "Other.")])
