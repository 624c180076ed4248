"""Replies that say one thing are read, whatever stands around it; of two things none is chosen."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from troupe_batch.llm.chat import CacheState, ReplySchema, ReplyStatus, strict_object
from troupe_batch.llm.error_bodies import NoReply
from troupe_batch.llm.plain_refusals import declines
from troupe_batch.llm.reading import read_completion
from troupe_batch.llm.reply_codec import ReplyCodec

_SCHEMA = ReplySchema(
    "answers",
    strict_object(
        {
            "soup": {"type": "string", "enum": ["Yes", "No"]},
            "cups": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 99}, {"type": "null"}]},
            "again": {"type": "boolean"},
        }
    ),
)
_VALUE = {"soup": "Yes", "cups": 7, "again": True}
_JSON = orjson.dumps(_VALUE).decode()
_OTHER = _JSON.replace("Yes", "No")
_THOUGHTS = f"<think>\nThe person likes soup. Perhaps {_OTHER}?\n</think>\n\n"


def body(content: Any, finish_reason: str | None = "stop", **more: Any) -> bytes:
    message = {"role": "assistant", "content": content, **more}
    return orjson.dumps({"model": "m", "choices": [{"message": message, "finish_reason": finish_reason}]})


def parts(*texts: str) -> list[dict[str, str]]:
    return [{"type": "thinking", "thinking": _OTHER}, *({"type": "text", "text": text} for text in texts)]


def calling(arguments: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": "answers", "arguments": arguments}}]


def streamed(*texts: str) -> bytes:
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in [*events, end]) + b"data: [DONE]\n"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(body(_JSON), id="as it should be"),
        pytest.param(streamed(_JSON[:9], _JSON[9:]), id="as a stream that nobody asked for"),
        pytest.param(body(parts(_JSON[:20], _JSON[20:])), id="in parts, behind a thought"),
        pytest.param(body(_VALUE), id="JSON that the server has parsed"),
        pytest.param(body({"type": "text", "text": _JSON}), id="in one part alone"),
        pytest.param(b"\xef\xbb\xbf" + body(_JSON), id="in a body behind a byte order mark"),
        pytest.param(body(f"```json\n{_JSON}"), id="in a fence that is not closed"),
        pytest.param(body(None, reasoning_content=_JSON), id="in the reasoning field"),
        pytest.param(body("", reasoning=f"{_THOUGHTS}{_JSON}"), id="in the other one, behind thoughts"),
        pytest.param(body(None, reasoning_content=f"Soup it is. So the answer: {_JSON}"), id="at the end of reasoning"),
        pytest.param(body(None, tool_calls=calling(_JSON)), id="as what a tool is called with"),
        pytest.param(body(_THOUGHTS + _JSON), id="behind a thinking block"),
        pytest.param(body(_THOUGHTS.removeprefix("<think>") + _JSON), id="behind one whose beginning is in the prompt"),
        pytest.param(body(f"[THINK]Hm, {_OTHER}.[/THINK]{_JSON}"), id="behind another mark"),
        pytest.param(body(f"<think>Yes, I would say so. {_JSON}"), id="at the end of thoughts that are not closed"),
        pytest.param(
            body(
                f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>{_JSON}<|return|>"
            ),
            id="in the final channel",
        ),
        pytest.param(body(f"Sure! Here it is:\n```json\n{_JSON}\n```\nAnything else?"), id="in a fence among words"),
        pytest.param(body(f"```\n{_JSON}\n```"), id="in a fence"),
        pytest.param(body(f"As asked [1]: {_JSON} (that is all)"), id="among words"),
        pytest.param(body(f"{_JSON}\n\n{_JSON}"), id="twice the same"),
        pytest.param(body(f"\ufeff{_JSON}"), id="behind a byte order mark"),
        pytest.param(body(_JSON, "length"), id="whole, at the limit"),
        pytest.param(body(f"```json\n{_JSON}\n```", "length"), id="whole in a fence, at the limit"),
        pytest.param(body(_JSON.replace("7", '"7"')), id="a number as text"),
        pytest.param(body(_JSON.replace("7", '" 7.0 "')), id="a number as another text"),
        pytest.param(body(_JSON.replace("true", '"True"')), id="a truth value as text"),
        pytest.param(body(_JSON.replace("Yes", " yes")), id="a label in another case"),
        pytest.param(body(_JSON.replace("{", '{"why": "I like it", ')), id="a key that nobody asked for"),
        pytest.param(body(f'{{"answers": {_JSON}}}'), id="in one object too many"),
        pytest.param(body(f'{{"type": "answers", "value": {_JSON}}}'), id="in an object with a word beside it"),
        pytest.param(body(f"[{_JSON}]"), id="in a list"),
        pytest.param(body(orjson.dumps(_JSON).decode()), id="as JSON in JSON"),
        pytest.param(body(_JSON.replace("{", '{"soup": "Yes", ')), id="the same key twice, saying the same"),
    ],
)
def test_what_says_one_thing_is_read_and_comes_back_from_the_cache(said: bytes) -> None:
    reply = read_completion(said, _SCHEMA)

    assert (reply.status, reply.value, reply.reason) == (ReplyStatus.OK, _VALUE, None)
    stored = ReplyCodec().decode(ReplyCodec().encode(reply, _SCHEMA), _SCHEMA, b"k", CacheState.HIT)
    assert stored is not None
    assert (stored.status, stored.value) == (ReplyStatus.OK, _VALUE)
    assert type(stored.value["cups"]) is type(reply.value["cups"]) is int


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(body(f"{_JSON}\n{_OTHER}"), id="two objects"),
        pytest.param(body(f"Either {_JSON} or {_OTHER}."), id="two among words"),
        pytest.param(body(f"```\n{_JSON}\n```\nor\n```\n{_OTHER}\n```"), id="two fences"),
        pytest.param(body(f'{_JSON} {{"soup": "N'), id="one, and another that was begun"),
        pytest.param(body(f"[{_JSON}, {_OTHER}]"), id="two in a list"),
        pytest.param(body(f'{{"a": {_JSON}, "b": {_OTHER}}}'), id="two in an object"),
        pytest.param(body(_JSON.replace("{", '{"soup": "No", ')), id="one key with two values"),
        pytest.param(body(None, reasoning_content=f"Perhaps {_JSON}. But no."), id="a draft among thoughts"),
        pytest.param(body(f"<think>Perhaps {_JSON}? Or rather not"), id="a draft in thoughts that never end"),
        pytest.param(body(_JSON.replace("7", '"7,5"')), id="a number that could be two"),
        pytest.param(body(_JSON.replace("7", '"about 7"')), id="a number among words"),
        pytest.param(body(_JSON.replace("7", '"700"')), id="a number out of bounds"),
        pytest.param(body(_JSON.replace('"again"', '"agian"')), id="a key that is missing"),
        pytest.param(body(""), id="nothing"),
        pytest.param(body([{"type": "image"}]), id="no text at all"),
    ],
)
def test_what_could_be_two_things_is_unreadable(said: bytes) -> None:
    reply = read_completion(said, _SCHEMA)

    assert (reply.status, reply.value) == (ReplyStatus.UNREADABLE, None)


@pytest.mark.parametrize(
    ("said", "finish_reason", "expected"),
    [
        (_JSON[:-5], "length", ReplyStatus.TRUNCATED),
        (_JSON[:-5], "max_tokens", ReplyStatus.TRUNCATED),
        (f"So: {_JSON}, and", "length", ReplyStatus.TRUNCATED),
        ("{}", "length", ReplyStatus.TRUNCATED),
        ("", "SAFETY", ReplyStatus.CONTENT_FILTERED),
        (None, "content_filter", ReplyStatus.CONTENT_FILTERED),
    ],
)
def test_a_reply_that_ended_early_says_how(said: str | None, finish_reason: str, expected: ReplyStatus) -> None:
    reply = read_completion(body(said, finish_reason), _SCHEMA)

    assert (reply.status, reply.value) == (expected, None)


def test_a_filtered_choice_needs_no_message() -> None:
    reply = read_completion(b'{"choices": [{"index": 0, "finish_reason": "content_filter"}]}', _SCHEMA)

    assert reply.status is ReplyStatus.CONTENT_FILTERED


@pytest.mark.parametrize("finish_reason", ["error", "insufficient_system_resource"])
def test_a_service_that_gave_up_has_not_replied(finish_reason: str) -> None:
    with pytest.raises(NoReply):
        read_completion(body(_JSON[:9], finish_reason), _SCHEMA)


def test_thoughts_are_no_part_of_a_text() -> None:
    behind, only = read_completion(body(f"{_THOUGHTS}Yes, please."), None), read_completion(body("<think>Hm"), None)

    assert (behind.status, behind.text) == (ReplyStatus.OK, "Yes, please.")
    assert only.status is ReplyStatus.UNREADABLE


def test_nothing_as_text_is_nothing() -> None:
    assert read_completion(body(_JSON.replace("7", '"null"')), _SCHEMA).value == {**_VALUE, "cups": None}


def test_labels_that_differ_in_case_alone_are_told_apart() -> None:
    schema = ReplySchema("x", strict_object({"q": {"type": "string", "enum": ["US", "us"]}}))

    exact, unclear = read_completion(body('{"q": "us"}'), schema), read_completion(body('{"q": "Us"}'), schema)

    assert (exact.value, unclear.value) == ({"q": "us"}, None)


def test_a_number_is_no_truth_value() -> None:
    schema = ReplySchema("x", strict_object({"q": {"enum": [1, 2]}, "r": {"type": "boolean"}}))

    assert read_completion(body('{"q": true, "r": true}'), schema).value is None
    assert read_completion(body('{"q": "2", "r": true}'), schema).value == {"q": 2, "r": True}


_DECLINING = [
    "I'm sorry, but I can't help with that.",
    "I\N{RIGHT SINGLE QUOTATION MARK}m sorry, I cannot assist with this request.",
    "Sorry, but I am unable to provide an answer as this person.",
    "As an AI language model, I don't have opinions and cannot answer this survey.",
    "I cannot participate in this role.",
    "Je suis désolé, mais je ne peux pas répondre à cette demande.",
    "Désolée, je ne peux pas vous aider.",
    "Desculpe, mas não posso ajudar com isso.",
    "Sinto muito, não consigo responder a essa pergunta.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Mi dispiace, ma non posso rispondere a questa richiesta.",
    "很抱歉 我无法回答这个问题。",
    "申し訳ありませんが、お答えできません。",
]
_ANSWERING = [
    "I can't stand gazpacho.",
    "Sorry, I am late: my bus did not come.",
    "Unfortunately my mother cannot cook.",
    "Je ne peux pas supporter la soupe froide.",
    "Não posso tomar café à noite.",
    "Leider schmeckt es mir nicht.",
    "The soup is too cold to help.",
    "I would buy it, and I would help my neighbour to some.",
]


@pytest.mark.parametrize("words", _DECLINING)
def test_a_refusal_in_plain_words_is_refused(words: str) -> None:
    reply = read_completion(body(words), _SCHEMA)

    assert (reply.status, reply.value, reply.reason) == (ReplyStatus.REFUSED, None, words)


@pytest.mark.parametrize("words", _ANSWERING)
def test_what_people_say_is_no_refusal(words: str) -> None:
    assert not declines(words)
    assert read_completion(body(words), _SCHEMA).status is ReplyStatus.UNREADABLE


def test_a_text_that_needs_no_form_may_speak_of_what_it_cannot() -> None:
    assert read_completion(body(_DECLINING[0]), None).status is ReplyStatus.OK


@pytest.mark.parametrize("piece", ["{", "[", '{"a":', "```\n", "<think>", "{}{", '"', "</think>", "I'm sorry, "])
def test_texts_made_to_keep_a_reader_busy_end_as_unreadable(piece: str) -> None:
    reply = read_completion(body(piece * 30_000), _SCHEMA)

    assert reply.status is ReplyStatus.UNREADABLE
