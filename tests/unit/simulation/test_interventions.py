"""Interventions: an effect at the beginning of a step, where everything holds that it depends on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, Said, acts, mind_of, people, talk
from troupe_batch.errors import BudgetSpent, CannotAct, FixTheInput
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.judging.propositions import Proposition
from troupe_batch.simulation.judging.standard_propositions import quiet_recently
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.turns import StepFailure
from troupe_batch.simulation.world.world import TinyWorld

UNREADABLE = ChatReply(ReplyStatus.UNREADABLE, reason="no JSON")


def verdict(value: object) -> dict[str, Any]:
    return {"justification": "so it is", "value": value, "confidence": 0.9}


def judging(**by_claim: Said) -> FakeModel:
    """Says of the claim "first." what `first` is here, and so on; everybody else is quiet."""

    def judged(asked: Asked) -> Said:
        return next(said for claim, said in by_claim.items() if f"<claim>\n{claim}.\n" in asked.text)

    return FakeModel(lambda _: acts(), others={"check": judged, "score": judged})


def fired(world: TinyWorld) -> list[tuple[int | None, str | None]]:
    return [
        (event.step, event.content)
        for event in world.journal.events
        if event.type == "INTERVENTION" and event.status == "happened"
    ]


# The table of the class's docstring, cell by cell: functions, claims (None: cannot be judged), calls, fires.
@pytest.mark.parametrize(
    ("functions", "claims", "calls", "fires"),
    [
        ([], [], 0, True),
        ([True], [], 0, True),
        ([True, True], [], 0, True),
        ([False], [], 0, False),
        ([True, False], [], 0, False),
        ([False], [True], 0, False),
        ([False, True], [True, None], 0, False),
        ([], [True], 1, True),
        ([True], [True, True], 2, True),
        ([], [False], 1, False),
        ([True], [True, False], 2, False),
        ([], [None], 1, False),
        ([True], [True, None], 2, False),
        ([], [False, None], 2, False),
    ],
)
async def test_the_truth_table(
    functions: list[bool],
    claims: list[bool | None],
    calls: int,
    fires: bool,
) -> None:
    said = {f"claim{n}": UNREADABLE if value is None else verdict(value) for n, value in enumerate(claims)}
    model = judging(**said)
    intervention = Intervention("it").effect(lambda world: world.broadcast("It happens."))
    for holds in functions:
        intervention.when(lambda _, holds=holds: holds)  # type: ignore[misc] # mypy cannot type a default here
    for n in range(len(claims)):
        intervention.when_text(f"claim{n}.")
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=[intervention])

    await world.run(1)

    assert len(model.named("check")) == calls
    assert fired(world) == ([(1, "it")] if fires else [])
    assert ("It happens." in model.acts[0].text) == fires
    assert len(world.failures) == (None in claims and calls > 0)


async def test_it_fires_once_or_whenever_it_holds() -> None:
    once = Intervention("once").effect(lambda world: world.show("Once."))
    always = Intervention("always", once=False).effect(lambda world: world.show("Always."))
    world = TinyWorld(people=people("Ann"), mind=mind_of([acts()]), interventions=[once, always])

    await world.run(3)

    assert fired(world) == [(1, "once"), (1, "always"), (2, "always"), (3, "always")]


async def test_an_intervention_that_has_fired_asks_no_model_any_more() -> None:
    model = judging(done=verdict(value=True))
    world = TinyWorld(people=people("Ann"), mind=mind_of(model))
    world.add_intervention(Intervention("it").when_text("done.").effect(lambda world: world.show("!")))

    await world.run(4)

    assert len(model.named("check")) == 1


async def test_steps_are_counted_from_1_and_each_of_them_counts() -> None:
    model = FakeModel(lambda _: acts())
    some = Intervention("some", once=False).when_step(1, 3).effect(lambda world: world.show("!"))
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=[some])

    await world.run(5)

    assert fired(world) == [(1, "some"), (3, "some")]
    assert [asked.text.count("You saw: !") for asked in model.acts] == [1, 1, 2, 2, 2]


@pytest.mark.parametrize("steps", [(), (0,), (2, 0), (-1,)])
def test_steps_are_numbers_from_1(steps: tuple[int, ...]) -> None:
    with pytest.raises(FixTheInput, match="when_step takes one or more steps, counted from 1"):
        Intervention("it").when_step(*steps)


@pytest.mark.parametrize(("score", "fires"), [(0, False), (6, False), (7, True), (9, True)])
async def test_a_proposition_can_be_asked_for_a_score(score: int, fires: bool) -> None:
    model = judging(agreed=verdict(score))
    claim = Proposition("agreed.")
    intervention = Intervention("it").when_proposition(claim, at_least=7).effect(lambda world: world.show("!"))
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=[intervention])

    await world.run(1)

    assert bool(fired(world)) == fires
    assert (len(model.named("score")), len(model.named("check"))) == (1, 0)


@pytest.mark.parametrize(
    ("bounds", "fires_at"),
    [
        ({"at_most": 3}, {0, 1, 2, 3}),
        ({"at_least": 2, "at_most": 4}, {2, 3, 4}),
        ({"at_least": 9}, {9}),
        ({"at_most": 0}, {0}),
    ],
)
async def test_a_score_has_a_lower_and_an_upper_bound(bounds: dict[str, int], fires_at: set[int]) -> None:
    found = set()
    for score in range(10):
        intervention = Intervention("it").when_proposition(Proposition("agreed."), **bounds).effect(lambda _: None)
        model = judging(agreed=verdict(score))
        world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=[intervention])
        await world.run(1)
        found |= {score} if fired(world) else set()

    assert found == fires_at


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"at_least": 10}, "at_least is a score from 0 to 9, not the int 10"),
        ({"at_most": True}, "at_most is a score from 0 to 9"),
        ({"at_least": 5, "at_most": 4}, r"at_least \(5\) is greater than at_most \(4\)"),
    ],
)
def test_bounds_of_a_score_that_nothing_can_meet_are_refused(bounds: dict[str, int], said: str) -> None:
    with pytest.raises(FixTheInput, match=said):
        Intervention("it").when_proposition(Proposition("agreed."), **bounds)


async def test_a_model_is_asked_about_the_targets_and_sees_what_happened() -> None:
    model = judging(annoyed=verdict(value=True))
    ann, bob = people("Ann", "Bob")
    intervention = Intervention("it", ann).when_text("annoyed.").effect(lambda person: person.see("A dove."))
    world = TinyWorld(people=[ann, bob], mind=mind_of(model), interventions=[intervention])
    bob.listen("Only Bob knows.")
    ann.listen("Only Ann knows.")

    await world.run(1)

    assert "Only Ann knows." in model.named("check")[0].text
    assert "Only Bob knows." not in model.named("check")[0].text
    assert ["A dove." in asked.text for asked in model.acts] == [True, False]


async def test_effects_come_in_order_after_everything_was_judged_plain_or_async_and_before_anybody_acts() -> None:
    model = FakeModel(lambda _: acts())
    order: list[str] = []

    def holds(name: str) -> bool:
        order.append(f"look at {name}")
        return True

    async def later(world: TinyWorld) -> None:
        order.append("do second")
        world.broadcast("From the second.")

    first = Intervention("first").when(lambda _: holds("first")).effect(lambda _: order.append("do first"))
    second = Intervention("second").when(lambda _: holds("second")).effect(later)
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=[first, second])

    await world.run(1)

    assert order == ["look at first", "look at second", "do first", "do second"]
    assert "From the second." in model.acts[0].text


async def test_what_people_do_in_an_effect_is_heard_in_the_same_step() -> None:
    async def let_speak(person: TinyPerson) -> None:
        await person.listen_and_act("Say something.")

    model = FakeModel([acts(talk("Something.")), acts()])
    ann, bob = people("Ann", "Bob")
    world = TinyWorld(people=[ann, bob], mind=mind_of(model))
    world.add_intervention(Intervention("it", ann).effect(let_speak))

    await world.run(1)

    assert any("Ann said: Something." in line for line in model.acts[2].memory)


async def test_an_effect_that_cannot_be_carried_out_is_a_failure_on_record() -> None:
    def fails(_: TinyWorld) -> None:
        raise CannotAct("refused", "not me")

    world = TinyWorld(people=people("Ann"), mind=mind_of([acts()]), interventions=[Intervention("it").effect(fails)])

    await world.run(1)

    assert [(one.person_id, one.status, one.reason) for one in world.failures] == [(None, "refused", "not me")]
    assert world.journal.events[1].reason == "refused: not me"


async def test_quiet_worlds_can_be_livened_up_without_a_model() -> None:
    model = FakeModel(lambda asked: acts(talk("Aha.")) if "Topic" in asked.text else acts())
    quiet = Intervention("quiet").when(lambda world: quiet_recently(world, last_steps=2))
    world = TinyWorld(people=people("Ann"), mind=mind_of(model))
    world.add_intervention(quiet.effect(lambda world: world.broadcast("Topic: cats.")))

    await world.run(4)

    assert fired(world) == [(3, "quiet")]
    assert len(model.asked) == 4


async def test_one_intervention_serves_many_worlds() -> None:
    it = Intervention("it").effect(lambda world: world.show("!"))
    worlds = [TinyWorld(people=people("Ann"), mind=mind_of([acts()]), interventions=[it]) for _ in range(3)]

    for world in worlds:
        await world.run(2)

    assert [fired(world) for world in worlds] == [[(1, "it")]] * 3


def nothing(_: object) -> None:
    """An effect that leaves no trace."""


def test_an_intervention_without_effect_or_with_a_name_that_is_taken_is_refused_by_the_world() -> None:
    world = TinyWorld("Room", interventions=[Intervention("it").effect(nothing)])

    with pytest.raises(FixTheInput, match="two interventions of Room are called 'it'"):
        world.add_intervention(Intervention("it").effect(nothing))
    with pytest.raises(
        FixTheInput, match=r"intervention 'other' has no effect; give it one with `\.effect\(function\)`"
    ):
        world.add_intervention(Intervention("other"))
    with pytest.raises(FixTheInput, match="intervention 'other' has no effect"):
        TinyWorld("Room", interventions=[Intervention("other")])

    assert [one.name for one in world.interventions] == ["it"]


async def test_an_intervention_that_is_removed_happens_no_more_and_its_name_is_free() -> None:
    always = Intervention("always", once=False).effect(nothing)
    once = Intervention("once").effect(nothing)
    world = TinyWorld("Room", people("Ann"), mind=mind_of([acts()]), interventions=[always, once])
    await world.run(1)

    world.remove_intervention(always).remove_intervention("once")
    await world.run(1)
    world.add_intervention(Intervention("once").effect(nothing))
    await world.run(1)

    assert fired(world) == [(1, "always"), (1, "once"), (3, "once")]


@pytest.mark.parametrize("stranger", ["nope", Intervention("nope"), 5])
def test_an_intervention_that_is_not_there_cannot_be_removed(stranger: Any) -> None:
    world = TinyWorld("Room", interventions=[Intervention("it").effect(nothing)])

    with pytest.raises(FixTheInput, match=r"Room has no intervention .*; it has: 'it'"):
        world.remove_intervention(stranger)


async def test_an_effect_with_an_error_of_its_own_is_raised_on_record_and_tried_again_by_the_next_run() -> None:
    tries: list[int] = []

    def fails_once(world: TinyWorld) -> None:
        tries.append(world.step)
        if len(tries) == 1:
            raise ValueError("boom")
        world.broadcast("Done.")

    model = FakeModel(lambda _: acts())
    it = Intervention("it").when_step(2).effect(fails_once)
    world = TinyWorld("Room", people("Ann"), mind=mind_of(model), interventions=[it])

    with pytest.raises(ValueError, match="boom") as caught:
        await world.run(3)
    assert caught.value.__notes__ == ["Raised by the effect of intervention 'it' of Room."]
    assert (world.step, len(model.acts)) == (2, 1)
    assert world.failures == [StepFailure(2, None, "failed", "ValueError: boom")]
    [event] = [event for event in world.journal.events if event.type == "INTERVENTION"]
    assert (event.kind, event.status, event.reason) == ("failure", "failed", "ValueError: boom")
    await world.run(2)

    assert tries == [2, 2]
    assert fired(world) == [(2, "it")]
    assert "Done." in model.acts[1].text
    assert (world.step, len(world.failures)) == (4, 1)


async def test_what_is_paid_for_is_used_before_the_error_of_an_effect_is_raised() -> None:
    async def speak_and_fail(person: TinyPerson) -> None:
        await person.listen_and_act("Say something.")
        raise KeyError("price")

    model = FakeModel(
        [acts(talk("Something."))], others={"check": lambda _: verdict(value=True), "score": lambda _: verdict(9)}
    )
    ann, bob = people("Ann", "Bob")
    failing = Intervention("failing", ann).when_text("first.").effect(speak_and_fail)
    other = Intervention("other").when_text("second.").effect(lambda world: world.broadcast("From the other."))
    world = TinyWorld(people=[ann, bob], mind=mind_of(model), interventions=[failing, other])

    with pytest.raises(KeyError, match="price"):
        await world.run(1)

    assert (len(model.named("check")), len(model.acts)) == (2, 1)
    assert fired(world) == [(1, "other")]
    assert [entry.line for entry in bob.episodic.entries if "Something." in entry.line]
    assert "From the other." in bob.transcript()


async def test_an_effect_that_stops_the_job_has_not_fired_and_is_no_failure() -> None:
    stops: list[Exception] = [BudgetSpent("the cap")]

    def effect(world: TinyWorld) -> None:
        if stops:
            raise stops.pop()
        world.show("!")

    it = Intervention("it").effect(effect)
    world = TinyWorld(people=people("Ann"), mind=mind_of([acts()]), interventions=[it])

    with pytest.raises(BudgetSpent):
        await world.run(1)
    assert (world.failures, fired(world)) == ([], [])
    await world.run(1)

    assert fired(world) == [(1, "it")]


async def test_an_effect_may_bring_people_and_take_them_away() -> None:
    def swap(world: TinyWorld) -> None:
        world.remove_person("Ann").add_people(people("Cleo"))

    model = FakeModel(lambda _: acts())
    world = TinyWorld(people=people("Ann", "Bob"), mind=mind_of(model))
    world.add_intervention(Intervention("swap").when_step(2).effect(swap))

    await world.run(2)

    assert [asked.person for asked in model.acts] == ["Ann", "Bob", "Bob", "Cleo"]
