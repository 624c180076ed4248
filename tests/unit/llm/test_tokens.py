from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.models import SCHEMA
from troupe_batch.llm.chat import Message, Role
from troupe_batch.llm.tokens import TokenCounter, estimate_tokens

# Each text with its number of tokens in o200k_base, counted with tiktoken.
COUNTED = [
    (
        (
            "You are taking part in a study about food. Answer as the person described below would answer, from their "
            "own point of view, and do not mention that you are a model. If the person would not know, say so."
        ),
        46,
    ),
    (
        (
            "<persona>\n- name: Maria Delgado\n- age: 34\n- gender: female\n- region: South\n"
            "- household_income: 62000\n- education: bachelor's degree\n- occupation: registered nurse\n</persona>"
        ),
        48,
    ),
    (
        (
            '{"type":"object","properties":{"purchase_likelihood":{"type":"string","enum":["Definitely would buy",'
            '"Probably would buy","Might or might not buy","Probably would not buy","Definitely would not buy"]}},'
            '"required":["purchase_likelihood"],"additionalProperties":false}'
        ),
        56,
    ),
    (
        (
            "Sie nehmen an einer Studie über Lebensmittel teil. Antworten Sie so, wie die unten beschriebene Person "
            "antworten würde, und aus ihrer Sicht."
        ),
        30,
    ),
    (
        (
            "¿Qué probabilidad hay de que compre este gazpacho en botella si lo viera en su supermercado habitual a un "
            "precio de 2,99 euros?"
        ),
        31,
    ),
    ("このボトル入りガスパチョをいつものスーパーで見かけたら、どのくらい買いたいと思いますか。", 32),
]


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_the_estimate_is_near_the_count(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == pytest.approx(tokens, rel=0.15)


def test_no_text_has_no_tokens_and_any_text_has_one() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("the") == 1
    assert estimate_tokens("\t") == 1


@given(st.text(max_size=60))
def test_the_estimate_takes_any_text(text: str) -> None:
    assert 0 <= estimate_tokens(text) <= 4 * len(text.encode(errors="surrogatepass"))


def test_a_prompt_counts_its_messages_their_wrapping_and_the_schema() -> None:
    counter = TokenCounter(len, "characters")
    messages = [Message(Role.SYSTEM, "abc"), Message(Role.USER, "de")]

    assert counter.count_prompt(messages) == 3 + (4 + 3) + (4 + 2)
    assert counter.count_prompt(messages, SCHEMA) > 16 + 80


@pytest.mark.parametrize("content", [None, b"not the vocabulary"])
def test_without_its_vocabulary_nothing_is_fetched_and_the_counter_says_so(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    file = tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790"
    if content is not None:
        file.write_bytes(content)

    counter = TokenCounter.at_hand()

    assert counter.method == "calibrated estimate of o200k_base"
    assert file.exists() == (content is not None)
