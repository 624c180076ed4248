from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.llm.chat import Endpoint
from troupe_batch.planning import (
    BudgetSpec,
    JobSpec,
    ModelSpec,
    job_json_schema,
    load_job,
    make_plan,
    parse_job,
    resolve_job,
)
from troupe_batch.population import PopulationSpec
from troupe_batch.studies import Arm, MultiChoice, Numeric, OpenText, Rating, SingleChoice, SurveySpec

PROJECT = Path(__file__).resolve().parents[3]
FLAGSHIP = PROJECT / "jobs" / "gazpacho_concept_test.yaml"
JOBS = sorted(p for p in (PROJECT / "jobs").glob("*.yaml") if "\nschema: troupe_batch/job/" in p.read_text())
SMALL = """\
schema: troupe_batch/job/1
id: small
population: people.yaml
people: 10
study:
  questions:
    - {id: q, type: open, text: "Why?"}
"""
PEOPLE = """\
schema: troupe_batch/population/1
id: ten
size: 10
dimensions:
  region: {type: categorical, values: {North: 0.5, South: 0.5}, source: invented}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    return tmp_path


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "job.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_job(folder / "job.yaml")
    return str(caught.value).replace(f"{folder}/", "").split("\n")


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.name)
def test_every_job_that_comes_along_loads_and_can_be_planned(path: Path) -> None:
    job = load_job(path)
    plan = make_plan(job, endpoint=Endpoint("test", "m"))

    assert plan.units > 0
    assert job.text == path.read_text(encoding="utf-8")


def test_the_flagship_asks_200_people_in_two_arms_about_their_purchase_likelihood() -> None:
    job = load_job(FLAGSHIP)
    plan = make_plan(job, endpoint=Endpoint("test", "m"))

    assert (plan.people, plan.units, plan.shards) == (200, 200, 8)
    assert plan.study.design.questions[0].id == "purchase_likelihood"
    assert plan.study.design.questions[0].codes == (1, 2, 3, 4, 5)
    assert sum(plan.unit(u).arm == "premium" for u in range(200)) == 100
    assert job.respondents == FLAGSHIP.parent / "gazpacho_respondents.yaml"


def test_a_job_with_an_inline_population_needs_no_other_file(tmp_path: Path) -> None:
    data = {**yaml.safe_load(SMALL), "population": yaml.safe_load(PEOPLE)}
    (tmp_path / "job.json").write_text(json.dumps(data), encoding="utf-8")

    assert load_job(tmp_path / "job.json").population.count == 10


def test_a_job_built_in_python_is_the_job_of_the_same_file(folder: Path) -> None:
    (folder / "job.yaml").write_text(SMALL, encoding="utf-8")
    spec = JobSpec(
        id="small",
        population="people.yaml",
        people=10,
        study=SurveySpec(questions=[OpenText(id="q", text="Why?")]),
    )

    built = resolve_job(spec, folder=folder)
    read = load_job(folder / "job.yaml")

    assert built.spec == read.spec
    plans = [make_plan(job, endpoint=Endpoint("test", "m")) for job in (built, read)]
    assert plans[0].digest == plans[1].digest


def test_every_part_of_a_job_can_be_built_in_python() -> None:
    spec = JobSpec(
        id="all-parts",
        population=PopulationSpec(**yaml.safe_load(PEOPLE)),
        study=SurveySpec(
            arms=[Arm(id="a", material="A bottle."), Arm(id="b", material="A can.")],
            asking="question",
            memory={"last": 2},
            questions=[
                Rating(id="buy", text="Buy?", labels=["No", "Yes"]),
                SingleChoice(id="where", text="Where?", options=["Home", "Work"]),
                MultiChoice(id="when", text="When?", options=["Noon", "Night"]),
                Numeric(id="price", text="How much?", unit="euros", minimum=0, maximum=9),
            ],
        ),
        model=ModelSpec(name="gpt-4o-mini", temperature=1),
        budget=BudgetSpec(max_usd=1),
    )

    plan = make_plan(resolve_job(spec), endpoint=Endpoint("test", "gpt-4o-mini"))

    assert (plan.units, plan.study.design.calls_per_unit) == (10, 4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "people: 10",
            "people: 11",
            "job.yaml:4: people: people is 11 but the population ten has 10; lower people, or raise `size` in the",
        ),
        ("people: 10", "people: true", "job.yaml:4: people: a whole number belongs here (found True)"),
        ("people: 10", "peple: 10", "job.yaml:4: peple: unknown field 'peple'; did you mean `people`?"),
        (
            "id: small",
            "id: a/b",
            "job.yaml:2: id: 'a/b' does not fit here; names the run and its folder: letters, digits, and",
        ),
        (
            "population: people.yaml",
            "population: peopl.yaml",
            "job.yaml:3: population: peopl.yaml: no such file; did you mean people.yaml?",
        ),
        ("population: people.yaml\n", "", "job.yaml:1: population: this field is required; add `population:`"),
        (
            "people: 10",
            "model: {temprature: 1}",
            "job.yaml:4: model.temprature: unknown field 'temprature'; did you mean `temperature`?",
        ),
        (
            "people: 10",
            "rehearsal: {respondents: r.yaml}",
            "job.yaml:4: rehearsal.respondents: no such file: r.yaml; check the path, or remove `rehearsal`",
        ),
        (
            "  questions:",
            "  asking: block\n  questions:",
            "job.yaml:6: study.asking: asking is block but there are no blocks; write `blocks:` or ask by question",
        ),
        (
            "  questions:",
            "  arms: [{id: a}]\n  questions:",
            "job.yaml:6: study.arms[0].material: this field is required; add `material:`",
        ),
        (
            '"Why?"}',
            '"Why?"}\n    - {id: Q, type: open, text: "Why?"}',
            "job.yaml:8: study.questions[1].id: this question id stands twice (capitals do not count); rename one",
        ),
    ],
    ids=lambda part: part[:20].strip(),
)
def test_a_mistake_names_its_file_its_line_and_its_cure(folder: Path, old: str, new: str, message: str) -> None:
    [found] = mistakes(folder, SMALL.replace(old, new))

    assert found.startswith(message)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    text = SMALL.replace("people: 10", "people: 0\nseed: -1").replace("type: open", "type: opne")

    assert [line.split(": ")[1] for line in mistakes(folder, text)] == ["people", "seed", "study.questions[0]"]


WORLD = """\
schema: troupe_batch/job/1
id: small
population: people.yaml
study:
  kind: world
  steps: 2
  seats: [{name: a}, {name: a}, {documents: [{file: no.md}]}]
  script:
    - {at: 1, say: Hi, too: a}
    - {at: 9, say: Hi}
  documents: [{file: brochure.md}, {file: prices.md}]
  interventions:
    - {name: x, when: {}, do: {say: Hi, to: b}}
    - {name: y, when: {step: 3}, do: {say: Hi}}
"""


def test_what_cannot_be_read_and_what_does_not_fit_together_come_in_one_round(folder: Path) -> None:
    found = mistakes(folder, WORLD)

    assert [line.split(": ")[:2] for line in found] == [
        ["job.yaml:7", "study.seats[1].name"],
        ["job.yaml:7", "study.seats[2].documents[0].file"],
        ["job.yaml:9", "study.script[0].too"],
        ["job.yaml:10", "study.script[1].at"],
        ["job.yaml:11", "study.documents[0].file"],
        ["job.yaml:11", "study.documents[1].file"],
        ["job.yaml:13", "study.interventions[0].when"],
        ["job.yaml:14", "study.interventions[1].when.step"],
    ]


def test_what_only_seems_wrong_without_the_part_that_cannot_be_read_is_no_mistake(folder: Path) -> None:
    study = """\
  kind: interview
  script:
    - ask: {id: like, type: single, text: A?, options: [true, false]}
    - ask: {id: why, type: open, text: Why?}
      when: {question: like, is: "false"}
"""

    found = mistakes(folder, SMALL[: SMALL.index("  questions:")] + study)

    assert [line.split(": ")[1] for line in found] == [
        "study.script[0].ask.options[0]",
        "study.script[0].ask.options[1]",
    ]


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ("{kind: world, steps: 1, people_per_world: 2, script: [{at: 1, say: Hi, when: {question: a, is: B}}]}",
         "study.script[0].when: `when` does not belong here; it is for kind: interview"),
        ("{kind: interview, script: [{say: Hi}], steps: 3}",
         "study.steps: `steps` does not belong here; it is for kind: world"),
        ("{kind: interview, script: [{say: Hi}], questions: []}",
         "study.questions: `questions` does not belong here; it is for kind: survey and kind: python"),
        ("{kind: interview, script: [{say: Hi}], arm: []}", "study.arm: unknown field 'arm'; did you mean `arms`?"),
        ("{kind: world, steps: 1, people_per_world: 2, interventions: [{name: a, when: {step: 1}, do: {ask: Hi}}]}",
         "do.ask: unknown field 'ask'; known here: context, goal, move_to, say, show, think, to"),
        ("{questions: [{id: a, type: open, text: A, options: [B, C]}]}",
         "study.questions[0].options: `options` does not belong here; it is for type: single and type: multi"),
        ("{questions: [{id: a, type: single, text: A, options: [Yes, True]}]}",
         'study.questions[0].options[1]: YAML reads True without quotes as a truth value; write "True"'),
        ("{questions: [{id: a, type: single, text: 3, options: [A, B]}]}",
         "study.questions[0].text: text belongs here (found 3); put it in quotes"),
        ("{questions: []}", "study: `questions` and `blocks` are both missing; write one of them"),
        ("{questions: [{id: a, type: single, text: A, options: [B]}]}",
         "study.questions[0].options: at least 2 items belong here; there is only one"),
        ("{kind: interview, script: [Hi]}",
         "study.script[0]: a group of `key: value` lines belongs here (found 'Hi'); its fields are act, ask, context"),
        ("{kind: interview, script: [{say: Hi}], tools: calendar}",
         "study.tools: a list belongs here (found 'calendar'); begin each item with `- `"),
        ("{kind: world, steps: 1, people_per_world: 2, script: [{at: 1, say: Hi, to: [0]}]}",
         "study.script[0].to[0]: 0 is too small; write 1 or more"),
        ("{kind: world, steps: 1, people_per_world: 2, relations: [{name: a, seat: everyone}]}",
         "study.relations[0].seat: unknown field 'seat'; did you mean `seats`?"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_study_is_told_once_and_for_its_kind(folder: Path, study: str, message: str) -> None:
    [found] = mistakes(folder, SMALL[: SMALL.index("study:")] + f"study: {study}\n")

    assert message in found


@pytest.mark.parametrize(
    ("extraction", "message"),
    [
        ("{id: a, objective: A, fields: [{id: x, type: category, text: X}]}",
         "fields[0].labels: this field is required; add `labels:`"),
        ("{id: a, objective: A, fields: [{id: x, type: txt, text: X}]}",
         "fields[0].type: unknown type 'txt'; did you mean `text`?"),
        ("{id: a, objective: A, fields: [{id: x, text: X}]}",
         "fields[0]: `type` is required here; add `type:`, one of text, number, integer, yes_no, category"),
        ("{id: a, from: everyone, objective: A, fields: [{id: x, type: text, text: X}]}",
         "from: `person` or `world` belongs here (found 'everyone'); person: from what each person saw, heard and did"),
        ("{id: a, from: wrld, objective: A, fields: [{id: x, type: text, text: X}]}", "did you mean `world`?"),
        ("{id: a, objective: A, fields: [{id: x y, type: text, text: X}]}",
         "fields[0].id: 'x y' does not fit here; name of the field and of its column: letters, digits, single"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_extraction_is_told_once(folder: Path, extraction: str, message: str) -> None:
    study = f"study: {{kind: interview, script: [{{say: Hi}}], extraction: [{extraction}]}}\n"

    [found] = mistakes(folder, SMALL[: SMALL.index("study:")] + study)

    assert message in found


def test_a_missing_file_is_told_with_the_line_that_names_it_and_with_all_else(folder: Path) -> None:
    (folder / "broken.fragment.json").write_text('{"type": "Fragment",\n "persona": 3}', encoding="utf-8")
    study = "study: {kind: world, steps: 1, seats: [{fragment: no.json}, {fragment: broken.fragment.json}]}\n"
    text = SMALL[: SMALL.index("study:")].replace("people.yaml", "peopl.yaml") + study

    found = mistakes(folder, text)

    assert [line[:70] for line in found] == [
        "job.yaml:5: study.seats[0].fragment: no.json: no such file; check the p"[:70],
        "job.yaml:5: study.seats[1].fragment: broken.fragment.json:2: persona: `"[:70],
        "job.yaml:3: population: peopl.yaml: no such file; did you mean people.y"[:70],
    ]


def test_a_file_that_a_population_names_is_told_with_the_line_in_it(folder: Path) -> None:
    text = PEOPLE + "persona: {fragments: [{file: no.fragment.json}]}\n"
    (folder / "people.yaml").write_text(text, encoding="utf-8")

    [found] = mistakes(folder, SMALL)

    assert found.startswith("people.yaml:")
    assert ": persona.fragments[0].file: no.fragment.json: no such file" in found


def test_a_mistake_in_an_inline_population_is_told_with_the_line_in_the_job(folder: Path) -> None:
    inline = "population:\n" + "".join(f"  {line}\n" for line in PEOPLE.replace("0.5}", "0.6}").splitlines())

    [found] = mistakes(folder, SMALL.replace("population: people.yaml\n", inline))

    assert found.startswith("job.yaml:8: ")


def test_the_json_schema_accepts_the_flagship_and_describes_every_field() -> None:
    schema = job_json_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(FLAGSHIP.read_text(encoding="utf-8")), schema)
    of_populations = {"PopulationSpec", *PopulationSpec.model_json_schema()["$defs"]}
    fields = [field for field in fields_of(schema) if field[0].rpartition("__")[2] not in of_populations]
    assert len(fields) > 60
    assert [f"{owner}.{name}" for owner, name, field in fields if not field.get("description")] == []


@pytest.mark.parametrize("name", ["tittle", "replicats"])
def test_the_json_schema_refuses_unknown_fields(name: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**yaml.safe_load(FLAGSHIP.read_text(encoding="utf-8")), name: 1}, job_json_schema())


def fields_of(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    owners = {"job": schema, **schema["$defs"]}
    return [
        (owner, name, field) for owner, part in owners.items() for name, field in part.get("properties", {}).items()
    ]


words = ["", "a", "12", "open", "single", "block", "none", "purchase_likelihood", "Never", "\u2028", "../x.yaml"]
strange = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([2**70, 1e308, float("inf"), float("nan"), -0.5])
    | st.sampled_from(words),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*words, "id", "type", "last", "code"]), inner)
    ),
    max_leaves=5,
)


@settings(max_examples=400)
@given(
    chance=st.randoms(use_true_random=False),
    value=strange,
    what=st.sampled_from(["replace", "remove", "repeat", "add"]),
)
def test_no_change_of_a_value_makes_the_loader_raise_anything_but_a_spec_error(
    chance: random.Random, value: Any, what: str
) -> None:
    data = yaml.safe_load(FLAGSHIP.read_text(encoding="utf-8"))
    mutate(data, chance, value, what)

    assert_loads_or_explains(yaml.safe_dump(data, allow_unicode=True))


@settings(max_examples=300)
@given(
    at=st.floats(0, 1),
    length=st.integers(0, 60),
    insert=st.sampled_from(
        ["", "\n", "  ", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "!!int ", "'", '"', "#", "\t", "\x00", "<<: "]
    ),
)
def test_no_change_of_the_text_makes_the_loader_raise_anything_but_a_spec_error(
    at: float, length: int, insert: str
) -> None:
    text = FLAGSHIP.read_text(encoding="utf-8")
    start = int(at * len(text))

    assert_loads_or_explains(text[:start] + insert + text[start + length :])


def mutate(data: Any, chance: random.Random, value: Any, what: str) -> None:
    """Changes one value somewhere in the data."""
    here = data
    while True:
        key = chance.choice(list(here)) if isinstance(here, dict) else chance.randrange(len(here))
        below = here[key]
        if not (isinstance(below, dict | list) and below) or chance.random() < 0.25:
            break
        here = below
    if what == "remove":
        del here[key]
    elif what == "repeat" and isinstance(here, list):
        here.append(below)
    elif what == "add" and isinstance(here, dict):
        here[chance.choice(words)] = value
    else:
        here[key] = value


def assert_loads_or_explains(text: str) -> None:
    """The text as a job beside the flagship, so that the files it names are found."""
    try:
        job = parse_job(text, name="job.yaml", folder=FLAGSHIP.parent)
        plan = make_plan(job, endpoint=Endpoint("test", "m"))
        assert plan.unit(plan.units - 1).index == plan.units - 1
    except SpecError as error:
        assert error.mistakes
        assert all(mistake.problem for mistake in error.mistakes)
