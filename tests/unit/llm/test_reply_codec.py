from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from tests.doubles.models import SCHEMA, ok
from troupe_batch.llm.chat import CacheState, ChatReply, ReplySchema, ReplyStatus, Usage
from troupe_batch.llm.reply_codec import ReplyCodec

KEY = b"k" * 32
CODEC = ReplyCodec()


@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    counts=st.none() | st.tuples(*[st.integers(0, 2**40)] * 5),
    model=st.none() | st.text("ab"),
    is_repaired=st.booleans(),
)
@example(text="line\nline\r\n\x00", counts=(1, 2, 3, 4, 5), model=None, is_repaired=True)
def test_a_reply_comes_back_as_it_was(
    text: str, counts: tuple[int, ...] | None, model: str | None, is_repaired: bool
) -> None:
    usage = Usage(*counts) if counts else None
    reply = ChatReply(ReplyStatus.OK, text, usage=usage, model=model, finish_reason="stop", is_repaired=is_repaired)

    back = CODEC.decode(CODEC.encode(reply, None), None, KEY, CacheState.HIT)

    assert back == replace(reply, cost_usd=0.0, attempts=0, cache=CacheState.HIT, key=KEY)


def test_a_reply_that_was_stored_before_there_were_cache_writes_is_read() -> None:
    header = orjson.dumps([[100, 40, 20, 5], "m", "stop", False])
    stored = CODEC.encode(ok("no"), SCHEMA)[:1] + zstandard.ZstdCompressor(write_checksum=True).compress(
        header + b"\nhello"
    )

    back = CODEC.decode(stored, None, KEY, CacheState.HIT)

    assert back is not None
    assert back.usage == Usage(100, 40, 20, 5, cache_write_tokens=0)


def test_the_value_is_read_again_from_the_text() -> None:
    back = CODEC.decode(CODEC.encode(ok("no"), SCHEMA), SCHEMA, KEY, CacheState.HIT)

    assert back is not None
    assert back.value == {"q1": "no"}


def test_text_that_breaks_the_schema_is_no_reply() -> None:
    assert (
        CODEC.decode(CODEC.encode(replace(ok(), text='{"q1": "maybe"}'), SCHEMA), SCHEMA, KEY, CacheState.HIT) is None
    )


def test_a_reply_that_is_good_in_part_comes_back_as_unreadable_and_never_as_whole() -> None:
    partly = replace(SCHEMA, keeps=lambda value: "q1" in value)
    said = {"q1": "maybe"}
    reply = replace(ok(), status=ReplyStatus.UNREADABLE, text='{"q1": "maybe"}', value=said, reason="it is no option")
    stored = CODEC.encode(reply, partly)

    back = CODEC.decode(stored, partly, KEY, CacheState.HIT)

    assert back is not None
    assert (back.status, back.value) == (ReplyStatus.UNREADABLE, {"q1": "maybe"})
    assert "it does not match the schema" in (back.reason or "")
    assert stored[:1] != CODEC.encode(ok(), SCHEMA)[:1]
    assert CODEC.decode(stored, SCHEMA, KEY, CacheState.HIT) is None
    assert CODEC.decode(stored, None, KEY, CacheState.HIT) is None


def test_what_only_a_check_objects_to_is_checked_again_when_it_comes_back() -> None:
    checked = replace(SCHEMA, check=lambda _: "no", keeps=lambda _: True)
    stored = CODEC.encode(replace(ok(), status=ReplyStatus.UNREADABLE, reason="no"), checked)

    strict, lenient = (CODEC.decode(stored, schema, KEY, CacheState.HIT) for schema in (checked, SCHEMA))

    assert strict is not None
    assert (strict.status, strict.reason) == (ReplyStatus.UNREADABLE, "no")
    assert lenient is not None
    assert (lenient.status, lenient.reason) == (ReplyStatus.OK, None)


@pytest.mark.parametrize(
    "schema", [None, SCHEMA, replace(SCHEMA, keeps=lambda _: False)], ids=["none", "plain", "keeps"]
)
@pytest.mark.parametrize("status", [status for status in ReplyStatus if status is not ReplyStatus.OK])
def test_what_is_no_answer_has_no_bytes(status: ReplyStatus, schema: ReplySchema | None) -> None:
    with pytest.raises(ValueError, match="is not stored"):
        CODEC.encode(replace(ok(), status=status), schema)


def test_a_refusal_has_no_bytes_even_where_the_schema_keeps_parts() -> None:
    keeping = replace(SCHEMA, keeps=lambda _: True)

    with pytest.raises(ValueError, match="is not stored"):
        CODEC.encode(replace(ok(), status=ReplyStatus.REFUSED), keeping)


def test_a_doubtful_reply_has_no_bytes() -> None:
    with pytest.raises(ValueError, match="is not stored"):
        CODEC.encode(replace(ok(), is_doubtful=True), SCHEMA)


@given(data=st.binary(max_size=40), position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_passes(data: bytes, position: int, bit: int) -> None:
    good = bytearray(CODEC.encode(ok(), SCHEMA))
    good[position % len(good)] ^= 1 << bit

    assert CODEC.decode(bytes(good), SCHEMA, KEY, CacheState.HIT) in (
        None,
        CODEC.decode(CODEC.encode(ok(), SCHEMA), SCHEMA, KEY, CacheState.HIT),
    )
    assert CODEC.decode(data, SCHEMA, KEY, CacheState.HIT) is None


def test_every_cut_is_noticed() -> None:
    good = CODEC.encode(ok(), SCHEMA)

    assert [CODEC.decode(good[:length], SCHEMA, KEY, CacheState.HIT) for length in range(len(good))] == [None] * len(
        good
    )


def test_every_flipped_bit_of_plain_text_is_noticed() -> None:
    good = CODEC.encode(replace(ok(), text="aaaa bbbb cccc dddd"), None)

    flipped = [good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :] for at in range(len(good)) for bit in range(8)]

    texts = {reply.text for data in flipped if (reply := CODEC.decode(data, None, KEY, CacheState.HIT))}
    assert texts <= {"aaaa bbbb cccc dddd"}


def test_a_frame_that_unpacks_to_more_than_any_reply_is_not_unpacked() -> None:
    header = orjson.dumps([None, "m", "stop", False]) + b"\n"
    large, fitting = (
        CODEC.encode(ok(), None)[:1] + zstandard.ZstdCompressor().compress(header + bytes(size))
        for size in (64 * 2**20, 2**20)
    )

    assert CODEC.decode(large, None, KEY, CacheState.HIT) is None
    assert CODEC.decode(fitting, None, KEY, CacheState.HIT) is not None
