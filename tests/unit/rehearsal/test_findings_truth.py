"""What extractions and judgements of a rehearsal bring has the distribution that the respondent file states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import orjson
import pytest

from tests.unit.rehearsal.shares import assert_share
from troupe_batch.rehearsal import misfit, parse_respondents, true_distribution, true_quantile
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint

Make = Callable[..., RehearsalEndpoint]
Said = Callable[[RehearsalEndpoint, bytes], Any]

FIRST = "schema: troupe_batch/respondents/1\n"
DRAWS = 3_000
LABELS = ["welcomed", "divided", "rejected"]

FILE = """
extractions:
  fields:
    reception:
      type: choice
      base: {welcomed: 5, divided: 3, rejected: 2}
      dont_know: {rate: 0.1}
    would_pay: {type: choice, base: {"yes": 3, "no": 1}}
    price: {type: numeric, distribution: normal, mean: 10, sd: 2, dont_know: {rate: 0.2}}
    idea: {type: text, templates: ["a {thing} that is {answers.reception}", "a {thing}"], words: {thing: [button]}}
  findings: {count: {0: 1, 1: 5, 2: 4}}
"""


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(node: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [node, {"type": "null"}]}


FIELDS = _object(
    {
        "reception": _or_null({"type": "string", "enum": LABELS}),
        "would_pay": _or_null({"type": "boolean"}),
        "price": _or_null({"type": "number", "minimum": 0, "maximum": 80}),
        "idea": _or_null({"type": "string"}),
        "other": _or_null({"type": "string"}),
    }
)
MANY = _object({"findings": {"type": "array", "items": FIELDS}})


def _request(
    name: str, schema: dict[str, Any], seed: int, text: str = "<material>\nAna said: yes\n</material>"
) -> bytes:
    form = {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}
    messages = [{"role": "system", "content": "Read what happened."}, {"role": "user", "content": text}]
    return orjson.dumps({"model": "m", "messages": messages, "seed": seed, "response_format": form})


@pytest.mark.parametrize("is_list", [False, True], ids=["one finding", "a list of findings"])
def test_fields_of_findings_have_the_distribution_of_the_file(endpoint_with: Make, said: Said, is_list: bool) -> None:
    endpoint, schema = endpoint_with(FILE), MANY if is_list else FIELDS
    respondents = parse_respondents(FIRST + FILE)

    replies = [said(endpoint, _request("extraction", schema, seed)) for seed in range(DRAWS)]

    jsonschema_rs.validate({"type": "array", "items": schema}, replies)
    rows = [row for reply in replies for row in reply["findings"]] if is_list else replies
    total = len(rows)
    truth = true_distribution(respondents, "extractions.reception", {}, LABELS)
    assert truth == pytest.approx({"welcomed": 0.5, "divided": 0.3, "rejected": 0.2})
    for label, probability in truth.items():
        assert_share(sum(row["reception"] == label for row in rows), total, 0.9 * probability)
    assert_share(sum(row["would_pay"] for row in rows), total, 0.75)
    prices = [row["price"] for row in rows if row["price"] is not None]
    assert_share(total - len(prices), total, 0.2)
    upper = true_quantile(respondents, "extractions.price", {}, 0.75)
    assert_share(sum(price < upper for price in prices), len(prices), 0.75)
    ideas = {(row["reception"], row["idea"]) for row in rows}
    assert {idea for reception, idea in ideas if reception is None} == {"[rehearsal] a button"}
    assert ("divided", "[rehearsal] a button that is divided") in ideas
    assert all(row["other"] is None or row["other"].startswith("[rehearsal] ") for row in rows)


def test_as_many_findings_are_made_as_the_file_says(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(FILE)

    counts = Counter(len(said(endpoint, _request("extraction", MANY, seed))["findings"]) for seed in range(DRAWS))

    assert set(counts) == {0, 1, 2}
    for count, share in {0: 0.1, 1: 0.5, 2: 0.4}.items():
        assert_share(counts[count], DRAWS, share)


def test_bounds_of_the_list_win_over_the_count_of_the_file(endpoint_with: Make, said: Said) -> None:
    bounded = _object({"findings": {"type": "array", "items": FIELDS, "minItems": 3, "maxItems": 3}})

    assert len(said(endpoint_with(FILE), _request("extraction", bounded, 1))["findings"]) == 3


def test_a_field_that_refuses_refuses_the_extraction(endpoint_with: Make, said: Said) -> None:
    file = "extractions: {fields: {idea: {type: text, templates: [x], refusal_rate: 1}}, findings: {count: {1: 1}}}"

    assert said(endpoint_with(file), _request("extraction", MANY, 1)) is None
    assert said(endpoint_with(file), _request("extraction", FIELDS, 1)) is None


def test_without_a_word_in_the_file_findings_are_valid_and_mostly_filled(endpoint_with: Make, said: Said) -> None:
    replies = [said(endpoint_with(), _request("extraction", MANY, seed)) for seed in range(300)]

    jsonschema_rs.validate({"type": "array", "items": MANY}, replies)
    values = [value for reply in replies for row in reply["findings"] for value in row.values()]
    assert {len(reply["findings"]) for reply in replies} == {0, 1, 2, 3}
    assert values.count(None) < 0.1 * len(values)


def test_questions_say_nothing_of_extractions_and_extractions_nothing_of_questions(
    endpoint_with: Make, body: Any, said: Said
) -> None:
    number = "idea: {type: numeric, distribution: uniform, low: 1, high: 2}"
    endpoint = endpoint_with(f"questions: {{{number}}}\nextractions: {{fields: {{q: {{type: text, templates: [x]}}}}}}")

    found = said(endpoint, _request("extraction", FIELDS, 1))
    answered = said(endpoint, body("q", {"type": "integer"}))

    assert found["idea"] is None or found["idea"].startswith("[rehearsal] ")
    assert isinstance(answered["q"], int)


def test_a_label_of_a_field_that_the_file_does_not_know_is_reported_before_a_run_and_a_400_in_it(
    endpoint_with: Make, ask: Any
) -> None:
    file = FILE.replace("rejected: 2", "hated: 2")
    complaint = "the respondent file has no label 'rejected'; it knows: welcomed, divided, hated"

    reply = ask(endpoint_with(file), _request("extraction", MANY, 1))

    assert misfit(parse_respondents(FIRST + file), "extractions.reception", LABELS) == complaint
    assert misfit(parse_respondents(FIRST + file), "extractions.unheard_of", LABELS) is None
    assert reply.status == 400
    assert complaint in orjson.loads(reply.body)["error"]["message"]


def _verdict(value: dict[str, Any]) -> dict[str, Any]:
    confidence = {"type": "number", "minimum": 0, "maximum": 1}
    return _object({"justification": {"type": "string"}, "value": value, "confidence": confidence})


SCORE = {"type": "integer", "minimum": 0, "maximum": 9}
CHECK = _verdict({"type": "boolean"})
ACT_SCORES = _object({"fluency": _verdict(SCORE), "suitability": _verdict(SCORE)})


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("check", CHECK),
        ("score", _verdict(SCORE)),
        ("act_scores", ACT_SCORES),
        (
            "consolidation",
            _object({"summary": {"type": "string"}, "facts": {"type": "array", "items": {"type": "string"}}}),
        ),
        ("story", _object({"story": {"type": "string"}})),
        (
            "categories",
            _object({"categories": {"type": "array", "items": {"type": "string"}, "minItems": 4, "maxItems": 4}}),
        ),
        ("category", _object({"category": {"anyOf": [{"type": "string", "enum": LABELS}, {"type": "null"}]}})),
        (
            "questions",
            _object({"questions": {"type": "array", "items": {"type": "string"}, "minItems": 5, "maxItems": 5}}),
        ),
    ],
)
def test_judgements_stories_and_the_like_get_valid_varied_replies(
    endpoint_with: Make, said: Said, name: str, schema: dict[str, Any]
) -> None:
    replies = [said(endpoint_with(), _request(name, schema, seed)) for seed in range(100)]

    jsonschema_rs.validate({"type": "array", "items": schema}, replies)
    assert len({str(reply) for reply in replies}) > 3


def test_texts_are_assigned_to_a_category_more_often_than_to_none(endpoint_with: Make, said: Said) -> None:
    category = _or_null({"type": "string", "enum": LABELS})
    schema = _object({"t1": {"$ref": "#/$defs/category"}, "t2": {"$ref": "#/$defs/category"}})
    schema["$defs"] = {"category": category}

    replies = [said(endpoint_with(), _request("assigned", schema, seed)) for seed in range(200)]

    assigned = Counter(category for reply in replies for category in reply.values())
    assert set(assigned) == {*LABELS, None}
    assert_share(assigned[None], assigned.total(), 0.05)


def test_judgements_have_the_distribution_of_the_file(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(
        """
judgements:
  check:
    value:
      type: choice
      base: {"yes": 1, "no": 4}
      shifts: [{material: "Ana said: yes", labels: {"yes": 20}}]
  act_scores:
    fluency: {type: numeric, distribution: uniform, low: 6, high: 9}
    suitability: {type: numeric, distribution: uniform, low: 0, high: 2}
"""
    )

    quiet = [said(endpoint, _request("check", CHECK, seed, "Nothing.")) for seed in range(DRAWS)]
    agreed = [said(endpoint, _request("check", CHECK, seed)) for seed in range(50)]
    scores = [said(endpoint, _request("act_scores", ACT_SCORES, seed)) for seed in range(200)]

    assert_share(sum(reply["value"] for reply in quiet), DRAWS, 0.2)
    assert all(reply["value"] for reply in agreed)
    jsonschema_rs.validate({"type": "array", "items": ACT_SCORES}, scores)
    assert {reply["fluency"]["value"] for reply in scores} == {6, 7, 8, 9}
    assert {reply["suitability"]["value"] for reply in scores} == {0, 1, 2}


TEXTS = {name: {"type": "string"} for name in ("quote", "fact", "why")}
FOUND = _object({**TEXTS, "is_possible": {"type": "boolean"}})
CONTRADICTIONS = _object({"contradictions": {"type": "array", "items": FOUND}})


def test_a_judge_of_prose_finds_nothing_but_what_the_file_quotes(endpoint_with: Make, said: Said) -> None:
    quoting = endpoint_with(
        """
judgements:
  contradictions:
    age: {type: text, templates: ["aged 119"], dont_know: {rate: 0.75}}
"""
    )

    plain, some = (
        [said(endpoint, _request("contradictions", CONTRADICTIONS, seed)) for seed in range(DRAWS // 3)]
        for endpoint in (endpoint_with(), quoting)
    )

    assert plain == [{"contradictions": []}] * len(plain)
    jsonschema_rs.validate({"type": "array", "items": CONTRADICTIONS}, some)
    found = [one for reply in some for one in reply["contradictions"]]
    assert {(one["fact"], one["quote"], one["is_possible"]) for one in found} == {("age", "aged 119", False)}
    assert_share(len(found), len(some), 0.25)


def test_another_schema_of_that_name_is_answered_like_any(endpoint_with: Make, said: Said) -> None:
    schema = _object({"contradictions": {"type": "array", "items": {"type": "string"}, "minItems": 2}})

    reply = said(endpoint_with(), _request("contradictions", schema, 1))

    jsonschema_rs.validate(schema, reply)
