from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.llm.masking import Echoes, KeyMask

KEY = "a/key+of=an.odd-shape_1"
PERSONA = "- name: Ángela Ruiz\n- occupation: keeps bees in Teruel and sells honey"


@pytest.mark.parametrize(
    "shape",
    [
        KEY,
        KEY.upper(),
        KEY[::-1],
        quote(KEY, safe=""),
        KEY.encode().hex(),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(f"user:{KEY}".encode()).decode(),
        base64.urlsafe_b64encode(f"Bearer {KEY}!".encode()).decode(),
    ],
)
def test_a_key_is_hidden_in_whatever_shape_it_comes_back(shape: str) -> None:
    mask = KeyMask(KEY)

    text, body = mask.text(f"wrong key: {shape}."), mask.body(f'{{"said": "{shape}"}}'.encode())

    assert "[key]" in text
    assert shape not in text
    assert b"[key]" in body


@given(
    before=st.text("ab ", max_size=5), key=st.text("abX1-", min_size=8, max_size=30), after=st.text("ab ", max_size=5)
)
def test_no_base64_of_a_text_with_the_key_gives_the_key_away(before: str, key: str, after: str) -> None:
    coded = base64.b64encode(f"{before}{key}{after}".encode()).decode()

    masked = KeyMask(key).text(coded)

    assert "[key]" in masked


def test_a_key_too_short_to_be_one_and_no_key_hide_nothing() -> None:
    assert KeyMask("none").text("there are none") == "there are none"
    assert KeyMask(None).body(b"as it was") == b"as it was"


def test_what_a_prompt_said_is_cut_out_of_an_error_and_the_rest_stays() -> None:
    said = "invalid content: 'occupation: keeps bees in Teruel and sells honey' at position 3"

    assert Echoes([PERSONA]).without(said) == "invalid content: '[prompt]' at position 3"


@given(st.integers(0, 30), st.integers(12, 40))
def test_no_stretch_of_a_prompt_is_left(start: int, length: int) -> None:
    told = " ".join(PERSONA.split())
    said = f"XXX{told[start : start + length].upper()}XXX"

    left = Echoes([PERSONA]).without(said)

    assert not any(told[at : at + 12].casefold() in left.casefold() for at in range(len(told) - 11))


def test_an_error_about_something_else_is_as_it_was() -> None:
    said = "Unsupported value: 'temperature' does not support 0.7 with this model."

    assert Echoes([PERSONA]).without(said) == said
