"""Commands as a user types them, without starting any run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from troupe_batch.cli.main import _COMMANDS, run_command
from troupe_batch.planning import load_job
from troupe_batch.population import load_population
from troupe_batch.studies.survey.spec import SurveySpec

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for folder in ("jobs", "populations"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [name for name in _COMMANDS if name != "rehearse"])
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command([name, "--help"])

    shown = capsys.readouterr().out
    assert code == 0
    assert f"Usage: troupe {name}" in shown
    assert "Example" in shown
    assert re.search(rf"^    .*troupe {name}", shown, re.MULTILINE), "examples keep their lines"


def test_an_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["verfy"]) == 2
    assert "did you mean `troupe verify`?" in capsys.readouterr().err


def test_init_writes_files_that_load_and_plan(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["init", "my_study"]) == 0

    assert load_job(here / "jobs" / "my_study.yaml").spec.id == "my_study"
    assert load_population(here / "populations" / "my_study.yaml").spec.id == "my_study"
    assert run_command(["plan", "jobs/my_study.yaml", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["people"], planned["units"]) == (100, 100)


def test_init_overwrites_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "jobs" / "mine.yaml").write_text("precious")

    assert run_command(["init", "mine"]) == 2
    assert (here / "jobs" / "mine.yaml").read_text() == "precious"
    assert not (here / "populations" / "mine.yaml").exists()
    assert "not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "a/b"])
def test_init_refuses_names_that_cannot_be_ids(name: str) -> None:
    assert run_command(["init", "--", name]) == 2


def test_init_names_schemas_that_lie_where_the_files_say(here: Path) -> None:
    assert run_command(["init", "my_study"]) == 0

    for folder in ("jobs", "populations"):
        file = here / folder / "my_study.yaml"
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", file.read_text().splitlines()[0])
        assert named is not None
        schema = json.loads((file.parent / named[1]).read_text())
        jsonschema.validate(yaml.safe_load(file.read_text()), schema)


def test_init_asks_for_a_reason_after_the_answer_and_not_beside_it(here: Path) -> None:
    assert run_command(["init", "my_study"]) == 0

    study = load_job(here / "jobs" / "my_study.yaml").spec.study
    assert isinstance(study, SurveySpec)
    assert [len(group) for group in study.groups] == [1] * 5


@pytest.mark.parametrize(
    ("form", "cure"),
    [
        ("maxdiff", "there are no choice tasks yet"),
        ("checkbox", "write `type: multi`"),
        ("Linear scale", "write `type: rating`"),
        ("free-text", "write `type: open`"),
        ("nps", "`maximum: 10`"),
        ("ratin", "did you mean `rating`?"),
    ],
)
def test_forms_of_other_tools_are_answered_with_what_to_write_here(
    here: Path, form: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = here / "jobs" / "weekday_breakfast.yaml"
    content = yaml.safe_load(job.read_text())
    content["study"]["questions"] = [{"id": "q", "type": form, "text": "Which?", "options": ["a", "b"]}]
    job.write_text(yaml.safe_dump(content))

    assert run_command(["plan", str(job)]) == 2

    said = " ".join(capsys.readouterr().err.split())
    assert cure in said
    assert form == "ratin" or "did you mean" not in said


@pytest.mark.parametrize(
    ("name", "cure"),
    [("show_if", "write `when`, with what must hold"), ("skip_to", "nobody jumps"), ("goto", "a `when`, such as")],
)
def test_words_for_flow_in_other_tools_are_answered_with_ours(
    here: Path, name: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = here / "jobs" / "gazpacho_concept_test.yaml"
    content = yaml.safe_load(job.read_text())
    content["study"]["questions"][1][name] = "fair_price > 3"
    job.write_text(yaml.safe_dump(content))

    assert run_command(["plan", str(job)]) == 2

    said = " ".join(capsys.readouterr().err.split())
    assert f"unknown field '{name}'" in said
    assert cure in said


def test_a_plan_shows_who_is_asked_what_and_counts_everybody_for_all_of_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = here / "jobs" / "gazpacho_concept_test.yaml"
    content = yaml.safe_load(job.read_text())
    asked = content["study"]["questions"][1]
    asked["when"] = ["age >= 40", {"question": content["study"]["questions"][0]["id"], "at_least": 2}]
    job.write_text(yaml.safe_dump(content))

    assert run_command(["plan", str(job), "--json"]) == 0

    done = capsys.readouterr()
    found = {one["id"]: one["when"] for one in json.loads(done.out)["questions"]}
    first = content["study"]["questions"][0]["id"]
    assert found == {one: ["age >= 40", f"{first} is at least 2"] if one == asked["id"] else [] for one in found}
    assert "everybody is taken to be asked every question" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_asks_this_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["completion", shell]) == 0
    assert "_TROUPE_COMPLETE" in capsys.readouterr().out


def test_what_is_half_typed_is_completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in {
        "_TROUPE_COMPLETE": "bash_complete",
        "COMP_WORDS": "troupe run --reh",
        "COMP_CWORD": "2",
    }.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        run_command([])

    assert ended.value.code == 0
    assert capsys.readouterr().out.split() == ["plain,--rehearse"]


@pytest.mark.parametrize("kind", ["job", "population"])
def test_the_schemas_accept_the_shipped_files_and_refuse_mistakes(
    here: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["schema", kind]) == 0
    schema = json.loads(capsys.readouterr().out)
    files = sorted((here / f"{kind}s").glob("*.yaml"))

    for file in files:
        content = yaml.safe_load(file.read_text())
        if content["schema"] == f"troupe_batch/{kind}/1":
            jsonschema.validate(content, schema)
            assert not jsonschema.Draft202012Validator(schema).is_valid({**content, "unknown": 1})


def test_plan_shows_what_is_asked_and_costs_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["plan", "jobs/gazpacho_concept_test.yaml", "--json"]) == 0

    planned: Any = json.loads(capsys.readouterr().out)
    assert (planned["units"], planned["estimate"]["calls"]) == (200, 1000)
    assert 0.01 < planned["estimate"]["cost_usd"] < 1.0
    assert {margin["dimension"] for margin in planned["margins"]} >= {"age", "sex", "education", "region"}


def test_plan_says_what_it_expects_of_the_prefix_cache_or_why_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["plan", "jobs/tv_advertisement.yaml"]) == 0
    long = " ".join(capsys.readouterr().out.split())
    assert run_command(["plan", "jobs/gazpacho_concept_test.yaml"]) == 0
    short = " ".join(capsys.readouterr().out.split())
    assert run_command(["plan", "jobs/tv_advertisement.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["estimate"]

    assert re.search(r"prefix cache \d\d% read, [\d.]+% written; \$[\d.]+ with, \$[\d.]+ without", long)
    assert re.search(r"prefix cache none: too short to be cached: .* about \d+ tokens .* 1,024", short)
    assert found["cost_with_prefix_cache_usd"] < 0.7 * found["cost_usd"]
    assert found["cacheable_share"] > 0.6
    assert found["prefix_cache"]["rule"] == "breakpoints"
    assert found["prefix_cache"]["shared_tokens"] > 1_024
    assert found["prefix_cache"]["problem"] is None


@pytest.mark.parametrize(
    ("flags", "finding", "says"),
    [
        ([], "good", "is marked, written once and read after, where it is 1,024 tokens or more ($0.01 per 1M"),
        (["--set", "OpenAI.MODEL=gpt-4o"], "good", "keeps by itself what prompts begin with, from 1,024 tokens on"),
        (["--set", "OpenAI.PREFIX_CACHE=implicit"], "warning", "is written as a whole"),
        (["--set", "OpenAI.PREFIX_CACHE=none"], "good", "OpenAI.PREFIX_CACHE names its rule"),
    ],
)
def test_doctor_says_how_the_endpoint_caches_what_prompts_share(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flags: list[str], finding: str, says: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-for-tests")

    assert run_command(["doctor", "--json", "--offline", *flags]) == 0

    [check] = [check for check in json.loads(capsys.readouterr().out) if check["what"] == "prefix cache"]
    assert check["finding"] == finding
    assert says in check["says"]


def test_plan_shows_the_cap_in_force_and_who_set_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = here / "jobs" / "gazpacho_concept_test.yaml"
    settings = ("--json", "--set", "Budget.MAX_USD=7")

    assert run_command(["plan", str(job), *settings]) == 0
    of_job = json.loads(capsys.readouterr().out)
    content = yaml.safe_load(job.read_text())
    content.pop("budget")
    job.write_text(yaml.safe_dump(content))
    assert run_command(["plan", str(job), *settings]) == 0
    of_settings = json.loads(capsys.readouterr().out)

    assert of_job["cap_usd"] != 7
    assert of_job["cap_origin"] == f"budget.max_usd of {job}"
    assert of_settings["cap_usd"] == 7
    assert of_settings["cap_origin"].startswith("Budget.MAX_USD, ")


def test_plan_shows_each_question_as_it_will_be_put(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # whatever the width of the terminal that the tests are run in

    assert run_command(["plan", "jobs/gazpacho_concept_test.yaml"]) == 0

    shown = " ".join(capsys.readouterr().out.split())
    places = [shown.index(words) for words in ("How likely would", "Whatever you answered,", "a number from 0 to 20")]
    assert places == sorted(places)
    assert "1 Definitely would not buy | 2 Probably" in shown


def test_plan_warns_where_the_cap_is_below_the_estimate_and_shows_both(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = here / "jobs" / "gazpacho_concept_test.yaml"
    content = yaml.safe_load(job.read_text())
    job.write_text(yaml.safe_dump({**content, "budget": {"max_usd": 0.0004}}))

    assert run_command(["plan", str(job)]) == 0

    printed = capsys.readouterr()
    assert "$0.0004 (budget.max_usd" in printed.out
    assert "warning: the cap of $0.0004 is below the estimate of $0." in printed.err


def test_plan_warns_where_no_price_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    job = "jobs/gazpacho_concept_test.yaml"
    settings = ("--set", "OpenAI.BASE_URL=http://models.example/v1")
    content = yaml.safe_load(Path(job).read_text())
    Path(job).write_text(yaml.safe_dump({**content, "model": {"name": "nobody-knows-it"}}))

    assert run_command(["plan", job, *settings]) == 0

    assert "warning: no price is known for all of nobody-knows-it" in capsys.readouterr().err


def test_a_mistake_in_a_job_names_file_line_and_cure(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = here / "jobs" / "gazpacho_concept_test.yaml"
    text = job.read_text().replace("asking: question", "askin: question")
    job.write_text(text)
    line = next(n for n, found in enumerate(text.splitlines(), 1) if "askin:" in found)

    assert run_command(["plan", "jobs/gazpacho_concept_test.yaml"]) == 2

    said = " ".join(capsys.readouterr().err.split())
    assert f"jobs/gazpacho_concept_test.yaml:{line}" in said
    assert "did you mean `asking`?" in said


def test_a_job_that_is_not_there_is_said_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", "jobs/gazpacho_concept_tset.yaml", "--rehearse"]) == 2
    assert "did you mean jobs/gazpacho_concept_test.yaml?" in " ".join(capsys.readouterr().err.split())
    assert not Path("runs").exists()


def test_a_respondent_model_that_does_not_fit_the_job_is_said_before_anything_starts(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = here / "jobs" / "gazpacho_concept_test.yaml"
    job.write_text(job.read_text().replace("- Definitely would buy", "- Surely would buy"))

    assert run_command(["run", "jobs/gazpacho_concept_test.yaml", "--rehearse"]) == 2
    assert "gazpacho_respondents.yaml" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_ask_shows_the_prompt_without_calling_anyone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["ask", "populations/us_adults.yaml#17", "What is for lunch?", "--only-prompt", "--json"]) == 0

    asked = json.loads(capsys.readouterr().out)
    assert asked["person_id"] == "p000017"
    assert "What is for lunch?" in asked["messages"][-1]["content"]
    assert asked["status"] is None


@pytest.mark.parametrize("person", ["populations/us_adults.yaml#100000", "populations/us_adults.yaml#x"])
def test_ask_says_which_people_there_are(person: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["ask", person, "Hello?", "--only-prompt"]) == 2
    assert "people 0 to 99999" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("command", ["verify", "results", "watch"])
def test_a_run_that_is_not_there_is_said(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([command, "nothing"]) == 2
    assert "no run 'nothing'" in capsys.readouterr().err


def test_config_shows_values_with_their_origin_and_no_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("TROUPE_REDIS_BROKER_URL", "redis://user:hidden@host:1/0")

    assert run_command(["config", "--set", "OpenAI.MODEL=m"]) == 0

    shown = capsys.readouterr().out
    assert "flag OpenAI.MODEL" in shown
    assert "OPENAI_API_KEY: set" in shown
    assert "secret" not in shown
    assert "hidden" not in shown


def test_doctor_says_what_is_missing_and_leaves_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--json"]) == 0

    found = {check["what"]: check["finding"] for check in json.loads(capsys.readouterr().out)}
    assert found["python"] == found["redis"] == found["storage"] == "good"
    assert found["model"] == "warning"
    assert list(Path("runs").rglob("*")) == []


def test_a_run_of_nearly_this_name_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("soup-rehearsal", "bread"):
        Path("runs", name).mkdir(parents=True)

    for asked, meant in (("soup", "soup-rehearsal"), ("bred", "bread"), ("soup-rehersal", "soup-rehearsal")):
        assert run_command(["results", asked]) == 2
        assert f"did you mean {meant}?" in " ".join(capsys.readouterr().err.split())


def test_a_model_that_leaves_is_named_by_plan_and_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    # A model whose day is over, so that the test holds on any day.
    leaving = ["--set", "OpenAI.REASONING_MODEL=gpt-4.1-nano"]
    says = "model gpt-4.1-nano was shut down on 2026-10-23; name gpt-6-luna in its place"

    assert run_command(["plan", "jobs/product_brainstorming.yaml", "--json", *leaving]) == 0
    assert json.loads(capsys.readouterr().out)["leaving_models"] == [says]

    assert run_command(["plan", "jobs/product_brainstorming.yaml", *leaving]) == 0
    assert says in " ".join(capsys.readouterr().err.split())

    assert (
        run_command(["doctor", "--json", "--offline", "--set", "OpenAI.BASE_URL=http://localhost:1/v1", *leaving]) == 0
    )
    assert says not in capsys.readouterr().out


def test_doctor_warns_of_a_model_that_leaves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-for-tests")

    assert run_command(["doctor", "--json", "--offline", "--set", "OpenAI.MODEL=gpt-4.1-nano"]) == 0

    found = [check for check in json.loads(capsys.readouterr().out) if check["what"] == "model"]
    assert [check["finding"] for check in found] == ["good", "warning"]
    assert found[1]["says"].startswith("model gpt-4.1-nano was shut down on 2026-10-23")


def test_doctor_fails_where_the_broker_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(["doctor", "--json", "--set", "Redis.BROKER_URL=unix:///nowhere/redis.sock"])

    found = {check["what"]: check["finding"] for check in json.loads(capsys.readouterr().out)}
    assert (code, found["redis"]) == (1, "bad")


@pytest.mark.parametrize("run_id", ["my run", "../up", "", "a/b", "x" * 91])
def test_a_run_id_that_cannot_name_a_folder_is_said_before_anything_starts(
    run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["run", "jobs/gazpacho_concept_test.yaml", "--rehearse", "--inline", "--run-id", run_id]) == 2
    assert "cannot name a run" in " ".join(capsys.readouterr().err.split())
    assert list(Path().glob("runs/*")) == []
    assert run_command(["verify", "--", run_id]) == 2


def test_doctor_takes_a_storage_folder_below_home(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))

    assert run_command(["doctor", "--set", "Storage.URL=~/store"]) == 0
    assert (here / "store").is_dir()
    assert list((here / "store").iterdir()) == []
