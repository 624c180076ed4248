from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.rehearsal import RehearsalConfig
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint, RehearsalRequest
from troupe_batch.rehearsal.replies import Reply

Make = Callable[..., RehearsalEndpoint]
Ask = Callable[[RehearsalEndpoint, bytes], Reply]

NODE = {"type": "string", "enum": list("abcdefghijklmnop")}


def test_the_same_request_gets_the_same_bytes_from_any_server_of_the_seed(
    endpoint_with: Make, body: Any, ask: Ask
) -> None:
    request = body("q", NODE)

    first, second = ask(endpoint_with(seed=3), request), ask(endpoint_with(seed=3), request)

    assert first == second


def test_another_sample_seed_is_another_independent_draw(endpoint_with: Make, body: Any, said: Any) -> None:
    endpoint = endpoint_with()

    answers = [said(endpoint, body("q", NODE, seed=seed))["q"] for seed in range(200)]

    assert set(answers) == set(NODE["enum"])


def test_every_reply_is_marked_as_rehearsal(endpoint_with: Make, body: Any, ask: Ask) -> None:
    reply = orjson.loads(ask(endpoint_with(), body("q", {"type": "string"})).body)

    assert reply["id"].startswith("rehearsal-")
    assert reply["system_fingerprint"] == "rehearsal"
    assert orjson.loads(reply["choices"][0]["message"]["content"])["q"].startswith("[rehearsal] ")


def test_plain_text_and_json_objects_are_answered(endpoint_with: Make, body: Any, ask: Ask) -> None:
    endpoint = endpoint_with()

    text = orjson.loads(ask(endpoint, body("q", NODE, response_format={"type": "text"})).body)
    json_object = orjson.loads(ask(endpoint, body("q", NODE, response_format={"type": "json_object"})).body)

    assert text["choices"][0]["message"]["content"].startswith("[rehearsal] ")
    assert isinstance(orjson.loads(json_object["choices"][0]["message"]["content"]), dict)


@pytest.mark.parametrize(
    ("body_text", "complaint"),
    [
        (b"{", "could not parse"),
        (b"[]", "must be a JSON object"),
        (b"{}", "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[]}', "messages"),
        (b'{"model":"m","messages":["hello"]}', "role"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}', "stream"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":2}', "one choice"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_completion_tokens":0}', "above 0"),
        (b'{"model":"m","messages":[{"role":"user"}],"response_format":{"type":"json_schema"}}', "name"),
        (
            b"""{"model":"m","messages":[{"role":"user"}],"response_format":
                {"type":"json_schema","json_schema":{"name":"x","schema":{"type":"no"}}}}""",
            "Invalid schema for response_format 'x'",
        ),
    ],
)
def test_a_request_that_cannot_be_answered_gets_a_400_that_says_why(
    endpoint_with: Make, ask: Ask, body_text: bytes, complaint: str
) -> None:
    endpoint = endpoint_with()

    reply = ask(endpoint, body_text)

    assert reply.status == 400
    assert complaint in orjson.loads(reply.body)["error"]["message"]
    assert endpoint.stats.rejected == 1
    assert endpoint.stats.replies == 0


@pytest.mark.parametrize(
    ("node", "complaint"),
    [
        ({"type": "string", "enum": ["a", "z"]}, "no label 'z'; it knows: a, b"),
        ({"type": "number"}, "is choice in the respondent file"),
    ],
)
def test_a_question_that_the_respondent_file_describes_otherwise_is_a_400(
    endpoint_with: Make, body: Any, ask: Ask, node: dict[str, Any], complaint: str
) -> None:
    endpoint = endpoint_with("questions: {q: {type: choice, base: {a: 1, b: 1}}}")

    reply = ask(endpoint, body("q", node))

    assert reply.status == 400
    assert complaint in orjson.loads(reply.body)["error"]["message"]


def test_a_reply_that_does_not_fit_the_token_limit_is_cut_off(endpoint_with: Make, body: Any, ask: Ask) -> None:
    endpoint = endpoint_with()

    reply = orjson.loads(ask(endpoint, body("q", {"type": "string"}, max_completion_tokens=5)).body)

    choice = reply["choices"][0]
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"]) == 20
    assert reply["usage"]["completion_tokens"] == 5
    assert endpoint.stats.usable_replies == 0


def test_shown_options_are_recognised_where_the_prompt_had_to_escape_them(
    endpoint_with: Make, body: Any, said: Any
) -> None:
    endpoint = endpoint_with("questions: {q: {type: choice, base: {<5: 1, '5+': 1}, position: {first: 20}}}")
    node = {"type": "string", "enum": ["<5", "5+"]}

    answers = {said(endpoint, body("q", node, shown=["5+", "&lt;5"], seed=seed))["q"] for seed in range(20)}

    assert answers == {"5+"}


def test_only_the_first_persona_and_the_last_asking_of_a_question_count(
    endpoint_with: Make, body: Any, said: Any
) -> None:
    endpoint = endpoint_with(
        "questions: {q: {type: choice, base: {a: 1, b: 1}, position: {last: 20}, "
        "shifts: [{when: {age: 99}, labels: {a: 20}}]}}"
    )
    messages = [
        {"role": "user", "content": '<persona>\n- age: 9\n</persona>\n<question id="q">\n- b\n- a\n</question>'},
        {"role": "user", "content": '<persona>\n- age: 99\n</persona>\n<question id="q">\n- a\n- b\n</question>'},
    ]

    answers = {said(endpoint, body("q", {"enum": ["a", "b"]}, messages=messages, seed=n))["q"] for n in range(20)}

    assert answers == {"b"}


ODD = st.recursive(
    st.sampled_from([None, True, 0, -1, 1.5, 2**63, "", "json_schema", "user", "text", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "name", "schema", "json_schema", "role", "content", "text"]), inner)
    ),
    max_leaves=8,
)
NUMBERS = st.sampled_from([0, 1, 2, 3, 7, 0.1, 1.5, 2**40, 2**63])
SIGNED = NUMBERS | NUMBERS.map(lambda number: -number)
KINDS = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS | st.lists(KINDS, min_size=1, max_size=2, unique=True),
            "properties": st.dictionaries(st.sampled_from("ab"), SCHEMAS, max_size=2),
            "items": SCHEMAS,
            "anyOf": st.lists(SCHEMAS | st.booleans(), min_size=1, max_size=2),
            "$ref": st.sampled_from(["#", "#/properties", "#/properties/a", "#/items", "#/anyOf/0", "#/type", "a"]),
            "enum": st.lists(ODD, min_size=1, max_size=2),
            "const": ODD,
            **dict.fromkeys(["minItems", "maxItems", "minLength", "maxLength"], NUMBERS),
            **dict.fromkeys(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], SIGNED),
            "multipleOf": NUMBERS,
            "pattern": st.sampled_from(["", "(", "^a$", "[0-9]{4}"]),
            "format": st.sampled_from(["date", "uuid", "email", "odd"]),
        },
    )
)


@settings(max_examples=400)
@given(
    st.fixed_dictionaries(
        {"model": st.just("m") | ODD},
        optional={
            "messages": ODD | st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": ODD}), max_size=2),
            "response_format": ODD
            | st.fixed_dictionaries(
                {
                    "type": st.just("json_schema"),
                    "json_schema": st.fixed_dictionaries(
                        {"name": st.just("n"), "schema": ODD | SCHEMAS, "strict": st.booleans()}
                    ),
                }
            ),
            "max_completion_tokens": ODD,
            "input": ODD,
            "dimensions": ODD,
            "reasoning_effort": ODD,
        },
    ),
    st.booleans(),
)
@example({"model": "m", "input": [True], "dimensions": True}, False)
def test_whatever_json_comes_the_server_answers_or_says_why_not(data: dict[str, Any], is_chat: bool) -> None:
    endpoint = RehearsalEndpoint(RehearsalConfig())

    reply, _ = endpoint.answer(RehearsalRequest(is_chat=is_chat, model_in_path=None, body=orjson.dumps(data), key=1))

    assert reply.status in (200, 400)
    assert orjson.loads(reply.body)
