from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from troupe_batch.rehearsal.endpoint import RehearsalEndpoint, RehearsalRequest
from troupe_batch.rehearsal.prefix_cache import PrefixCache, has_breakpoints, without_hints
from troupe_batch.rehearsal.replies import Reply
from troupe_batch.seeded import stream

Make = Callable[..., RehearsalEndpoint]
# One token is four bytes.
START = b"abcd" * 1_024
RULES = "rule " * 1_200  # 1,500 tokens
EXPLICIT = {"mode": "explicit"}


def cached(prefixes: PrefixCache, model: str, prompt: bytes) -> int:
    """How much of a prompt is read; it is known from then on."""
    found = prefixes.found(model, prompt)
    prefixes.keep(found)
    return found.read


def test_a_prompt_below_1024_tokens_is_never_cached() -> None:
    prefixes = PrefixCache()

    counts = [cached(prefixes, "m", START[:-4]) for _ in range(3)]

    assert counts == [0, 0, 0]


@pytest.mark.parametrize(("shared_tokens", "read"), [(1_024, 1_024), (1_151, 1_024), (1_152, 1_152), (1_300, 1_280)])
def test_the_shared_prefix_counts_from_1024_tokens_in_steps_of_128(shared_tokens: int, read: int) -> None:
    prefixes = PrefixCache()
    shared = b"abcd" * shared_tokens

    first = cached(prefixes, "m", shared + b"x" * 2_000)
    second = cached(prefixes, "m", shared + b"y" * 2_000)

    assert (first, second) == (0, read)


def test_another_model_or_another_beginning_shares_nothing() -> None:
    prefixes = PrefixCache()
    cached(prefixes, "m", START)

    assert cached(prefixes, "other", START) == 0
    assert cached(prefixes, "m", b"x" + START) == 0
    assert cached(prefixes, "m", START) == 1_024


def test_the_least_recently_used_prefix_is_forgotten_first() -> None:
    prefixes = PrefixCache(size=2)
    texts = [bytes([letter]) * 4_096 for letter in b"abc"]

    for text in (texts[0], texts[1], texts[0], texts[2]):
        cached(prefixes, "m", text)

    assert cached(prefixes, "m", texts[0]) == 1_024
    assert cached(prefixes, "m", texts[1]) == 0


def test_a_full_cache_of_prefixes_forgets_without_looking_through_all_of_them() -> None:
    prefixes = PrefixCache(size=50_000)
    texts = [b"%04d" % number * 3_000 for number in range(6_000)]

    def seconds(part: slice) -> float:
        start = time.process_time()
        for text in texts[part]:
            cached(prefixes, "m", text)
        return time.process_time() - start

    filling, _, full = (seconds(slice(*part)) for part in ((0, 1_000), (1_000, 5_000), (5_000, 6_000)))

    assert full < 4 * filling


@pytest.mark.parametrize(
    ("model", "has"),
    [
        ("gpt-5.6-luna", True),
        ("gpt-6-luna", True),
        ("gpt-6-luna-2026-09-22", True),
        ("gpt-6.1-sol", True),
        ("gpt-10", True),
        ("gpt-5.5", False),
        ("gpt-5", False),
        ("gpt-5-mini-2025-08-07", False),
        ("gpt-4o-mini", False),
        ("gpt-4.1", False),
        ("gpt-oss-120b", False),
        ("rehearsal", False),
    ],
)
def test_models_have_breakpoints_from_gpt_5_6_on(model: str, has: bool) -> None:
    assert has_breakpoints(model) is has


def request(*texts: str | list[dict[str, Any]], model: str = "gpt-6-luna", **more: Any) -> bytes:
    """A conversation: the system's text, then user and assistant in turns."""
    roles = ["system", *(["user", "assistant"] * len(texts))]
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return orjson.dumps({"model": model, "messages": messages, "prompt_cache_key": "k", **more})


def marked(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text, "prompt_cache_breakpoint": EXPLICIT}]


def counts(endpoint: RehearsalEndpoint, ask: Any, bodies: Sequence[bytes]) -> list[tuple[int, int]]:
    """Of each reply in turn, how many tokens were read and how many written."""
    usages = [orjson.loads(ask(endpoint, body).body)["usage"]["prompt_tokens_details"] for body in bodies]
    return [(usage["cached_tokens"], usage["cache_write_tokens"]) for usage in usages]


def test_without_a_breakpoint_of_its_own_each_long_prompt_is_written_and_none_is_read(
    endpoint_with: Make, ask: Any
) -> None:
    found = counts(endpoint_with(), ask, [request(RULES, f"I am number {n}.") for n in range(3)])

    assert [read for read, _ in found] == [0, 0, 0]
    assert all(written > 1_500 for _, written in found)


def test_a_marked_beginning_is_written_once_and_read_after_under_the_same_key(endpoint_with: Make, ask: Any) -> None:
    endpoint = endpoint_with()
    explicit: dict[str, Any] = {"prompt_cache_options": EXPLICIT}

    found = counts(endpoint, ask, [request(marked(RULES), f"I am number {n}.", **explicit) for n in range(3)])
    [other_key] = counts(endpoint, ask, [request(marked(RULES), "I am.", prompt_cache_key="l", **explicit)])

    size = found[0][1]
    assert 1_500 <= size <= 1_510
    assert found == [(0, size), (size, 0), (size, 0)]
    assert other_key == (0, size)
    assert (endpoint.stats.cached_tokens, endpoint.stats.cache_write_tokens) == (2 * size, 2 * size)


def test_explicit_mode_without_a_breakpoint_and_short_beginnings_cost_no_write(endpoint_with: Make, ask: Any) -> None:
    explicit: dict[str, Any] = {"prompt_cache_options": EXPLICIT}

    unmarked = counts(endpoint_with(), ask, [request(RULES, "I am.", **explicit)] * 2)
    short = counts(endpoint_with(), ask, [request(marked("rule " * 600), "word " * 900, **explicit)] * 2)

    assert unmarked == short == [(0, 0), (0, 0)]


def test_a_conversation_that_grows_reads_what_it_has_said_and_writes_what_is_new(endpoint_with: Make, ask: Any) -> None:
    endpoint = endpoint_with()
    turns = ["First " * 100, "Yes.", "Second " * 100, "No.", "Third " * 100]

    first, second, third = counts(endpoint, ask, [request(RULES, *turns[:length]) for length in (1, 3, 5)])

    assert first[0] == 0
    assert second[0] == first[1]
    assert third[0] == sum(second)
    assert 150 < second[1] < 200


@pytest.mark.parametrize(("mode", "first_known"), [("explicit", 2), ("implicit", 3)])
def test_at_most_four_beginnings_are_written_the_implicit_one_included_and_the_longest_of_them(
    endpoint_with: Make, ask: Any, mode: str, first_known: int
) -> None:
    own = {"type": "text", "text": "own"}
    parts = [{"type": "text", "text": f"{n} " + RULES, "prompt_cache_breakpoint": EXPLICIT} for n in range(5)]
    first = request([*parts, own], "I am.", prompt_cache_options={"mode": mode})

    def read_of(length: int) -> int:
        """What another prompt reads that begins with the first so many parts."""
        endpoint = endpoint_with()
        other = request([*parts[:length], own], "Other.", prompt_cache_options=EXPLICIT)
        return counts(endpoint, ask, [first, other])[1][0]

    assert [read_of(length) > 0 for length in range(1, 6)] == [length >= first_known for length in range(1, 6)]


def test_what_a_prompt_stores_is_known_when_its_reply_is_out_and_not_before(endpoint_with: Make) -> None:
    endpoint = endpoint_with()
    bodies = [request(marked(RULES), f"I am number {n}.", prompt_cache_options=EXPLICIT) for n in range(3)]
    orders = [RehearsalRequest(is_chat=True, model_in_path=None, body=body, key=stream(body.hex())) for body in bodies]

    together = [(order, endpoint.answer(order)[0]) for order in orders[:2]]
    for order, reply in together:
        endpoint.sent(order, reply)
    after, _ = endpoint.answer(orders[2])

    assert [_read(reply) for _, reply in together] == [0, 0]
    assert _read(after) > 1_500


def _read(reply: Reply) -> int:
    assert reply.tokens is not None
    return reply.tokens.cached


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (request("Hi", model="gpt-4o-mini", prompt_cache_options=EXPLICIT), "prompt_cache_options"),
        (request(marked("Hi"), model="gpt-5.5"), "messages[0].content[0].prompt_cache_breakpoint"),
        (request("Hi", prompt_cache_options={"mode": "always"}), "prompt_cache_options.mode"),
        (request("Hi", prompt_cache_options={"ttl": "2h"}), "prompt_cache_options.ttl"),
        (request([{**marked("Hi")[0], "prompt_cache_breakpoint": {}}]), "messages[0].content[0]."),
        (request([{**marked("Hi")[0], "type": "video"}]), "messages[0].content[0]."),
        (request("Hi", prompt_cache_key="k" * 65), "prompt_cache_key"),
        (request("Hi", prompt_cache_key=7), "prompt_cache_key"),
    ],
)
def test_what_the_api_does_not_take_is_refused_by_name(endpoint_with: Make, ask: Any, body: bytes, param: str) -> None:
    reply = ask(endpoint_with(), body)

    assert reply.status == 400
    assert orjson.loads(reply.body)["error"]["param"].startswith(param)


@pytest.mark.parametrize(
    "hinted",
    [
        request("Be terse.", "Hi.", prompt_cache_options=EXPLICIT),
        request(marked("Be terse."), "Hi.", prompt_cache_options=EXPLICIT, prompt_cache_key="another"),
        request([{"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}}], "Hi."),
    ],
)
def test_a_body_is_the_same_question_whatever_it_says_of_caching(hinted: bytes) -> None:
    plain = orjson.loads(request("Be terse.", "Hi."))
    del plain["prompt_cache_key"]

    assert without_hints(hinted) == orjson.dumps(plain)


@pytest.mark.parametrize(
    "body", [b"", b'{"prompt_cache_key', b'["prompt_cache_key"]', b'{"prompt_cache_key":1,"messages":[7]}', b'{"a": 1}']
)
def test_what_is_no_request_stays_as_it_is(body: bytes) -> None:
    assert without_hints(body) == body


def test_an_older_model_takes_a_key_and_says_nothing_of_writes(endpoint_with: Make, ask: Any) -> None:
    endpoint = endpoint_with()

    usages = [orjson.loads(ask(endpoint, request(RULES, "Hi", model="gpt-4o-mini")).body)["usage"] for _ in range(2)]

    details = [usage["prompt_tokens_details"] for usage in usages]
    assert [one["cached_tokens"] for one in details] == [0, 1_408]
    assert all("cache_write_tokens" not in one for one in details)
