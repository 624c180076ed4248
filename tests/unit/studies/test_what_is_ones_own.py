"""Units share nothing: each sees the material of its own arm alone, and people have the tools that are theirs alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, does, talk
from tests.doubles.studies import answering, person, run, study
from troupe_batch.simulation.acting.tools import TinyCalendar, TinyWordProcessor
from troupe_batch.simulation.record.events import Action
from troupe_batch.studies.equipment import Equipment, ToolName
from troupe_batch.studies.study import Study

ARMS = """
introduction: A shed in Ghent.
arms: [{id: sweet, material: Cake costs 1.}, {id: salty, material: Soup costs 2.}, {id: dry, material: Rice costs 3.}]
"""
MATERIALS = {"sweet": "Cake costs 1.", "salty": "Soup costs 2.", "dry": "Rice costs 3."}
KINDS = {
    "interview": "kind: interview\nscript: [{say: Hello.}]\n",
    "world": "kind: world\npeople_per_world: 2\nsteps: 2\n",
    "python": (
        "kind: python\nfunction: tests.doubles.user_studies:acts_once\npeople_per_unit: 2\n"
        "questions: [{id: why, type: open, text: Why?}]\n"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_sees_the_material_of_their_own_arm_and_of_no_other(kind: str) -> None:
    asked = study(KINDS[kind] + ARMS)

    seen: dict[str | None, set[str]] = {}
    for case in range(6):
        model = FakeModel()
        run(asked, model, case=case)
        assert model.acts
        seen.setdefault(asked.arm_of(case), set()).update(one.system for one in model.acts)

    assert seen.keys() == MATERIALS.keys()
    for arm, systems in seen.items():
        for system in systems:
            assert "A shed in Ghent." in system
            assert [name for name, text in MATERIALS.items() if text in system] == [arm]


def test_a_study_in_python_gives_the_function_the_material_of_the_units_arm() -> None:
    asked = study(KINDS["python"].replace("acts_once", "says_its_material") + ARMS)

    said = {asked.arm_of(case): run(asked, FakeModel(), case=case).answers[0].text for case in range(3)}

    assert said == MATERIALS


def enters(asked: Asked) -> Any:
    title = f"Lunch of {asked.person}"
    return does("CREATE_EVENT", title=title, date="2025-01-06", time="", attendees="", content="")


def diaries(asked: Study, case: int, replicate: int = 0, *, is_entered: bool = True) -> list[str]:
    """What each person finds in their calendar, in the order of the seats; before it all may have entered a lunch."""
    found: list[str] = []

    def rule(request: Asked) -> Any:
        if "calendar on 2025-01-06" in request.text or "calendar is empty" in request.text:
            found.append("\n".join(line for line in request.memory if "Lunch of" in line or "empty" in line))
            return acts(talk(f"Thing {request.number}."))
        looks = does("LIST_EVENTS", date="2025-01-06")
        return acts(*[enters(request)] * is_entered, looks)

    run(asked, answering({}, rule), case=case, replicate=replicate)
    return found


TOOLS = {
    "interview": "kind: interview\nscript: [{say: Hello.}]\ntools: [calendar]\n",
    "world": "kind: world\nseats: [{count: 3, tools: [calendar]}]\nsteps: 1\nrelations: none\n",
}


@pytest.mark.parametrize("kind", TOOLS)
def test_what_people_enter_into_a_calendar_is_seen_by_nobody_else(kind: str) -> None:
    asked = study(TOOLS[kind])

    first, other = diaries(asked, 0), diaries(asked, 1)

    for case, found in ((0, first), (1, other)):
        assert len(found) == asked.design.seats
        for seat, text in enumerate(found):
            others = {f"Ann {n}" for n in range(2 * asked.design.seats)} - {f"Ann {case * asked.design.seats + seat}"}
            assert f"Lunch of Ann {case * asked.design.seats + seat}" in text
            assert not [name for name in others if f"Lunch of {name}" in text]
    # The same people in another run of their unit have an empty calendar again.
    again = diaries(asked, 0, 1, is_entered=False)
    assert len(again) == asked.design.seats
    assert all("empty" in text and "Lunch" not in text for text in again)


async def test_documents_and_entries_are_their_owners_alone() -> None:
    equipment = Equipment((), (ToolName.WORD_PROCESSOR, ToolName.CALENDAR))
    ann, bob = person(1).fresh(), person(2).fresh()
    again = person(1).fresh()
    for one in (ann, bob, again):
        equipment.give_to(one)

    writing = Action("WRITE_DOCUMENT", content="We meet at nine.", details={"title": "Plan", "author": "Ann"})
    entering = Action("CREATE_EVENT", details={"title": "Lunch", "date": "2025-01-06"})
    for action in (writing, entering):
        await ann.faculties[0].perform(ann, action)

    tools = [tool for one in (ann, bob, again) for tool in one.tools]
    held = [len(tool.documents) for tool in tools if isinstance(tool, TinyWordProcessor)]
    entered = [len(tool.events) for tool in tools if isinstance(tool, TinyCalendar)]
    assert held == entered == [1, 0, 0]
    assert [tool.owner_id for tool in (*ann.tools, *bob.tools)] == [ann.person_id] * 2 + [bob.person_id] * 2
