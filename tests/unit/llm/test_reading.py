"""Replies are read against their schema whatever form of Unicode a model spells its labels in."""

from __future__ import annotations

import orjson
import pytest

from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.llm.reading import read_value

_PICK = ReplySchema("answers", strict_object({"q": {"type": "string", "enum": ["café", "Tea"]}}))
_EACH = ReplySchema("answers", strict_object({"q": strict_object({"café": {"type": "boolean"}})}))


@pytest.mark.parametrize("spelled", ["caf\u00e9", "cafe\u0301"])
def test_a_label_in_another_spelling_is_the_label(spelled: str) -> None:
    picked, no_problem = read_value(orjson.dumps({"q": spelled}), _PICK)
    each, none_either = read_value(orjson.dumps({"q": {spelled: True}}), _EACH)

    assert (picked, each) == ({"q": "caf\u00e9"}, {"q": {"caf\u00e9": True}})
    assert (no_problem, none_either) == (None, None)


def test_what_is_no_label_in_any_spelling_is_none() -> None:
    value, problem = read_value(orjson.dumps({"q": "cafe\u0301s"}), _PICK)

    assert value is None
    assert problem is not None
    assert problem.startswith("it does not match the schema")
