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
    assert plan.study.questions[0].id == "purchase_likelihood"
    assert plan.study.questions[0].codes == (1, 2, 3, 4, 5)
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

    assert (plan.units, plan.study.calls_per_unit) == (10, 4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "people: 10",
            "people: 11",
            "job.yaml:4: people: people is 11 but the population ten has 10; lower people, or raise `size` in the",
        ),
        ("people: 10", "people: true", "job.yaml:4: people: Input should be a valid integer (found True)"),
        ("people: 10", "peple: 10", "job.yaml:4: peple: unknown field 'peple'; did you mean `people`?"),
        ("id: small", "id: a/b", "job.yaml:2: id: String should match pattern"),
        ("population: people.yaml", "population: peopl.yaml", "peopl.yaml: no such file; did you mean people.yaml?"),
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


def test_a_mistake_in_an_inline_population_is_told_with_the_line_in_the_job(folder: Path) -> None:
    inline = "population:\n" + "".join(f"  {line}\n" for line in PEOPLE.replace("0.5}", "0.6}").splitlines())

    [found] = mistakes(folder, SMALL.replace("population: people.yaml\n", inline))

    assert found.startswith("job.yaml:8: ")


def test_the_json_schema_accepts_the_flagship_and_describes_every_field() -> None:
    schema = job_json_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(FLAGSHIP.read_text(encoding="utf-8")), schema)
    of_populations = {"PopulationSpec", *PopulationSpec.model_json_schema()["$defs"]}
    fields = [field for field in fields_of(schema) if field[0].split("__population__spec__")[-1] not in of_populations]
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


@settings(max_examples=400, deadline=None)
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


@settings(max_examples=300, deadline=None)
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
