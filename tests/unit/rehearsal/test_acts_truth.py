"""What people do in a rehearsal has the rates that the respondent file states, and what they say its distribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.unit.rehearsal.act_requests import act_request
from tests.unit.rehearsal.shares import assert_share
from troupe_batch.rehearsal import parse_respondents, true_distribution, true_quantile
from troupe_batch.rehearsal.act_specs import FACULTY_RATES, Acts
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint

Make = Callable[..., RehearsalEndpoint]
Said = Callable[[RehearsalEndpoint, bytes], Any]

Asked = Mapping[str, Mapping[str, Any]]

FIRST = "schema: troupe_batch/respondents/1\n"
DRAWS = 3_000
FACULTIES = {
    "WRITE_DOCUMENT": ["title", "content"],
    "RECALL": ["content"],
    "LIST_EVENTS": ["date"],
    "ORDER_TAXI": ["place"],
}

ACTS = """
acts:
  think: 0.3
  talk: 0.8
  to_everyone: 0.25
  reach_out: 0.1
  faculties: {WRITE_DOCUMENT: 0.6, RECALL: 0.2, LIST_EVENTS: 0.1, ORDER_TAXI: 0.05}
"""


def _holding(replies: list[Any], kind: str) -> int:
    return sum(any(action["type"] == kind for action in reply["actions"]) for reply in replies)


def test_each_action_happens_at_the_rate_of_the_file(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(ACTS)

    replies = [said(endpoint, act_request(faculties=FACULTIES, seed=seed)) for seed in range(DRAWS)]

    assert_share(_holding(replies, "THINK"), DRAWS, 0.3)
    assert_share(_holding(replies, "RECALL"), DRAWS, 0.2)
    assert_share(_holding(replies, "LIST_EVENTS"), DRAWS, 0.1)
    # Who looks something up goes on with the act once it is there: its other actions belong to the reply after that.
    final = [reply for reply in replies if not _holding([reply], "RECALL") + _holding([reply], "LIST_EVENTS")]
    for kind, rate in {"TALK": 0.8, "REACH_OUT": 0.1, "WRITE_DOCUMENT": 0.6, "ORDER_TAXI": 0.05}.items():
        assert_share(_holding(final, kind), len(final), rate)
    targets = Counter(a["target"] for reply in replies for a in reply["actions"] if a["type"] == "TALK")
    assert_share(targets[None], targets.total(), 0.25)
    assert_share(targets["Oscar Diaz"], targets.total(), 0.375)


def test_the_actions_of_an_act_are_independent_of_each_other(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {think: 0.5, talk: 0.5, faculties: {ORDER_TAXI: 0.5}}")

    replies = [said(endpoint, act_request(faculties={"ORDER_TAXI": []}, seed=seed)) for seed in range(DRAWS)]

    kinds = Counter(frozenset(a["type"] for a in reply["actions"]) - {"DONE", "REACH_OUT"} for reply in replies)
    assert len(kinds) == 8
    for count in kinds.values():
        assert_share(count, DRAWS, 0.125)


def test_without_a_file_people_mostly_talk_and_seldom_look_things_up(endpoint_with: Make, said: Said) -> None:
    replies = [said(endpoint_with(), act_request(faculties=FACULTIES, seed=seed)) for seed in range(DRAWS)]

    recalled = _holding(replies, "RECALL")
    looked_up = recalled + _holding(replies, "LIST_EVENTS")
    assert_share(recalled, DRAWS, FACULTY_RATES["RECALL"])
    assert_share(_holding(replies, "TALK"), DRAWS - looked_up, Acts().talk)
    assert_share(_holding(replies, "WRITE_DOCUMENT"), DRAWS - looked_up, FACULTY_RATES["WRITE_DOCUMENT"])


LINES = """
acts:
  talk: 1
  think: 0
  lines:
    - {text: "I am {age} and {feel}", weight: 3}
    - {text: "too old at {age}", when: {age: ">=60"}}
    - {text: "this soup is {feel}", material: gazpacho}
    - {text: "my {pet} would not", weight: 100}
    - {text: never, weight: 0}
  words: {feel: [glad]}
"""


@pytest.mark.parametrize(
    ("age", "material", "shares"),
    [
        (40, "Soup", {"I am 40 and glad": 1.0}),
        (61, "Soup", {"I am 61 and glad": 0.75, "too old at 61": 0.25}),
        (61, "A gazpacho", {"I am 61 and glad": 0.6, "too old at 61": 0.2, "this soup is glad": 0.2}),
    ],
)
def test_lines_are_said_by_whom_they_fit_at_their_weights(
    endpoint_with: Make, said: Said, age: int, material: str, shares: Mapping[str, float]
) -> None:
    endpoint = endpoint_with(LINES)

    replies = [said(endpoint, act_request(facts={"age": age}, material=material, seed=seed)) for seed in range(1_000)]

    lines = Counter(reply["actions"][0]["content"] for reply in replies)
    assert set(lines) == {f"[rehearsal] {line}" for line in shares}
    for line, share in shares.items():
        assert_share(lines[f"[rehearsal] {line}"], 1_000, share)


def test_who_has_no_fitting_line_says_something_all_the_same(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {talk: 1, think: 0, lines: ['I have a {pet}']}")

    assert said(endpoint, act_request())["actions"][0]["content"].startswith("[rehearsal] ")


QUESTIONS = """
questions:
  liking:
    type: choice
    base: {Bad: 2, Fair: 3, Good: 5}
    shifts: [{when: {age: ">=55"}, slope: -0.6}, {material: family recipe, slope: 0.4}]
    position: {first: 0.8}
    refusal_rate: 0.05
  price: {type: numeric, distribution: lognormal, median: 5, sigma: 0.4, shifts: [{when: {age: 60}, times: 2}]}
acts:
  think: 0
  talk: 1
  lines: ["{answers.liking}, at {answers.price}"]
"""
QUESTION = '<question id="liking">\nHow do you like it?\n- Good\n- Bad\n- Fair\n</question>'


def test_answers_within_an_act_have_the_distribution_of_the_file(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(QUESTIONS, seed=3)
    respondents = parse_respondents(FIRST + QUESTIONS)
    asked: Asked = {
        "liking": {"type": "string", "enum": ["Bad", "Fair", "Good"]},
        "price": {"type": "number", "minimum": 0},
    }
    facts, material = {"age": 60}, "An old family recipe"
    # An earlier asking of the same question, in another order, is history.
    memory = ['You were asked: <question id="liking"> - Bad - Fair - Good </question>']

    replies = [
        said(
            endpoint,
            act_request(asked=asked, facts=facts, material=material, question=QUESTION, memory=memory, seed=seed),
        )
        for seed in range(DRAWS)
    ]

    assert_share(replies.count(None), DRAWS, 0.05)
    answered = [reply for reply in replies if reply]
    truth = true_distribution(respondents, "liking", facts, ["Good", "Bad", "Fair"], material)
    for label, probability in truth.items():
        assert_share(sum(reply["liking"] == label for reply in answered), len(answered), probability)
    median = true_quantile(respondents, "price", facts, 0.5)
    assert median == pytest.approx(10)
    assert_share(sum(reply["price"] < median for reply in answered), len(answered), 0.5)


def test_what_people_say_beside_an_answer_can_speak_of_it(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(QUESTIONS)
    asked: Asked = {"liking": {"type": "string", "enum": ["Bad", "Fair", "Good"]}, "price": {"type": "integer"}}

    replies = [said(endpoint, act_request(asked=asked, seed=seed)) for seed in range(100)]

    for reply in filter(None, replies):
        assert reply["actions"][0]["content"] == f"[rehearsal] {reply['liking']}, at {reply['price']}"


def test_an_open_question_is_answered_aloud_as_the_file_says(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with(
        """
questions:
  why:
    type: text
    templates: ["because of {age}", {when: {answers.liking: Good}, text: "it is {answers.liking}"}]
    dont_know: {rate: 0.2, label: I could not say}
    refusal_rate: 0.1
  liking: {type: choice, base: {Good: 1, Bad: 1}}
acts: {think: 0, talk: 0, faculties: {ORDER_TAXI: 0}}
"""
    )
    asked: Asked = {"liking": {"type": "string", "enum": ["Good", "Bad"]}}
    question = f'{QUESTION}\n\n<question id="why">\nWhy?\n(In the person\'s own words.)\n</question>'
    asked_before = ['You were asked: &lt;question id="why">', 'Ana said: <question id="why"']

    replies = [said(endpoint, act_request(asked=asked, question=question, seed=seed)) for seed in range(DRAWS)]
    unasked = [said(endpoint, act_request(asked=asked, memory=asked_before, seed=seed)) for seed in range(50)]

    assert_share(replies.count(None), DRAWS, 0.1)
    aloud = [
        (reply["liking"], reply["actions"][0]["content"].removeprefix("[rehearsal] ")) for reply in replies if reply
    ]
    counts = Counter(aloud)
    assert_share(sum(text == "I could not say" for _, text in aloud), len(aloud), 0.2)
    assert set(counts) == {
        *((liking, text) for liking in ("Good", "Bad") for text in ("I could not say", "because of 40")),
        ("Good", "it is Good"),
    }
    assert not any(_holding([reply], "TALK") for reply in unasked)


def test_acts_are_refused_at_their_rate(endpoint_with: Make, said: Said) -> None:
    endpoint = endpoint_with("acts: {refusal_rate: 0.2}")

    replies = [said(endpoint, act_request(seed=seed)) for seed in range(DRAWS)]

    assert_share(replies.count(None), DRAWS, 0.2)
