"""What surveys were answered once they are answered for ever: caches and datasets hold these replies.

The digests were computed by the version that knew of nothing but surveys. One of them may change only together with
ANSWER_VERSION, which gives the server another identity and so empties every cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from troupe_batch.rehearsal import load_respondents, parse_respondents
from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint
from troupe_batch.rehearsal.replies import Reply
from troupe_batch.rehearsal.respondents import ANSWER_VERSION

PROJECT = Path(__file__).resolve().parents[3]
Nodes = dict[str, list[dict[str, Any]]]

FIRST = "schema: troupe_batch/respondents/1\n"

FILE = """
questions:
  liking:
    type: choice
    base: {Bad: 2, Fair: 3, Good: 5}
    shifts:
      - {when: {age: ">=55"}, slope: -0.6}
      - {material: soup, slope: 0.4}
    position: {first: 0.4, 2: -0.2}
    dont_know: {rate: 0.1, label: Not sure}
    refusal_rate: 0.05
  uses: {type: multi, base: {Lunch: 0.6, Snack: 0.3, Never: 0.2}, exclusive: [Never], dont_know: {rate: 0.1}}
  price: {type: numeric, distribution: lognormal, median: 5, sigma: 0.4, dont_know: {rate: 0.2}}
  actions: {type: text, templates: ["At {age} I {feel} it", {when: {age: ">50"}, text: "never"}], words: {feel: [a, b]}}
"""


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


PERCENT = {"type": "integer", "minimum": 0, "maximum": 100}
LABELS = ["Good", "Bad", "Fair", "Not sure"]
NODES: Nodes = {
    "liking": [{"type": "string", "enum": LABELS}, _object(dict.fromkeys(LABELS, PERCENT))],
    "uses": [_object({name: {"type": "boolean"} for name in ("Lunch", "Snack", "Never", "dont_know")})],
    "price": [{"anyOf": [{"type": "number", "minimum": 0, "maximum": 12}, {"type": "null"}]}, {"type": "integer"}],
    "actions": [{"type": "string"}, {"type": ["string", "null"]}],
}
WITHOUT_A_FILE: list[dict[str, Any]] = [
    {"type": "boolean"},
    {"type": "integer", "minimum": 0, "maximum": 9},
    {"type": "array", "items": _object({"type": {"enum": ["TALK", "DONE"]}, "content": {"type": ["string", "null"]}})},
    _object({"summary": {"type": "string"}, "facts": {"type": "array", "items": {"type": "string"}}}),
]


def _requests(body: Any, nodes: Nodes) -> Iterator[bytes]:
    for question_id, forms in nodes.items():
        for node in forms:
            for seed in range(60):
                yield body(question_id, node, shown=LABELS[seed % 4 :], facts={"age": 20 + seed}, seed=seed)


def _digest(
    endpoint: RehearsalEndpoint, requests: Iterator[bytes], ask: Callable[[RehearsalEndpoint, bytes], Reply]
) -> str:
    digest = hashlib.sha256()
    for request in requests:
        digest.update(ask(endpoint, request).body)
    return digest.hexdigest()


def test_replies_to_the_questions_of_a_file_are_the_same_bytes_as_ever(
    endpoint_with: Callable[..., RehearsalEndpoint], body: Any, ask: Any
) -> None:
    found = _digest(endpoint_with(FILE, seed=7), _requests(body, NODES), ask)

    assert found == "077009df00c7b6ed13262416b75bbe393829aed873f3b4f6af8e5678b4acc867"


def test_replies_without_a_file_are_the_same_bytes_as_ever(
    endpoint_with: Callable[..., RehearsalEndpoint], body: Any, ask: Any
) -> None:
    nodes = NODES | {"q": WITHOUT_A_FILE}

    found = _digest(endpoint_with(seed=7), _requests(body, nodes), ask)

    assert found == "424a523ca139ccb33790d6205882528a0822b1234d7e951dcff58cf855514180"


def test_replies_of_the_flagship_job_are_the_same_bytes_as_ever(body: Any, ask: Any) -> None:
    file = PROJECT / "jobs" / "gazpacho_respondents.yaml"
    spec = load_respondents(file)
    scale = list(orjson.loads(spec.model_dump_json())["questions"]["purchase_likelihood"]["base"])
    nodes: Nodes = {"purchase_likelihood": [{"type": "string", "enum": scale}], "in_own_words": [{"type": "string"}]}

    found = _digest(RehearsalEndpoint(RehearsalConfig(respondents=file)), _requests(body, nodes), ask)

    assert found == "ecfd6cc5d87acb8ee989d42269a5cb7521a29aa06798dd448b7ac90e0dc061de"


@pytest.mark.parametrize(
    ("read", "digest"),
    [
        (
            lambda: load_respondents(PROJECT / "jobs" / "gazpacho_respondents.yaml"),
            "e21bc330175dce6a723a916499558291b924fa5595b912dff3bfd7ce0a13b6b3",
        ),
        (lambda: parse_respondents(FIRST + FILE), "2b4dcead72ce2273004029f6d19a63ac98d3315e9cf07bba73342c630cf5d25b"),
    ],
    ids=["flagship", "example"],
)
def test_files_that_only_speak_of_questions_keep_their_digests(read: Any, digest: str) -> None:
    assert read().digest == digest


def test_a_server_without_a_file_keeps_its_identity() -> None:
    assert RehearsalConfig(seed=3).identity == f"rehearsal/any-{ANSWER_VERSION}/3" == "rehearsal/any-1/3"
