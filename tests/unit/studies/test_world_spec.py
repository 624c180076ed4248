"""The world part of a job file: what fits, what does not, and files that are read into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.studies import person, spec_of
from troupe_batch.errors import SpecError
from troupe_batch.persona import MergeConflict
from troupe_batch.studies.world import WorldSpec, WorldStudy

HEAD = "kind: world\nsteps: 3\n"
PAIR = HEAD + "people_per_world: 2\n"
SEATS = HEAD + "seats: [{name: host}, {name: guests, count: 3}]\n"


def ask(question_id: str, *, at: int = 1, kind: str = "open", to: str = "everyone") -> str:
    return f"{{at: {at}, ask: {{id: {question_id}, type: {kind}, text: A}}, to: {to}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "seats: `seats` and `people_per_world` are both missing; write one of them"),
        (PAIR + "seats: [{count: 2}]", "seats: `seats` and `people_per_world` stand both"),
        (HEAD + "seats: [{count: 600}, {count: 600}]", "seats: a world has 1200 seats, and 1000 is the most"),
        (HEAD + "seats: [{count: 0}]", "seats[0].count: 0 is too small; write a number from 1 to 1,000"),
        (HEAD + "seats: [{name: A}, {name: a}]", "seats[1].name: this seat name stands twice"),
        (HEAD + "seats: [{name: everyone}]", "`everyone` means all people of a world"),
        (HEAD + "seats: [{where: {age: {at_least: 9, at_most: 3}}}]", "at_least (9) is greater than at_most (3)"),
        (HEAD + "seats: [{where: {age: {}}}]", "`at_least` and `at_most` are both missing"),
        (HEAD + "seats: [{where: {age: [3, null]}}]", "seats[0].where.age[1]: a NoneType is no fact"),
        (
            HEAD + "seats: [{where: {role: cook}, fragment: {role: judge}}]",
            "seats[0].fragment: role: the fragment says 'judge', and `where` only lets in people with 'cook'",
        ),
        (HEAD + "seats: [{overwrite: true}]", "seats[0].overwrite: there is no fragment"),
        (HEAD + "seats: [{fragment: {born: .nan}}]", "seats[0].fragment: persona.born: nan is no JSON number"),
        (HEAD + "seats: [{tools: [calendar, calendar]}]", "seats[0].tools[1]: this tool stands twice"),
        (SEATS + "script: [{at: 4, say: Hi}]", "script[0].at: there is no step 4; the world has 3; lower it"),
        (SEATS + "script: [{at: 0, say: Hi}]", "script[0].at: 0 is too small; write a number from 1 to 10,000"),
        (SEATS + "script: [{at: 1, say: Hi, show: A}]", "stand together: say, show; write exactly one of them"),
        (
            SEATS + "script: [{at: 1, say: Hi, to: hosts}]",
            "script[0].to: no seat is called 'hosts'; did you mean `host`",
        ),
        (SEATS + "script: [{at: 1, say: Hi, to: [1, 5]}]", "script[0].to: there is no seat 5; a world has 4"),
        (SEATS + f"script: [{ask('q')}, {ask('Q', at=2)}]", "script[1].ask.id: this question id stands twice"),
        (
            SEATS + f"script: [{ask('p')}, {ask('q', to='[4, host]')}]",
            "script[1].ask: a second open question in step 1 for the same people; ask one a step",
        ),
        (
            SEATS + "interventions: [{name: a, when: {}, do: {say: Hi}}]",
            "interventions[0].when: nothing is named; write step, quiet_for, mentions or text",
        ),
        (
            SEATS + "interventions: [{name: a, when: {step: 4}, do: {say: Hi}}]",
            "interventions[0].when.step: there is no step 4; the world has 3",
        ),
        (
            SEATS + "interventions: [{name: a, when: {quiet_for: 3}, do: {say: Hi}}]",
            "interventions[0].when.quiet_for: 3 steps never leave 3 quiet ones before one",
        ),
        (
            SEATS + "interventions: [{name: a, when: {step: 1}, do: {say: Hi, to: guest}}]",
            "interventions[0].do.to: no seat is called 'guest'; did you mean `guests`?",
        ),
        (
            SEATS
            + "interventions: [{name: a, when: {step: 1}, do: {say: Hi}}, {name: A, when: {step: 2}, do: {say: X}}]",
            "interventions[1].name: this name stands twice",
        ),
        (SEATS + "relations: [{name: friends, seats: [1, 9]}]", "relations[0].seats: there is no seat 9"),
        (SEATS + "relations: [{name: friends, seats: host}]", "relations[0].seats: a relation needs two people"),
        (SEATS + "relations: all", "relations: `everyone` or `none` belongs here (found 'all'); everyone knows"),
        (SEATS + "start: 2025-03-03T09:00:00Z", "start: a date and time without a time zone belongs here (found '2025"),
        (
            SEATS + "start: tomorrow",
            "without a time zone belongs here (found 'tomorrow'); for example `2025-06-06T19:00`",
        ),
        (SEATS + "relations: {name: friends, seats: host}", "relations: a list belongs here (found"),
        (SEATS + "relations: [friends]", "relations[0]: a group of `key: value` lines belongs here (found 'friends')"),
        (
            SEATS + "documents: [{name: A, text: A}, {name: a, text: B}]",
            "documents[1]: two documents have the same name",
        ),
        (
            HEAD + "documents: [{name: A, text: A}]\nseats: [{documents: [{name: a, text: B}]}]",
            "seats[0].documents[0]: everybody has a document of this name; give this one another `name`",
        ),
        (SEATS + "moderater: X", "unknown field 'moderater'; did you mean `moderator`?"),
        (SEATS + "arms: [{id: a, material: A}, {id: A, material: B}]", "arms[1].id: this arm id stands twice"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_cure(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(text)

    assert message in str(caught.value)


def test_too_many_options_in_one_act_are_a_mistake() -> None:
    options = [f"O{number}" for number in range(100)]
    lines = [
        {"at": 1, "ask": {"id": f"q{n}", "type": "single", "text": "Which?", "options": options}} for n in range(11)
    ]
    spec = WorldSpec.model_validate({"kind": "world", "steps": 1, "people_per_world": 2, "script": lines})

    [(place, problem, _)] = spec.mistakes()

    assert place == ("script", 10, "ask")
    assert problem == "the questions of step 1 have 1100 options, and one call takes at most 1,000"


def test_options_that_are_too_long_for_one_act_are_a_mistake() -> None:
    options = [f"{number} {'x' * 480}" for number in range(100)]
    lines = [{"at": 1, "ask": {"id": f"q{n}", "type": "multi", "text": "Which?", "options": options}} for n in range(3)]
    spec = WorldSpec.model_validate({"kind": "world", "steps": 1, "people_per_world": 2, "script": lines})

    [(_, problem, _)] = spec.mistakes()

    assert problem == (
        "the questions of step 1 have options of 144,870 characters together, and one call takes at most 120,000"
    )


def test_seats_are_meant_by_name_by_number_or_all_at_once() -> None:
    spec = spec_of(SEATS)

    assert spec.seats_of("everyone") == (0, 1, 2, 3)
    assert spec.seats_of("guests") == (1, 2, 3)
    assert spec.seats_of(2) == (1,)
    assert spec.seats_of(("guests", 1, 4)) == (0, 1, 2, 3)


WHOLE = (
    HEAD
    + """
seats:
  - name: host
    where: {role: cook, age: {at_least: 30}, vegan: true, town: [Ghent, Liège, 3]}
    fragment: {likes: [soup]}
  - {count: 2, goal: Eat., think: Hungry., context: It is late., tools: [word_processor]}
relations: [{name: neighbours, seats: [1, 2]}, {name: friends, seats: [host, 3]}]
start: 2025-06-06T19:00
script:
  - {at: 1, say: Hi}
  - {at: 2, context: [A, B], to: host}
  - {at: 3, ask: {id: q, type: open, text: A}, to: [2, host]}
interventions: [{name: a, when: {step: 2, mentions: [tea]}, do: {show: A hat, to: 1}, once: false}]
extraction: [{id: a, from: world, many: true, objective: A, fields: [{id: x, type: text, text: X}]}]
"""
)


def test_a_spec_reads_back_from_its_own_json() -> None:
    spec = spec_of(WHOLE)

    assert WorldSpec.model_validate(spec.model_dump(mode="json", by_alias=True)) == spec
    assert spec.start.isoformat() == "2025-06-06T19:00:00"


def test_fragments_and_documents_are_read_from_their_files(tmp_path: Path) -> None:
    (tmp_path / "cook.fragment.json").write_text(
        '{"type": "Fragment", "persona": {"likes": ["soup"]}}', encoding="utf-8"
    )
    (tmp_path / "menu.txt").write_text("Soup.", encoding="utf-8")
    spec = spec_of(HEAD + "seats: [{fragment: cook.fragment.json, documents: [{file: menu.txt}]}, {count: 1}]")

    resolved = spec.resolved(tmp_path)

    assert resolved.seats[0].fragment == {"likes": ["soup"]}
    assert resolved.seats[0].documents[0].text == "Soup."
    assert resolved.seats[1] == spec.seats[1]
    with pytest.raises(ValueError, match="call `resolved` first"):
        WorldStudy(spec, seed=1)
    with pytest.raises(SpecError, match="no such file"):
        spec.resolved(tmp_path / "elsewhere")


def test_what_everybody_has_at_hand_comes_before_what_a_seat_has(tmp_path: Path) -> None:
    (tmp_path / "menu.txt").write_text("Soup.", encoding="utf-8")
    spec = spec_of(
        HEAD
        + "documents: [{file: menu.txt}]\ntools: [calendar]\n"
        + "seats: [{documents: [{name: B, text: B}], tools: [calendar, word_processor]}, {count: 2}]"
    )

    first, rest = spec.resolved(tmp_path).places

    assert [one.title for one in first.documents] == ["menu.txt", "B"]
    assert [one.text for one in rest.documents] == ["Soup."]
    assert (first.tools, rest.tools) == (("calendar", "word_processor"), ("calendar",))
    assert spec_of(PAIR + "tools: [calendar]").places[0].tools == ("calendar",)


@pytest.mark.parametrize("fragment", ["{likes: [soup]}", "{type: Fragment, persona: {likes: [soup]}}"])
def test_a_fragment_may_be_written_in_place(fragment: str) -> None:
    spec = spec_of(HEAD + f"seats: [{{fragment: {fragment}}}]")

    assert spec.seats[0].partial_persona == {"likes": ["soup"]}


def test_a_seat_gives_its_fragment_to_who_sits_there_and_to_nobody_else() -> None:
    study = WorldStudy(spec_of(HEAD + "seats: [{fragment: {likes: [soup]}}, {count: 1}]"), seed=1)
    someone: Any = person(4, likes="tea")
    other = person(5)

    assert "- soup" in study.in_seat(0, other).block
    assert study.in_seat(0, other).person_id == other.person_id
    assert "soup" not in other.block
    assert study.in_seat(1, other) is other
    with pytest.raises(MergeConflict, match="likes"):
        study.in_seat(0, someone)
