from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import plain_maker
from troupe_batch.seeded import DrawStream
from troupe_batch.studies import Answer, AnswerStatus, MultiChoice, Numeric, OpenText, Ranking, Rating, SingleChoice
from troupe_batch.studies.questions.group import Presentation, reply_schema
from troupe_batch.studies.survey import Elicitation, Question
from troupe_batch.truths import TRUTHS

RATING = Rating(id="buy", text="Buy?", labels=["No", "Maybe", "Yes"], dont_know="Don't know")
PICKED = Rating(id="pick", text="Buy?", labels=["No", "Maybe", "Yes"], elicitation=Elicitation.PICK)
SINGLE = SingleChoice(id="where", text="Where?", options=[{"code": 7, "label": "Home"}, {"code": 9, "label": "Work"}])
MULTI = MultiChoice(
    id="when", text="When?", options=["Noon", "Night", "Never"], exclusive=["Never"], dont_know="Can't say"
)
NUMBER = Numeric(id="price", text="How much?", unit="euros", minimum=0, maximum=20)
WHOLE = Numeric(id="days", text="How many?", unit="days", minimum=0, maximum=5, integer=True, dont_know="Don't know")
TEXT = OpenText(id="why", text="Why?", dont_know="Nothing to say")
ORDER = Ranking(id="order", text="In which order?", options=["Noon", "Night", "Never"])
TOP = Ranking(id="best", text="Which two?", options=["Noon", "Night", "Never"], top=2, dont_know="Don't know")
FEW = Ranking(id="few", text="Which three?", options=[f"Town {n}" for n in range(150)], top=3)
ALL: list[Question] = [RATING, PICKED, SINGLE, MULTI, NUMBER, WHOLE, TEXT, ORDER, TOP, FEW]
# An entry of a respondent file for each kind of truth, as the labels of a question have it.
ENTRIES: dict[str, Callable[[Sequence[str]], dict[str, Any]]] = {
    "choice": lambda labels: {"base": dict.fromkeys(labels, 1)},
    "multi": lambda labels: {"base": dict.fromkeys(labels, 0.5)},
    "numeric": lambda _: {"distribution": "uniform", "low": -1, "high": 25},
    "text": lambda _: {"templates": ["It is so."]},
    "ranking": lambda labels: {"base": dict.fromkeys(labels, 1)},
}


def read(question: Question, value: Any, *, person: int = 0, replicate: int = 0) -> Answer:
    shown = Presentation(question, seed=1).to(person, replicate, 0)
    return question.reader(seed=1).read(value, shown, person, replicate)


def values(answer: Answer) -> dict[str, Any]:
    names = ("code", "label", "number", "text", "selected", "is_dont_know", "distribution", "position")
    return {name: getattr(answer, name) for name in names if getattr(answer, name) is not None}


def test_a_single_choice_has_code_label_and_the_place_where_it_was_shown() -> None:
    answer = read(SINGLE, "Work")

    assert answer.option_order is not None
    assert answer.position == answer.option_order.index("Work")
    assert (answer.status, answer.code, answer.label, answer.is_dont_know) == ("answered", 9, "Work", False)


def test_chances_are_normalised_and_kept_in_file_order_with_dont_know_last() -> None:
    answer = read(RATING, {"Yes": 10, "No": 50, "Don't know": 20, "Maybe": 20})

    assert answer.distribution_labels == ("No", "Maybe", "Yes", "Don't know")
    assert answer.distribution == (0.5, 0.2, 0.1, 0.2)
    assert answer.reason is None


def test_the_drawn_labels_follow_the_stated_chances() -> None:
    stated = {"No": 50, "Maybe": 30, "Yes": 15, "Don't know": 5}

    drawn = Counter(read(RATING, stated, person=n).label for n in range(4_000))

    for label, chance in stated.items():
        assert abs(drawn[label] / 4_000 - chance / 100) < 0.03


def test_a_draw_is_the_same_again_and_another_for_each_replicate() -> None:
    stated = {"No": 40, "Maybe": 30, "Yes": 30, "Don't know": 0}

    again = [read(RATING, stated, person=n).label for n in range(50)]
    replicates = [read(RATING, stated, person=n, replicate=1).label for n in range(50)]

    assert again == [read(RATING, stated, person=n).label for n in range(50)]
    assert again != replicates


def test_a_drawn_dont_know_is_an_answer_without_a_code() -> None:
    answer = read(RATING, {"No": 0, "Maybe": 0, "Yes": 0, "Don't know": 100})

    assert (answer.status, answer.is_dont_know, answer.code, answer.label) == ("answered", True, None, "Don't know")


@pytest.mark.parametrize("stated", [50, 97, 103, 200])
def test_chances_that_add_up_to_half_or_twice_of_100_are_the_last_to_be_scaled(stated: int) -> None:
    answer = read(RATING, {"No": stated // 2, "Maybe": stated - stated // 2, "Yes": 0, "Don't know": 0})

    assert answer.distribution == pytest.approx((stated // 2 / stated, 1 - stated // 2 / stated, 0.0, 0.0))
    assert answer.reason == f"the stated chances added up to {stated} %; they were scaled to 100 %"


def test_chances_off_100_are_scaled_and_said_to_be() -> None:
    answer = read(RATING, {"No": 30, "Maybe": 30, "Yes": 0, "Don't know": 0})

    assert answer.distribution == (0.5, 0.5, 0.0, 0.0)
    assert answer.reason == "the stated chances added up to 60 %; they were scaled to 100 %"


def test_selected_options_may_be_none_which_is_not_the_same_as_dont_know() -> None:
    none = read(MULTI, {"Noon": False, "Night": False, "Never": False, "dont_know": False})
    unknown = read(MULTI, {"Noon": False, "Night": False, "Never": False, "dont_know": True})

    assert values(none) == {"selected": (), "is_dont_know": False}
    assert values(unknown) == {"is_dont_know": True}


def test_whole_numbers_and_null_for_dont_know() -> None:
    assert values(read(WHOLE, 3)) == {"number": 3.0, "is_dont_know": False}
    assert values(read(WHOLE, None)) == {"is_dont_know": True}


def test_a_ranking_is_the_labels_best_first() -> None:
    assert values(read(ORDER, ["Night", "Never", "Noon"])) == {
        "selected": ("Night", "Never", "Noon"),
        "is_dont_know": False,
    }
    assert values(read(TOP, ["Never", "Noon"])) == {"selected": ("Never", "Noon"), "is_dont_know": False}
    assert values(read(TOP, None)) == {"is_dont_know": True}


def test_text_is_stripped_and_kept() -> None:
    assert values(read(TEXT, "  Zu teuer für mich.\n")) == {"text": "Zu teuer für mich.", "is_dont_know": False}


@pytest.mark.parametrize(
    ("question", "value", "reason"),
    [
        (SINGLE, "home", "'home' is not one of the options"),
        (SINGLE, None, "None is not one of the options"),
        (RATING, {"No": 0, "Maybe": 0, "Yes": 0, "Don't know": 0}, "all chances are 0"),
        (RATING, {"No": 20, "Maybe": 20, "Yes": 9, "Don't know": 0}, "the chances add up to 49, not to 100"),
        (RATING, {"No": 100, "Maybe": 90, "Yes": 10, "Don't know": 1}, "the chances add up to 201, not to 100"),
        (RATING, {"No": 100, "Maybe": 0, "Yes": 0}, 'no chance is stated for "Don\'t know"'),
        (RATING, {"No": True, "Maybe": 0, "Yes": 0, "Don't know": 0}, "no chance is stated for 'No'"),
        (RATING, {"No": -1, "Maybe": 0, "Yes": 0, "Don't know": 9}, "the chance stated for 'No' is -1, not 0 to 100"),
        (
            RATING,
            {"No": float("nan"), "Maybe": 0, "Yes": 0, "Don't know": 9},
            "the chance stated for 'No' is nan, not 0 to 100",
        ),
        (
            RATING,
            {"No": 50, "Maybe": 0, "Yes": 0, "Don't know": 0, "Perhaps": 50},
            "a chance is stated for something that is not an option",
        ),
        (
            MULTI,
            {"Noon": True, "Night": False, "Never": False, "dont_know": True},
            "don't know stands beside 'Noon'",
        ),
        (
            MULTI,
            {"Noon": True, "Night": False, "Never": True, "dont_know": False},
            "'Never' rules out all others but does not stand alone",
        ),
        (
            MULTI,
            {"Noon": 1, "Night": False, "Never": False, "dont_know": False},
            "neither yes nor no is said for 'Noon'",
        ),
        (NUMBER, 20.01, "20.01 is not between 0 and 20"),
        (NUMBER, float("nan"), "nan is not between 0 and 20"),
        (NUMBER, 10**5_000, "a huge number is not between 0 and 20"),
        (NUMBER, True, "True is no number"),
        (NUMBER, None, "None is no number"),
        (WHOLE, 2.5, "2.5 is no whole number"),
        (ORDER, ["Noon", "Night"], "2 options are in order, not 3; 'Never' is missing"),
        (ORDER, ["Noon", "Night", "Noon"], "'Noon' stands in two places"),
        (ORDER, ["Noon", "Night", "noon"], "'noon' is not one of the options"),
        (ORDER, ["Noon", "Night", 3], "3 is not one of the options"),
        (ORDER, {"Noon": 1, "Night": 2, "Never": 3}, "{'Noon': 1, 'Night': 2, 'Never': 3} is no list of options"),
        (ORDER, None, "None is no list of options"),
        (TOP, ["Noon", "Night", "Never"], "3 options are in order, not 2"),
        (TOP, [], "0 options are in order, not 2"),
        (TEXT, " \n", "the text is empty"),
        (TEXT, "\ud800", "the text is broken: half of a character is missing"),
    ],
    ids=lambda part: "" if not isinstance(part, str) else ascii(part)[:40],
)
def test_what_cannot_be_read_is_unreadable_with_the_reason_and_no_value(
    question: Question, value: Any, reason: str
) -> None:
    answer = read(question, value)

    assert (answer.status, answer.reason) == (AnswerStatus.UNREADABLE, reason)
    assert values(answer) == {}
    assert question.reader(seed=1).problem(value) == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 101) | st.floats() | st.sampled_from(["", "No", "Yes", "Home", "Noon"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["No", "Maybe", "Yes", "Don't know", "Noon", "Night", "Never", "dont_know"]), inner
        )
    ),
    max_leaves=10,
)


@settings(max_examples=400)
@given(question=st.sampled_from(ALL), value=json_values)
def test_any_json_is_read_or_unreadable_and_never_a_value_without_an_answer(question: Question, value: Any) -> None:
    answer = read(question, value)

    assert answer.status in (AnswerStatus.ANSWERED, AnswerStatus.UNREADABLE)
    assert bool(values(answer)) == (answer.status is AnswerStatus.ANSWERED)


@settings(max_examples=400)
@given(question=st.sampled_from(ALL), value=json_values)
def test_whatever_is_read_as_an_answer_matches_the_reply_schema(question: Question, value: Any) -> None:
    answer = read(question, value)

    if answer.status is AnswerStatus.ANSWERED and not has_fractions(value):
        jsonschema.validate({question.id: value}, dict(reply_schema([question]).schema))


def has_fractions(value: Any) -> bool:
    """The reader takes chances such as 12.5, which the schema does not ask for but which are plain enough."""
    return isinstance(value, dict) and any(isinstance(item, float) for item in value.values())


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.id)
def test_the_example_is_readable_and_matches_the_schema(question: Question) -> None:
    example = question.reader(seed=1).example()

    assert read(question, example).status is AnswerStatus.ANSWERED
    jsonschema.validate({question.id: example}, dict(reply_schema([question]).schema))


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.id)
def test_every_form_is_answered_by_one_kind_of_truth_and_without_any_in_a_way_that_it_reads(question: Question) -> None:
    node = question.node(None)
    prompt = Prompt([{"role": "user", "content": Presentation(question, seed=1).to(0, 0, 0).text}])
    kinds = {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in TRUTHS}
    unknown = {"dont_know": {"rate": 0.2, "label": question.info.dont_know}} if question.info.dont_know else {}
    entries = {name: ENTRIES[name](question.info.labels or ["a"]) for name in kinds}
    truths = [kind.model_validate({"type": name, **entries[name], **unknown}) for name, kind in kinds.items()]

    makers = [maker for truth in truths if (maker := truth.maker(question.id, node))]
    replies = [make(prompt, DrawStream(n)) for make in (*makers, plain_maker(node, node)) for n in range(100)]

    assert len(makers) == 1
    assert {read(question, reply).status for reply in replies} == {AnswerStatus.ANSWERED}
