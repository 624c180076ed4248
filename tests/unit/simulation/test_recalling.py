"""People who remember what they were asked before: behind the persona in every prompt, and in nobody else's."""

from __future__ import annotations

from troupe_batch.persona import Persona
from troupe_batch.simulation.person.person import TinyPerson

SAID = "<recollections>\n- Tea? -> yes\n</recollections>"


def person() -> TinyPerson:
    return TinyPerson.cast(3, Persona({"name": "Ana", "age": 30}), {"age": 30})


def test_recollections_stand_behind_the_persona() -> None:
    assert person().recalling(SAID).block == f"{person().block}\n\n{SAID}"
    assert person().recalling("").block == person().block


def test_recalling_makes_the_same_person_and_leaves_the_first_as_it_was() -> None:
    first = person()
    recalling = first.recalling(SAID)

    assert (recalling.person_id, recalling.index, recalling.facts) == (first.person_id, 3, {"age": 30})
    assert first.recollections == ""
    assert SAID not in first.block


def test_they_remember_in_every_unit_and_whatever_becomes_of_their_persona() -> None:
    recalling = person().recalling(SAID)

    richer = recalling.with_persona(Persona({"name": "Ana", "job": "cook"}))
    for one in (
        recalling.fresh(),
        richer,
        richer.fresh(name="Ana 2"),
        recalling.fresh().define("job", "cook"),
        recalling.fresh().with_persona(richer.persona),
    ):
        assert one.block.endswith(SAID)
    assert "- job: cook" in richer.block


def test_they_remember_after_being_put_away() -> None:
    restored = TinyPerson.from_state(person().recalling(SAID).state())

    assert restored.block == person().recalling(SAID).block
    assert "recollections" not in person().state()
