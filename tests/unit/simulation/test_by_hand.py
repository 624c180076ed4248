"""What people who write in a notebook get wrong first: refused at once, in words, before anything has changed."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.doubles.minds import FakeModel, acts, mind_of, people, talk
from troupe_batch.errors import FixTheInput
from troupe_batch.persona import MergeConflict, Persona
from troupe_batch.simulation import (
    Document,
    GroundingFaculty,
    Intervention,
    MentalState,
    Profiler,
    Proposition,
    TinyPerson,
    TinySocialNetwork,
    TinyWorld,
)

ANN = TinyPerson("Ann")
DOCUMENT = Document("menu.txt", "Soup.")


def wrong(value: object) -> Any:
    """What no type checker would let through, and a notebook does."""
    return value


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        (
            lambda: TinyWorld(wrong([ANN])),
            r"name of a TinyWorld must be a text, not .*name it first: TinyWorld\(\"Some",
        ),
        (lambda: TinySocialNetwork(wrong([ANN])), r"name it first: TinySocialNetwork\(\"Some"),
        (lambda: TinyWorld(wrong(ANN)), r"must be a text, not TinyPerson\(ann, 'Ann'\); name it first"),
        (
            lambda: TinyWorld("w", wrong(["Lisa"])),
            r"a TinyPerson is needed, not the str 'Lisa'; make one with `TinyPerson\(",
        ),
        (
            lambda: TinyWorld("w", wrong("Lisa")),
            r"list of TinyPerson objects is needed, not the str 'Lisa'; make one with",
        ),
        (lambda: TinyWorld("w", wrong(ANN)), r"list of TinyPerson objects is needed, not TinyPerson\(ann, 'Ann'\)"),
        (lambda: TinyWorld("w").add_person(wrong("Lisa")), r"not the str 'Lisa'; make one with `TinyPerson\("),
        (
            lambda: TinyWorld("w").ask(wrong("How are you?")),
            r"a world asks an ActQuestion, not the str 'How are you\?'",
        ),
        (
            lambda: TinyPerson(wrong({"name": "Lisa"})),
            r"name of a person must be a text, .*TinyPerson\(persona=Persona\(",
        ),
        (
            lambda: TinyPerson(persona=wrong({"name": "Lisa"})),
            r"`persona` must be a Persona, not the dict .*; write Persona\(",
        ),
        (
            lambda: GroundingFaculty(wrong(["a.md"])),
            r"a Document is needed, not the str 'a.md'; read files with `read_docum",
        ),
        (lambda: GroundingFaculty(wrong("a.md")), r"not the str 'a.md'; read files with `read_documents"),
        (
            lambda: GroundingFaculty(wrong(DOCUMENT)),
            r"a list of Document objects is needed, not Document\(name='menu.txt'",
        ),
        (lambda: Proposition(wrong(5)), r"a claim must be a text, not the int 5"),
        (
            lambda: Intervention(wrong(TinyWorld("w"))),
            r"name of an intervention must be a text, not TinyWorld\('w', .*write Int",
        ),
        (
            lambda: Intervention("x", wrong("Lisa")),
            r"list of TinyPerson objects is needed, not the str 'Lisa'; give a world,",
        ),
        (
            lambda: Intervention("x").when(wrong(True)),
            r"when takes a function, such as `lambda world: .*`, not the bool True",
        ),
        (
            lambda: Intervention("x").effect(wrong("hi")),
            r"effect takes a function, such as `lambda world: .*, not the str 'hi'",
        ),
        (lambda: Intervention("x").when_text(wrong(5)), r"a claim must be a text, not the int 5"),
        (
            lambda: Intervention("x").when_proposition(wrong("so")),
            r"not the str 'so'; for a claim in words use `when_text`",
        ),
        (
            lambda: Intervention("x").when_step(wrong("3")),
            r"intervention 'x': when_step takes numbers, not the str '3'",
        ),
        (lambda: TinyWorld("w").add_intervention(wrong("x")), r"w takes an Intervention, not the str 'x'"),
        (lambda: TinyWorld("w").skip_days(wrong(1.5)), r"in whole numbers, 0 or more, not the float 1.5"),
        (lambda: TinyWorld("w").skip(wrong(5)), r"a length of time is a timedelta, .*, not the int 5"),
        (lambda: TinyPerson("Lisa").get(wrong(5)), r"the key of a part must be a text, not the int 5"),
        (
            lambda: TinyPerson("Lisa").import_fragment(wrong(5)),
            r"a fragment is a file or a group of keys, not the int 5",
        ),
    ],
)
def test_a_slip_is_refused_at_once_with_what_was_given_and_what_is_needed(
    slip: Callable[[], object], message: str
) -> None:
    with pytest.raises(FixTheInput, match=message):
        slip()


@pytest.mark.parametrize("steps", ["3", 1.5, None, True, -1])
async def test_a_run_of_no_whole_number_of_steps_is_refused_before_any_call(steps: Any) -> None:
    model = FakeModel()
    world = TinyWorld("w", people("Ann"), mind=mind_of(model))

    with pytest.raises(FixTheInput, match=r"in whole numbers, 0 or more, not (None|the \w+ .+)$"):
        await world.run(steps)

    assert model.asked == []


async def test_what_else_a_run_is_given_is_looked_at_before_any_call() -> None:
    model = FakeModel()
    world = TinyWorld("w", people("Ann"), mind=mind_of(model))

    with pytest.raises(FixTheInput, match="a length of time is a timedelta"):
        await world.run(3, wrong(5))
    with pytest.raises(FixTheInput, match="on_step takes a function"):
        await world.run(3, on_step=wrong(5))

    assert model.asked == []


async def test_numbers_out_of_a_table_count_steps_and_are_facts() -> None:
    ann = TinyPerson("Ann").define("age", np.int64(34)).define("scores", [np.float32(0.5)])
    world = await TinyWorld("w", [ann], mind=mind_of([acts()])).run(wrong(np.int64(2)))

    assert (ann.persona["age"], ann.persona["scores"]) == (34, [0.5])
    assert "- age: 34\n" in ann.block
    assert len(world.mind.calls) == 2


def test_nobody_is_seated_where_one_of_them_is_no_person() -> None:
    world = TinyWorld("w")

    with pytest.raises(FixTheInput, match="not the str 'Bob'"):
        world.add_people(wrong([TinyPerson("Ann"), "Bob"]))

    assert world.people == []


@pytest.mark.parametrize("given", [5, None, {}, ["hi"], TinyPerson("Bob")])
@pytest.mark.parametrize("method", ["listen", "see", "think", "socialize", "internalize_goal", "move_to"])
def test_what_a_person_perceives_is_a_text(method: str, given: Any) -> None:
    ann = TinyPerson("Ann")

    with pytest.raises(
        FixTheInput, match=r"what a person perceives must be a text, not (None|the \w+ .+|TinyPerson.+)"
    ):
        getattr(ann, method)(given)

    assert ann.transcript() == ""
    assert ann.journal.events == []
    assert (ann.mental_state.goals, ann.mental_state.location) == ("", None)


@pytest.mark.parametrize("method", ["listen_and_act", "see_and_act", "think_and_act"])
async def test_nobody_acts_on_what_is_no_text(method: str) -> None:
    model = FakeModel()
    ann = TinyPerson("Ann", mind=mind_of(model))

    with pytest.raises(FixTheInput, match=r"not the dict \{\}"):
        await getattr(ann, method)({})

    assert model.asked == []
    assert ann.journal.events == []


@pytest.mark.parametrize(
    "method", ["broadcast", "broadcast_thought", "broadcast_internal_goal", "show", "move_everyone_to"]
)
def test_what_everybody_perceives_is_a_text_and_leaves_no_trace_otherwise(method: str) -> None:
    world = TinyWorld("w", people("Ann"))

    with pytest.raises(FixTheInput, match="what everybody perceives must be a text, not the int 5"):
        getattr(world, method)(5)

    assert world.journal.events == []
    assert world.people[0].transcript() == ""


def test_a_source_is_a_person_or_a_name() -> None:
    world = TinyWorld("w", people("Ann"))

    for hear in (world.broadcast, world.people[0].listen):
        with pytest.raises(FixTheInput, match="a source that is no person must be a text, not the int 5"):
            hear("Hello.", wrong(5))

    assert world.journal.events == []


def test_a_context_is_one_text_or_several() -> None:
    world = TinyWorld("w", people("Ann"))
    ann = world.people[0]

    world.broadcast_context_change("It rains")
    for change in (world.broadcast_context_change, ann.change_context, lambda context: ann.move_to("home", context)):
        with pytest.raises(FixTheInput, match="each part of a context must be a text, not the int 5"):
            change(wrong(["It is late", 5]))
    with pytest.raises(FixTheInput, match="a context must be a list of texts, not None"):
        ann.change_context(wrong(None))

    assert ann.mental_state.context == ("It rains",)
    assert ann.mental_state.location is None
    assert [event.content for event in world.journal.events] == ["It rains"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (5, "x", "the key of a part must be a text, not the int 5"),
        ("x", {1, 2}, "x cannot be the set {1, 2}: a persona holds texts, numbers"),
        ("x", {"since": [dt.date(2025, 1, 6)]}, r"x\.since cannot be the date datetime\.date\(2025, 1, 6\): "),
        ("x", math.nan, "x cannot be the float nan"),
        ("name", 5, "the name of a person must be a text, not the int 5"),
    ],
)
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_part_is_what_a_persona_can_hold(key: Any, value: Any, message: str, overwrite: bool) -> None:
    ann = TinyPerson("Ann")

    with pytest.raises(FixTheInput, match=message):
        ann.define(key, value, overwrite=overwrite)

    assert ann.persona == Persona({"name": "Ann"})


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        ({"type": "Fragment", "personna": {"a": 1}}, "the fragment: persona: `persona` is missing or no group of keys"),
        ({"type": "Fragment", "persona": [1]}, "the fragment: persona: `persona` is missing or no group of keys"),
        ({"persona": [1]}, "the fragment: type: the type is None, not 'Fragment'"),
        ({"persona": {"a": 1}}, "the fragment: type: the type is None, not 'Fragment'"),
        ({"type": "Fragmnt", "persona": {"a": 1}}, "did you mean `Fragment`"),
        ({"type": "TinyPerson", "persona": {"a": 1}}, "this place takes a file of type 'Fragment'"),
        ({"a": {1}}, "a cannot be the set {1}"),
        ({"name": 5}, "the name of a person must be a text"),
    ],
)
def test_a_fragment_that_would_do_nothing_is_refused_as_its_file_would_be(
    fragment: dict[str, Any], message: str
) -> None:
    ann = TinyPerson("Ann")

    with pytest.raises(FixTheInput, match=message):
        ann.import_fragment(fragment)

    assert ann.persona == Persona({"name": "Ann"})


def test_a_partial_persona_may_have_a_type_of_its_own() -> None:
    assert TinyPerson("Ann").import_fragment({"type": "introvert"}).persona["type"] == "introvert"


def test_a_part_is_looked_up_by_its_key_or_by_keys_with_dots() -> None:
    parts = {"age": 34, "occupation": {"title": "baker", "at": {"town": "Ghent"}}, "a.b": "plain", "likes": ["rye"]}
    ann = TinyPerson(persona=Persona(parts))

    assert [ann.get(key) for key in ("age", "occupation.title", "occupation.at.town", "a.b")] == [
        34,
        "baker",
        "Ghent",
        "plain",
    ]
    assert [ann.get(key) for key in ("shoes", "occupation.since", "age.years", "")] == [None] * 4
    ann.get("likes").append("rain")
    ann.get("occupation.at")["town"] = "Bruges"
    assert ann.persona == Persona(parts)


def test_several_values_join_the_list_that_a_part_is() -> None:
    ann = TinyPerson("Ann").define("likes", ["rye"])

    ann.define_several("likes", ["rain", "rye"]).define_several("skills", ("baking",))

    assert (ann.get("likes"), ann.get("skills")) == (["rye", "rain"], ["baking"])
    assert "  - rain" in ann.block


def test_several_values_for_what_is_no_list_are_refused() -> None:
    ann = TinyPerson("Ann").define("likes", "rye")

    with pytest.raises(MergeConflict, match="likes"):
        ann.define_several("likes", ["rain"])
    with pytest.raises(FixTheInput, match=r"`likes` takes a list of values, not the str 'rain'; .* use `define`"):
        ann.define_several("likes", wrong("rain"))

    assert ann.get("likes") == "rye"


def test_two_people_of_one_name_are_refused_with_the_way_out() -> None:
    world = TinyWorld("w", people("Lisa Carter"))

    with pytest.raises(FixTheInput, match=r"load_spec.*TinyPerson\('Lisa Carter', person_id=\"lisa-carter-2\"\)"):
        world.add_people(people("Lisa Carter"))
    with pytest.raises(FixTheInput, match="Lisa Carter is in this world already; a person has one seat"):
        world.add_person(world.people[0])

    world.add_person(TinyPerson("Lisa Carter", person_id="lisa-carter-2"))
    assert [world.name_of(person) for person in world.people] == ["Lisa Carter", "Lisa Carter (2)"]


async def test_what_happened_in_a_world_is_found_by_the_name_that_tinytroupe_gives_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = TinyWorld("w", people("Ann", "Bob"), mind=mind_of([acts(talk("Hello."))]))
    await world.run(2)

    assert world.pp_current_interactions() == world.transcript()
    assert world.pp_current_interactions(last=2) == world.transcript(last=2) != world.transcript()
    assert capsys.readouterr().out == ""


def test_a_world_shows_who_it_is_where_it_stands_and_the_time() -> None:
    world = TinyWorld("The bakery", people("Ann", "Bob"))

    assert repr(world) == str(world) == "TinyWorld('The bakery', 2 people, step 1, Monday 6 January 2025, 09:00)"
    assert repr(TinySocialNetwork("Net")).startswith("TinySocialNetwork('Net', 0 people")


def test_a_state_of_mind_shows_what_there_is_of_it() -> None:
    ann, bob = people("Ann", "Bob")
    ann.make_accessible(bob).move_to("home", ["It rains"]).internalize_goal("sleep")

    assert repr(ann.mental_state) == (
        "MentalState(location='home', context=['It rains'], goals='sleep', in_reach=['Bob'])"
    )
    assert repr(MentalState()) == "MentalState()"
    assert repr(MentalState(datetime=dt.datetime(2025, 1, 6, 9))) == (  # noqa: DTZ001 -- people live by local time
        "MentalState(time='Monday 6 January 2025, 09:00')"
    )


def test_a_profile_reads_as_a_list_of_attributes() -> None:
    group = [TinyPerson("Ann").define("age", 21), TinyPerson("Bob").define("age", 24).define("town", "Ghent")]

    profile = Profiler(["age", "town", "shoes"]).profile(group)

    assert repr(profile) == (
        "Profile of 2 people\n"
        "- age (2 of 2): 21: 1 (50%), 22: 0 (0%), 23: 0 (0%), 24: 1 (50%); mean 22.5\n"
        "- town (1 of 2): Ghent: 1 (100%)\n"
        "- shoes (0 of 2)"
    )


def test_a_profile_of_very_many_values_shows_the_most_frequent() -> None:
    crowd = [TinyPerson(f"P{n}").define("town", f"town {n:02}") for n in range(13)]

    shown = repr(Profiler(["town"]).profile(crowd)["town"])

    assert shown.count("town ") - 1 == 10
    assert shown.endswith("town 09: 1 (8%), 3 more values")
