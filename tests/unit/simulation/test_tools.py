from __future__ import annotations

import json
from datetime import date, time
from pathlib import Path

import pytest

from tests.doubles.embeddings import SomePerson
from troupe_batch.simulation.acting.faculties import ActionSpec, carry_out
from troupe_batch.simulation.acting.tools import (
    CalendarEvent,
    TinyCalendar,
    TinyTool,
    TinyWordProcessor,
    ToolUseFaculty,
    WrittenDocument,
)
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.artifacts import ArtifactExporter
from troupe_batch.simulation.record.events import Action

MEMO = Action("WRITE_DOCUMENT", "All is well.", details={"title": "Memo", "author": "A. Silva"})


def meeting(day: str = "2025-01-06", hour: str = "09:30", title: str = "Review") -> Action:
    return Action("CREATE_EVENT", "bring figures", details={"title": title, "date": day, "time": hour, "attendees": ""})


async def test_a_document_is_kept_and_there_is_nothing_to_look_at() -> None:
    tool = TinyWordProcessor()

    assert await carry_out([ToolUseFaculty([tool])], SomePerson(), MEMO) is None

    assert tool.documents == (WrittenDocument("Memo", "All is well.", "A. Silva", "ana-silva"),)


async def test_a_document_without_an_author_is_its_writers() -> None:
    tool = TinyWordProcessor()

    await carry_out([tool], SomePerson(), Action("WRITE_DOCUMENT", "x", details={"title": "T", "author": " "}))
    await carry_out([tool], SomePerson(name=None), Action("WRITE_DOCUMENT", "x", details={"title": "T"}))

    assert [document.author for document in tool.documents] == ["Ana Silva", "ana-silva"]


@pytest.mark.parametrize(("title", "content"), [("", "text"), ("Memo", None), (" ", " ")])
async def test_a_document_without_title_or_text_is_not_written(title: str, content: str | None) -> None:
    tool, person = TinyWordProcessor(), SomePerson()

    result = await carry_out([tool], person, Action("WRITE_DOCUMENT", content, details={"title": title}))

    assert result == "WRITE_DOCUMENT failed: a document needs a title and a text"
    assert tool.documents == ()
    assert len(person.journal.events) == 1


async def test_a_tool_with_an_owner_works_for_nobody_else_and_says_so() -> None:
    owner, other = SomePerson(), SomePerson(person_id="oscar-diaz")
    tools: list[TinyTool] = [TinyWordProcessor(owner=owner), TinyCalendar(owner="ana-silva")]
    faculty = ToolUseFaculty(tools)

    results = [await carry_out([faculty], other, action) for action in (MEMO, meeting())]

    assert results == [
        "WRITE_DOCUMENT failed: the word processor belongs to somebody else, and you may not use it",
        "CREATE_EVENT failed: the calendar belongs to somebody else, and you may not use it",
    ]
    assert [tool.state() for tool in tools] == [{"documents": []}, {"events": []}]
    assert len(other.journal.events) == 2
    assert await carry_out([faculty], owner, MEMO) is None
    assert await carry_out([tools[0]], owner, MEMO) is None


async def test_people_use_their_own_of_two_tools_of_a_kind() -> None:
    hers, his = TinyWordProcessor(owner="ana-silva"), TinyWordProcessor(owner="oscar-diaz")
    faculty = ToolUseFaculty([hers, his])

    await carry_out([faculty], SomePerson(person_id="oscar-diaz", name="Oscar"), MEMO)

    assert (len(hers.documents), len(his.documents)) == (0, 1)
    assert [spec.type for spec in faculty.actions] == ["WRITE_DOCUMENT"]


async def test_the_use_of_several_tools_has_the_actions_of_all_in_their_order() -> None:
    faculty = ToolUseFaculty([TinyCalendar(), TinyWordProcessor()])

    assert [spec.type for spec in faculty.actions] == ["CREATE_EVENT", "LIST_EVENTS", "WRITE_DOCUMENT"]
    assert faculty.constraints == TinyWordProcessor.constraints
    result = await carry_out([ToolUseFaculty([TinyCalendar()])], SomePerson(), MEMO)
    assert result == "WRITE_DOCUMENT failed: you cannot do this"


async def test_documents_are_exported_in_all_formats_and_equal_titles_are_numbered(tmp_path: Path) -> None:
    tool = TinyWordProcessor()
    for text in ("One.", "# Own heading\n\nTwo."):
        await carry_out([tool], SomePerson(), Action("WRITE_DOCUMENT", text, details={"title": "Memo", "author": "A"}))

    paths = tool.export(ArtifactExporter(tmp_path))

    names = ["Memo.md", "Memo.docx", "Memo.json", "Memo (2).md", "Memo (2).docx", "Memo (2).json"]
    assert [path.name for path in paths] == names
    assert (tmp_path / "Memo.md").read_text() == "# Memo\n\nOne.\n"
    assert (tmp_path / "Memo (2).md").read_text() == "# Own heading\n\nTwo.\n"
    assert json.loads((tmp_path / "Memo.json").read_bytes())["author_id"] == "ana-silva"
    assert tool.export(ArtifactExporter(tmp_path)) == paths


async def test_an_event_is_kept_and_seen_on_its_day_in_the_order_of_hours() -> None:
    tool = TinyCalendar()
    with_oscar = Action("CREATE_EVENT", None, details={"title": "Lunch", "date": "2025-01-06", "attendees": "Oscar"})

    for action in (meeting(), with_oscar, meeting(hour="08:00", title="Call"), meeting(day="2025-01-07")):
        assert await carry_out([tool], SomePerson(), action) is None
    seen = await carry_out([tool], SomePerson(), Action("LIST_EVENTS", details={"date": "2025-01-06"}))

    assert seen == "In your calendar on 2025-01-06:\n- Lunch (with Oscar)\n- 08:00 Call\n- 09:30 Review"
    assert tool.events_on(date(2025, 1, 7)) == (
        CalendarEvent(date(2025, 1, 7), "Review", time(9, 30), "", "bring figures", "ana-silva"),
    )
    assert len(tool.events) == 4


async def test_an_empty_day_is_said_to_be_empty() -> None:
    seen = await carry_out([TinyCalendar()], SomePerson(), Action("LIST_EVENTS", details={"date": "2025-01-06"}))

    assert seen == "Your calendar is empty on 2025-01-06."


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (meeting(day="2025-02-30"), "there is no day '2025-02-30'"),
        (meeting(day="20250106"), "there is no day '20250106'"),
        (meeting(day="tomorrow"), "there is no day 'tomorrow'"),
        (meeting(day=""), "there is no day ''"),
        (meeting(hour="25:00"), "there is no hour '25:00'"),
        (meeting(hour="9 am"), "there is no hour '9 am'"),
        (meeting(title=" "), "an event needs a title"),
        (Action("LIST_EVENTS", details={"date": "2025-13-01"}), "there is no day '2025-13-01'"),
    ],
)
async def test_an_event_that_cannot_be_is_not_entered(action: Action, reason: str) -> None:
    tool, person = TinyCalendar(), SomePerson()

    result = await carry_out([tool], person, action)

    assert result is not None
    assert result.startswith(f"{action.type} failed: {reason}")
    assert tool.events == ()


async def test_what_tools_hold_can_be_saved_as_json_and_restored() -> None:
    for tool, empty, actions in (
        (TinyWordProcessor(), TinyWordProcessor(), [MEMO]),
        (TinyCalendar(), TinyCalendar(), [meeting(), meeting(hour="")]),
    ):
        for action in actions:
            await carry_out([tool], SomePerson(), action)

        empty.restore(json.loads(json.dumps(tool.state())))

        assert empty.state() == tool.state()
        assert len(next(iter(tool.state().values()))) == len(actions)
        if isinstance(tool, TinyCalendar) and isinstance(empty, TinyCalendar):
            assert empty.events == tool.events


async def test_a_tool_of_ones_own_is_its_actions_and_what_they_do() -> None:
    class Scale(TinyTool):
        actions = (ActionSpec("WEIGH", "weigh something", {"content": "what"}),)

        async def used_by(self, person: Person, action: Action) -> str:
            return f"{person.name}, the {action.content} weighs 2 kg"

    tool = Scale("scale", owner=SomePerson())

    assert await carry_out([ToolUseFaculty([tool])], SomePerson(), Action("WEIGH", "book")) == (
        "Ana Silva, the book weighs 2 kg"
    )
    assert tool.state() == {}
