"""What a rehearsal answers has the distribution that the respondent file states."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.unit.rehearsal.shares import assert_share
from troupe_batch.errors import SpecError
from troupe_batch.rehearsal import parse_respondents, true_distribution, true_quantile
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint

LABELS = ["Bad", "Fair", "Good"]
DRAWS = 4_000

Make = Callable[..., RehearsalEndpoint]
Said = Callable[[RehearsalEndpoint, bytes], Any]

CHOICE = """
questions:
  liking:
    type: choice
    base: {Bad: 2, Fair: 3, Good: 5}
    shifts:
      - {when: {age: ">=55"}, slope: -0.6}
      - {when: {gender: female}, labels: {Good: 0.5}}
      - {material: family recipe, slope: 0.4}
    position: {first: 0.4, 2: -0.2}
    dont_know: {rate: 0.1, label: Not sure}
    refusal_rate: 0.05
"""


def test_without_shifts_the_truth_is_the_base_distribution() -> None:
    respondents = parse_respondents(
        "{schema: troupe_batch/respondents/1, questions: {q: {type: choice, base: {a: 1, b: 3}}}}"
    )

    assert true_distribution(respondents, "q", {}, ["b", "a"]) == pytest.approx({"b": 0.75, "a": 0.25})


def test_the_truth_follows_the_formula_of_the_guide() -> None:
    respondents = parse_respondents("schema: troupe_batch/respondents/1\n" + CHOICE)
    facts = {"age": 60, "gender": "Female"}

    truth = true_distribution(respondents, "liking", facts, ["Fair", "Good", "Bad", "Not sure"], "A Family  recipe")

    slope = -0.6 + 0.4
    odds = {
        "Fair": 3 * math.exp(0.4),
        "Good": 5 * math.exp(slope * 1 + 0.5 - 0.2),
        "Bad": 2 * math.exp(slope * -1),
    }
    expected = {label: 0.9 * value / sum(odds.values()) for label, value in odds.items()} | {"Not sure": 0.1}
    assert truth == pytest.approx(expected)
    assert sum(truth.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("facts", "material", "shown"),
    [
        ({"age": 30, "gender": "male"}, "Soup", ["Bad", "Fair", "Good"]),
        ({"age": 70, "gender": "male"}, "Soup", ["Good", "Fair", "Bad"]),
        ({"age": 30, "gender": "female"}, "An old family recipe", ["Fair", "Bad", "Good"]),
        ({"age": 55, "gender": "female"}, "Soup", ["Bad", "Good", "Fair", "Not sure"]),
    ],
    ids=["base", "shifted by age", "shifted by gender and material", "don't know offered"],
)
def test_picked_answers_recover_the_true_distribution(
    endpoint_with: Make, body: Any, said: Said, facts: Mapping[str, object], material: str, shown: Sequence[str]
) -> None:
    endpoint = endpoint_with(CHOICE, seed=11)
    node = {"type": "string", "enum": sorted(shown)}
    truth = true_distribution(
        parse_respondents("schema: troupe_batch/respondents/1\n" + CHOICE), "liking", facts, shown, material
    )

    replies = [
        said(endpoint, body("liking", node, shown=shown, facts=facts, material=material, seed=seed))
        for seed in range(DRAWS)
    ]

    answers = Counter(reply["liking"] for reply in replies if reply)
    assert_share(replies.count(None), DRAWS, 0.05)
    for label, probability in truth.items():
        assert_share(answers[label], answers.total(), probability)


def test_position_bias_is_recovered_over_random_orders(endpoint_with: Make, body: Any, said: Said) -> None:
    endpoint = endpoint_with("questions: {q: {type: choice, base: {a: 1, b: 1, c: 1}, position: {first: 0.8}}}")
    orders = ["abc", "acb", "bac", "bca", "cab", "cba"]
    node = {"type": "string", "enum": ["a", "b", "c"]}

    positions = Counter(
        orders[seed % 6].index(said(endpoint, body("q", node, shown=list(orders[seed % 6]), seed=seed))["q"])
        for seed in range(DRAWS)
    )

    first = math.exp(0.8) / (math.exp(0.8) + 2)
    assert_share(positions[0], DRAWS, first)
    assert_share(positions[1], DRAWS, (1 - first) / 2)


def test_stated_chances_are_the_true_distribution_in_whole_percent(endpoint_with: Make, body: Any, said: Said) -> None:
    percent = {"type": "integer", "minimum": 0, "maximum": 100}
    names = [*LABELS, "Not sure"]
    node = {
        "type": "object",
        "properties": dict.fromkeys(names, percent),
        "required": names,
        "additionalProperties": False,
    }
    facts, shown = {"age": 60, "gender": "female"}, ["Good", "Bad", "Fair", "Not sure"]
    endpoint = endpoint_with(CHOICE.replace("refusal_rate: 0.05", "refusal_rate: 0"))

    stated = said(endpoint, body("liking", node, shown=shown, facts=facts))["liking"]

    truth = true_distribution(
        parse_respondents("schema: troupe_batch/respondents/1\n" + CHOICE), "liking", facts, shown, "Soup"
    )
    assert sum(stated.values()) == 100
    assert list(stated) == names
    assert all(abs(stated[label] - 100 * truth[label]) < 1 for label in names)


def test_options_of_a_multi_question_are_taken_at_their_true_rates(endpoint_with: Make, body: Any, said: Said) -> None:
    text = """
questions:
  uses:
    type: multi
    base: {Lunch: 0.6, Snack: 0.3, Never: 0.2}
    exclusive: [Never]
    shifts: [{when: {region: South}, options: {Snack: 1.0}}]
    dont_know: {rate: 0.1}
"""
    names = ["Lunch", "Snack", "Never", "dont_know"]
    node = {
        "type": "object",
        "properties": {name: {"type": "boolean"} for name in names},
        "required": names,
        "additionalProperties": False,
    }
    endpoint = endpoint_with(text)
    shown = ["Never", "Snack", "Lunch"]

    replies = [
        said(endpoint, body("uses", node, shown=shown, facts={"region": "South"}, seed=seed))["uses"]
        for seed in range(DRAWS)
    ]

    truth = true_distribution(
        parse_respondents("schema: troupe_batch/respondents/1\n" + text), "uses", {"region": "South"}, shown
    )
    shifted = 1 / (1 + math.exp(-(math.log(0.3 / 0.7) + 1)))
    assert truth == pytest.approx({"Never": 0.9 * 0.2, "Snack": 0.9 * 0.8 * shifted, "Lunch": 0.9 * 0.8 * 0.6})
    for option, probability in truth.items():
        assert_share(sum(reply[option] for reply in replies), DRAWS, probability)
    assert_share(sum(reply["dont_know"] for reply in replies), DRAWS, 0.1)
    assert not any(sum(reply.values()) > 1 for reply in replies if reply["dont_know"] or reply["Never"])


def test_numbers_have_the_true_quantiles_within_the_bounds_of_the_question(
    endpoint_with: Make, body: Any, said: Said
) -> None:
    text = """
questions:
  price:
    type: numeric
    distribution: lognormal
    median: 5
    sigma: 0.4
    shifts: [{when: {income: ">1,000"}, times: 1.5, add: 1}]
    dont_know: {rate: 0.2}
"""
    node = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 12}, {"type": "null"}]}
    endpoint = endpoint_with(text)

    replies = [
        said(endpoint, body("price", node, facts={"income": 2_000}, seed=seed))["price"] for seed in range(DRAWS)
    ]

    numbers = [number for number in replies if number is not None]
    respondents = parse_respondents("schema: troupe_batch/respondents/1\n" + text)
    median = true_quantile(respondents, "price", {"income": 2_000}, 0.5)
    assert median == pytest.approx(5 * 1.5 + 1)
    assert_share(replies.count(None), DRAWS, 0.2)
    assert_share(sum(number < median for number in numbers), len(numbers), 0.5)
    upper = true_quantile(respondents, "price", {"income": 2_000}, 0.75)
    assert_share(sum(number < upper for number in numbers), len(numbers), 0.75)
    assert max(numbers) == 12
    assert all(number == round(number, 2) for number in numbers)


def test_open_answers_fill_in_facts_words_and_earlier_answers(endpoint_with: Make, body: Any, said: Said) -> None:
    endpoint = endpoint_with(
        """
questions:
  liking: {type: choice, base: {Good: 1, Bad: 0}}
  why:
    type: text
    templates:
      - {when: {answers.liking: Good}, text: "{feel} it at {age}, {answers.liking} as it is"}
      - {when: {answers.liking: Bad}, text: "never"}
      - "for a {pet} owner"
    words: {feel: [I like, I enjoy]}
"""
    )
    schema = {
        "type": "object",
        "properties": {"liking": {"type": "string", "enum": ["Good", "Bad"]}, "why": {"type": "string"}},
        "required": ["liking", "why"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answers", "strict": True, "schema": schema}}

    texts = {
        said(endpoint, body("why", {"type": "string"}, seed=seed, response_format=form))["why"] for seed in range(50)
    }

    assert texts == {
        "[rehearsal] I like it at 40, Good as it is",
        "[rehearsal] I enjoy it at 40, Good as it is",
    }


def test_what_was_said_earlier_in_the_conversation_counts_as_a_fact(endpoint_with: Make, body: Any, said: Said) -> None:
    endpoint = endpoint_with(
        """
questions:
  reason:
    type: choice
    base: {Price: 1, Taste: 1}
    shifts: [{when: {answers.liking: Bad}, labels: {Price: 20}}, {when: {answers.liking: Good}, labels: {Taste: 20}}]
"""
    )
    node = {"type": "string", "enum": ["Price", "Taste"]}

    def reasons(liking: str) -> set[str]:
        messages = [
            {"role": "user", "content": "<persona>\n- age: 3\n</persona>"},
            {"role": "assistant", "content": f'{{"liking":"{liking}"}}'},
            {"role": "user", "content": '<question id="reason">\nWhy?\n- Taste\n- Price\n</question>'},
        ]
        return {said(endpoint, body("reason", node, seed=n, messages=messages))["reason"] for n in range(30)}

    assert reasons("Bad") == {"Price"}
    assert reasons("Good") == {"Taste"}


def test_a_list_that_was_said_earlier_is_the_text_of_its_labels(endpoint_with: Make, body: Any, said: Said) -> None:
    endpoint = endpoint_with("questions: {why: {type: text, templates: ['Because of {answers.brands}.']}}")
    messages = [
        {"role": "assistant", "content": '{"brands":["Oat & Co","Bean"]}'},
        {"role": "user", "content": '<question id="why">\nWhy?\n</question>'},
    ]

    text = said(endpoint, body("why", {"type": "string"}, messages=messages))["why"]

    assert text == "[rehearsal] Because of Oat & Co; Bean."


def test_without_a_file_answers_vary_by_person_and_contradict_themselves_nowhere(
    endpoint_with: Make, body: Any, said: Said
) -> None:
    names = ["Eggs", "Fruit", "None of these", "dont_know"]
    node = {
        "type": "object",
        "properties": {name: {"type": "boolean"} for name in names},
        "required": names,
        "additionalProperties": False,
    }
    endpoint = endpoint_with()

    replies = [said(endpoint, body("foods", node, facts={"age": age}))["foods"] for age in range(200)]

    assert len({str(reply) for reply in replies}) == 6
    assert not any(sum(r.values()) > 1 for r in replies if r["dont_know"] or r["None of these"])


RANKING = """
questions:
  best:
    type: ranking
    base: {Taste: 5, Price: 3, Looks: 2, Smell: 1, Fame: 0}
    shifts: [{when: {region: South}, options: {Looks: 1.0}}, {material: family recipe, options: {Price: -0.5}}]
    position: {first: 0.5}
    dont_know: {rate: 0.1}
"""
WORTHS = {"Taste": 5.0, "Price": 3 * math.exp(-0.5), "Looks": 2 * math.exp(1), "Smell": 1 * math.exp(0.5)}


def test_mean_ranks_and_first_places_of_a_ranking_match_the_planted_worths(
    endpoint_with: Make, body: Any, said: Said
) -> None:
    shown, facts, n = ["Smell", "Looks", "Price", "Taste"], {"region": "South"}, 2_000
    items = {"type": "string", "enum": sorted(shown)}
    node = {"anyOf": [{"type": "array", "items": items, "minItems": 4, "maxItems": 4}, {"type": "null"}]}
    endpoint = endpoint_with(RANKING)

    replies = [
        said(endpoint, body("best", node, shown=shown, facts=facts, material="Family recipe", seed=seed))["best"]
        for seed in range(n)
    ]

    ranked = [reply for reply in replies if reply is not None]
    truth = true_distribution(
        parse_respondents("schema: troupe_batch/respondents/1\n" + RANKING), "best", facts, shown, "Family recipe"
    )
    assert_share(replies.count(None), n, 0.1)
    for label, worth in WORTHS.items():
        rank = 1 + sum(other / (worth + other) for name, other in WORTHS.items() if name != label)
        # A rank from 1 to 4 has a standard deviation of 1.5 at most.
        assert abs(sum(1 + reply.index(label) for reply in ranked) / len(ranked) - rank) < 4 * 1.5 / math.sqrt(n)
        assert truth[label] == pytest.approx(0.9 * worth / sum(WORTHS.values()))
        assert_share(sum(reply[0] == label for reply in ranked), n, truth[label])
    second = sum(WORTHS[a] * WORTHS["Price"] / (sum(WORTHS.values()) - WORTHS[a]) for a in WORTHS if a != "Price")
    assert_share(sum(reply[1] == "Price" for reply in ranked), len(ranked), second / sum(WORTHS.values()))


def test_options_without_worth_come_last_and_the_best_alone_are_as_in_a_full_order(
    endpoint_with: Make, body: Any, said: Said
) -> None:
    shown, top = ["Taste", "Price", "Looks", "Smell", "Fame"], {"minItems": 2, "maxItems": 2}
    node = {"type": "array", "items": {"type": "string", "enum": shown}}
    endpoint = endpoint_with(RANKING)

    full = [
        said(endpoint, body("best", node | {"minItems": 5, "maxItems": 5}, shown=shown, seed=n))["best"]
        for n in range(200)
    ]
    best = [said(endpoint, body("best", node | top, shown=shown, seed=n))["best"] for n in range(2_000)]

    first = 5 * math.exp(0.5) / (5 * math.exp(0.5) + 6)
    assert {reply[-1] for reply in full} == {"Fame"}
    assert {len(set(reply)) for reply in full} == {5}
    assert {len(set(reply)) for reply in best} == {2}
    assert_share(sum(reply[0] == "Taste" for reply in best), 2_000, first)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{type: ranking, base: {a: 0, b: 0}}", "at least one option needs a worth above 0"),
        ("{type: ranking, base: {a: 1}, shifts: [{material: x, options: {b: 1}}]}", "'b' is no label of base"),
        ("{type: ranking, base: {a: 1}, dont_know: {rate: 0.1, label: a}}", "'a' stands in base and in dont_know"),
    ],
)
def test_worths_that_cannot_be_are_refused(entry: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_respondents(f"{{schema: troupe_batch/respondents/1, questions: {{q: {entry}}}}}")

    assert message in str(caught.value)
