from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.simulation.record.documents import PASSAGE_LENGTH, Document, cut_into_passages

# Few letters, so that borders, sentence ends and long words collide.
TEXTS = st.text("ab .。\n", max_size=120)


@given(TEXTS, st.integers(1, 30))
@example("a" * 50, 7)
@example("a. b\n\n\n\nb", 3)
@settings(max_examples=500)
def test_passages_hold_the_whole_text_in_order_and_none_is_too_long(text: str, longest: int) -> None:
    passages = list(cut_into_passages(text, longest=longest))

    assert all(0 < len(passage) <= longest for passage in passages)
    assert _letters("".join(passages)) == _letters(text)


def test_paragraphs_are_put_together_and_never_cut_where_they_fit() -> None:
    paragraphs = [f"Paragraph {n}. " + "word " * 70 for n in range(6)]
    document = Document("long.txt", "\r\n\r\n".join(paragraphs))

    assert len(document.passages) == 3
    found = [part for passage in document.passages for part in passage.split("\n\n")]
    assert found == [paragraph.strip() for paragraph in paragraphs]
    assert max(map(len, document.passages)) <= PASSAGE_LENGTH


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One is short. Two is longer", "One is short."),
        ("He said “no.” Then he left", "He said “no.”"),
        ("no sentence ends in here at all", "no sentence ends in"),
        ("这是第一句话。这是第二句话的开头没有结尾呢吗", "这是第一句话。"),
        ("anunbreakablewordoflength", "anunbreakablewordofl"),
    ],
)
def test_a_long_paragraph_is_cut_behind_a_sentence_else_a_word_else_anywhere(text: str, first: str) -> None:
    assert next(cut_into_passages(text, longest=20)) == first


def test_a_document_is_plain_data() -> None:
    document = Document("a.txt", "one\n\ntwo")
    assert document.passages == ("one\n\ntwo",)

    assert pickle.loads(pickle.dumps(document)) == document  # noqa: S301 -- our own bytes
    assert document == Document("a.txt", "one\n\ntwo")
    assert hash(document) == hash(Document("a.txt", "one\n\ntwo"))


def test_a_document_without_text_has_no_passages() -> None:
    assert Document("a.txt", " \n\n ").passages == ()


def _letters(text: str) -> str:
    return re.sub(r"\s", "", text)
