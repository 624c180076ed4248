"""People who act in a rehearsal: every reply is a usable act, whoever acts and whatever they are able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rehearsal.act_requests import act_request, act_schema
from troupe_batch.rehearsal import RehearsalConfig
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint, RehearsalRequest

Make = Callable[..., RehearsalEndpoint]
Said = Callable[[RehearsalEndpoint, bytes], Any]

EVERYTHING = {
    "WRITE_DOCUMENT": ["title", "content", "author"],
    "CREATE_EVENT": ["title", "date", "time", "attendees", "content"],
    "LIST_EVENTS": ["date"],
    "RECALL": ["content"],
    "CONSULT": ["target", "content"],
    "LIST_DOCUMENTS": [],
    "ORDER_TAXI": ["name", "draws", "place"],
}
LOOK_UPS = ("RECALL", "CONSULT", "LIST_DOCUMENTS", "LIST_EVENTS")
RATES = ", ".join(f"{name}: 1" for name in EVERYTHING)
NO_LOOK_UPS = ", ".join(f"{name}: {int(name not in LOOK_UPS)}" for name in EVERYTHING)
ALWAYS, DEEDS = (f"acts: {{think: 1, talk: 1, reach_out: 1, faculties: {{{rates}}}}}" for rates in (RATES, NO_LOOK_UPS))


def _types(reply: Mapping[str, Any]) -> list[str]:
    return [action["type"] for action in reply["actions"]]


@pytest.mark.parametrize("file", ["", ALWAYS, DEEDS], ids=["no file", "looking up", "everything else at once"])
def test_every_act_matches_its_schema_and_ends_in_its_only_done(endpoint_with: Make, said: Said, file: str) -> None:
    endpoint = endpoint_with(file)
    schema = orjson.loads(act_request(faculties=EVERYTHING))["response_format"]["json_schema"]["schema"]

    replies = [said(endpoint, act_request(faculties=EVERYTHING, seed=seed)) for seed in range(500)]

    validator = jsonschema_rs.validator_for(schema)
    for reply in replies:
        validator.validate(reply)
        types = _types(reply)
        assert types.count("DONE") == 1
        assert types[-1] == "DONE"
    assert len({str(reply) for reply in replies}) > 450


NAMES = st.sampled_from(["RECALL", "CONSULT", "LIST_DOCUMENTS", "WRITE_DOCUMENT", "ORDER_TAXI", "X"])
FIELDS = st.lists(st.sampled_from(["target", "content", "title", "date", "name"]), max_size=3, unique=True)
ASKED = st.sampled_from(
    [{"type": "integer", "minimum": 0, "maximum": 3}, {"type": ["string", "null"]}, {"type": "string", "enum": ["a"]}]
)


@settings(max_examples=300)
@given(
    st.dictionaries(NAMES, FIELDS, max_size=4),
    st.dictionaries(st.sampled_from(["liking", "why"]), ASKED),
    st.sampled_from(["", "- in reach:\n  - A", "- in reach:", "- goals: x\n- in reach:\n  - A: b\n  - C"]),
    st.integers(0, 2**64 - 1),
)
def test_whatever_a_person_is_able_to_do_the_act_is_valid(
    faculties: dict[str, list[str]], asked: dict[str, Any], now: str, key: int
) -> None:
    body = act_request(faculties=faculties, asked=asked, now=now)

    reply, _ = RehearsalEndpoint(RehearsalConfig()).answer(
        RehearsalRequest(is_chat=True, model_in_path=None, body=body, key=key)
    )

    value = orjson.loads(orjson.loads(reply.body)["choices"][0]["message"]["content"])
    jsonschema_rs.validate(act_schema(faculties, asked), value)
    assert _types(value)[-1] == "DONE"
    assert list(value) == ["actions", *asked, "cognitive_state"]


def test_an_act_has_the_contents_that_its_actions_need(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {think: 0.5, talk: 0.8, reach_out: 0.5}")

    actions = [a for seed in range(300) for a in said(endpoint, act_request(seed=seed))["actions"]]

    of = {kind: [a for a in actions if a["type"] == kind] for kind in ("TALK", "THINK", "REACH_OUT", "DONE")}
    assert all(a["content"].startswith("[rehearsal] ") for kind in ("TALK", "THINK") for a in of[kind])
    assert {a["target"] for a in of["TALK"]} == {None, "Oscar Diaz", "Ana Silva"}
    assert {a["target"] for a in of["REACH_OUT"]} == {"Oscar Diaz", "Ana Silva"}
    assert {a["target"] for a in of["THINK"]} == {None}
    assert {(a["target"], a["content"]) for a in of["DONE"]} == {(None, None)}


def test_the_state_of_mind_is_made_of_short_marked_texts(endpoint_with: Make, said: Said) -> None:
    states = [said(endpoint_with(), act_request(seed=seed))["cognitive_state"] for seed in range(100)]

    texts = [text for s in states for text in (s["goals"], *s["context"], s["attention"], s["emotions"])]
    assert all(text.startswith("[rehearsal] ") and len(text) < 60 for text in texts)
    assert len({str(state) for state in states}) > 50


def test_who_is_alone_speaks_to_everyone_and_reaches_out_to_nobody(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {to_everyone: 0, talk: 1, reach_out: 1}")

    replies = [said(endpoint, act_request(now="- place: a cafe", seed=seed)) for seed in range(50)]

    assert {a["target"] for reply in replies for a in reply["actions"]} == {None}
    assert not any("REACH_OUT" in _types(reply) for reply in replies)


def test_only_the_latest_now_says_who_is_in_reach(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {to_everyone: 0, talk: 1, think: 0}")
    memory = ["Ana said: <now>", "Ana said: - in reach:", "You said: never mind"]

    targets = {
        said(
            endpoint, act_request(memory=memory, now="- in reach:\n  - Bo &lt;b>: friend: old\n- goals: x", seed=seed)
        )["actions"][0]["target"]
        for seed in range(20)
    }

    assert targets == {"Bo <b>"}


def test_documents_and_events_are_such_that_tools_can_use_them(endpoint_with: Make, said: Said) -> None:
    faculties = {name: EVERYTHING[name] for name in ("WRITE_DOCUMENT", "CREATE_EVENT")}
    endpoint = endpoint_with("acts: {faculties: {WRITE_DOCUMENT: 1, CREATE_EVENT: 1}}")

    actions = [a for seed in range(50) for a in said(endpoint, act_request(faculties=faculties, seed=seed))["actions"]]

    for written in (a for a in actions if a["type"] == "WRITE_DOCUMENT"):
        assert written["title"].startswith("[rehearsal] ")
        assert written["content"].startswith("[rehearsal] ")
        assert written["content"].count("[rehearsal]") == 1
    for entered in (a for a in actions if a["type"] == "CREATE_EVENT"):
        assert "2025-01-01" <= entered["date"] <= "2025-12-28"
        assert "08:00" <= entered["time"] <= "19:45"
        assert entered["attendees"] in ("Oscar Diaz", "Ana Silva")


LISTED = "LIST_DOCUMENTS showed you: Your documents:\n  - plan.md\n  - costs of 2024.docx"


def test_nothing_is_said_before_what_was_looked_up_is_there(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(ALWAYS)
    memory = [LISTED, "Ana said: well"]

    replies = [said(endpoint, act_request(faculties=EVERYTHING, memory=memory, seed=seed)) for seed in range(200)]

    assert {tuple(_types(reply)) for reply in replies} == {("THINK", name, "DONE") for name in LOOK_UPS}


@pytest.mark.parametrize("time", ["", "(Monday 6 January 2025, 09:00) "])
@pytest.mark.parametrize("name", LOOK_UPS)
def test_nobody_looks_up_twice_in_a_row_so_that_every_act_comes_to_its_end(
    endpoint_with: Make, said: Said, name: str, time: str
) -> None:
    endpoint = endpoint_with(ALWAYS)
    memory = ["You said: yes", f"You did {name}", f"{time}{name} showed you: some lines:\n  - one\n  - two"]

    replies = [said(endpoint, act_request(faculties=EVERYTHING, memory=memory, seed=seed)) for seed in range(50)]

    assert not any(set(_types(reply)) & set(LOOK_UPS) for reply in replies)
    assert all("TALK" in _types(reply) for reply in replies)


def test_once_something_else_has_happened_people_look_up_again(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(ALWAYS)
    memory = [LISTED, "Ana said: RECALL showed you: x"]

    assert set(LOOK_UPS) & set(_types(said(endpoint, act_request(faculties=EVERYTHING, memory=memory))))


def test_an_action_that_showed_something_is_not_done_again_in_the_same_act(endpoint_with: Make, said: Said) -> None:
    faculties = {"ORDER_TAXI": ["place"], "SING": ["content"]}
    endpoint = endpoint_with("acts: {think: 0, talk: 1, reach_out: 0, faculties: {ORDER_TAXI: 1, SING: 1}}")

    before = said(endpoint, act_request(faculties=faculties))
    after = said(endpoint, act_request(faculties=faculties, memory=["ORDER_TAXI showed you: it comes"]))

    assert _types(before) == ["TALK", "ORDER_TAXI", "SING", "DONE"]
    assert _types(after) == ["TALK", "SING", "DONE"]


@pytest.mark.parametrize(
    ("memory", "consulted"),
    [
        ([], set()),
        ([LISTED, "Ana said: well"], {"plan.md", "costs of 2024.docx"}),
        ([LISTED, "You did LIST_DOCUMENTS", "LIST_DOCUMENTS showed you: Your documents:\n  - b", "Oh"], {"b"}),
    ],
    ids=["none known", "listed", "listed anew"],
)
def test_people_consult_the_documents_that_they_know_of(
    endpoint_with: Make, said: Said, memory: Sequence[str], consulted: set[str]
) -> None:
    endpoint = endpoint_with("acts: {faculties: {CONSULT: 1}}")
    faculties = {"CONSULT": EVERYTHING["CONSULT"]}

    actions = [
        a
        for seed in range(30)
        for a in said(endpoint, act_request(faculties=faculties, memory=memory, seed=seed))["actions"]
    ]

    assert {a["target"] for a in actions if a["type"] == "CONSULT"} == consulted


def test_documents_that_the_rules_name_can_be_consulted(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {faculties: {CONSULT: 1}}")
    body = act_request(faculties={"CONSULT": ["target", "content"]}, material="Documents:\n- a.pdf\n- b.pdf\n\nSoup")

    assert said(endpoint, body)["actions"][-2]["target"] in ("a.pdf", "b.pdf")


def test_the_same_act_is_the_same_bytes_and_another_sample_is_another_act(endpoint_with: Make, ask: Any) -> None:
    first, second = (ask(endpoint_with(seed=4), act_request(faculties=EVERYTHING, seed=1)) for _ in range(2))

    assert first == second
    assert ask(endpoint_with(seed=4), act_request(faculties=EVERYTHING, seed=2)).body != first.body


def test_a_schema_of_another_name_or_form_is_no_act(endpoint_with: Make, body: Any, said: Said) -> None:
    endpoint = endpoint_with("acts: {think: 1, talk: 1}")
    text = {"type": "string"}
    form = {"type": "json_schema", "json_schema": {"name": "act", "schema": act_schema()["properties"]["actions"]}}

    other_name = [said(endpoint, act_request(name="answers", seed=seed)) for seed in range(50)]
    no_list = said(endpoint, body("actions", text, response_format=form))

    assert any(_types(reply)[-1:] != ["DONE"] for reply in other_name)
    assert isinstance(no_list, list)


def test_an_act_holds_no_more_actions_than_its_schema_allows(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {think: 1, talk: 1, reach_out: 1}")
    request = orjson.loads(act_request())
    request["response_format"]["json_schema"]["schema"]["properties"]["actions"]["maxItems"] = 2

    assert _types(said(endpoint, orjson.dumps(request))) == ["THINK", "DONE"]
