from __future__ import annotations

import base64

import numpy as np

from troupe_batch.rehearsal.embeddings import as_base64, embed


def test_embeddings_are_unit_vectors_and_deterministic() -> None:
    first, second = embed("A cold soup", 256, 1), embed("A cold soup", 256, 1)

    assert np.array_equal(first, second)
    assert abs(float(np.linalg.norm(first)) - 1) < 1e-6
    assert not np.array_equal(first, embed("A cold soup", 256, 2))


def test_similar_texts_are_closer_than_unlike_ones() -> None:
    soup = embed("I like cold tomato soup on hot days", 1_536, 1)

    near = float(soup @ embed("On hot days I like a cold soup of tomatoes", 1_536, 1))
    far = float(soup @ embed("My landlord raised the rent again", 1_536, 1))

    assert near > 0.6
    assert abs(far) < 0.25


def test_base64_holds_the_same_floats() -> None:
    vector = embed("soup", 64, 1)

    assert np.array_equal(np.frombuffer(base64.b64decode(as_base64(vector)), "<f4"), vector)


def test_texts_without_words_and_lists_of_tokens_have_a_direction_too() -> None:
    for text in ("!?", [1, 2, 3]):
        assert abs(float(np.linalg.norm(embed(text, 32, 1))) - 1) < 1e-6
