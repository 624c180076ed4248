"""A config.ini that merely lies in the working folder: what it may not do before its user has trusted it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.doubles.panels import POPULATION
from troupe_batch.cli.main import run_command
from troupe_batch.errors import SettingsError
from troupe_batch.llm.chat import Endpoint
from troupe_batch.settings import Settings, load_settings
from troupe_batch.trust import BASE_URL, PYTHON_STUDIES
from troupe_batch.wiring.endpoints import choose_endpoint, connection_to

ELSEWHERE = "https://models.example.com/v1"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return folder


def loaded(tmp_path: Path, *, key: str = "sk-mine", config_file: Path | None = None, **variables: str) -> Settings:
    environment = {"XDG_STATE_HOME": str(tmp_path / "state"), "OPENAI_API_KEY": key, **variables}
    return load_settings(environment=environment, config_file=config_file)


def config(text: str) -> None:
    Path("config.ini").write_text(text)


def connect(settings: Settings) -> str | None:
    endpoint: Endpoint = choose_endpoint(settings, model="m")
    return connection_to(settings, endpoint).api_key


def test_the_key_does_not_go_where_a_new_file_of_the_working_folder_sends_it(tmp_path: Path) -> None:
    config(f"[OpenAI]\n\nBASE_URL = {ELSEWHERE}\n")

    with pytest.raises(SettingsError) as caught:
        connect(loaded(tmp_path))

    said = str(caught.value)
    assert said.startswith(f"config.ini:3: OpenAI.BASE_URL = {ELSEWHERE}: the key of this environment would be sent")
    assert "`troupe config trust`" in said
    assert "TROUPE_OPENAI_BASE_URL" in said


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8000/v1",
        "http://127.0.0.1:8000/v1",
        "http://[::1]:8000/v1",
        "https://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
    ],
)
def test_this_machine_and_the_keys_own_provider_need_no_trust(tmp_path: Path, address: str) -> None:
    config(f"[OpenAI]\nBASE_URL = {address}\n")

    assert connect(loaded(tmp_path)) == "sk-mine"


@pytest.mark.parametrize(
    "address",
    [
        "http://api.openai.com/v1",
        "https://api.openai.com.example.com/v1",
        "https://openai.com@example.com/v1",
        "https://notopenai.com/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1.example.com/v1",
        "http://0.0.0.0:80/v1",
        "http://169.254.169.254/v1",
    ],
)
def test_an_address_that_only_looks_like_one_of_them_does(tmp_path: Path, address: str) -> None:
    config(f"[OpenAI]\nBASE_URL = {address}\n")

    with pytest.raises(SettingsError, match="troupe config trust"):
        connect(loaded(tmp_path))


def test_what_the_user_says_is_the_users_word(tmp_path: Path) -> None:
    config(f"[OpenAI]\nBASE_URL = {ELSEWHERE}\n")

    assert connect(loaded(tmp_path, config_file=Path("config.ini"))) == "sk-mine"
    assert connect(loaded(tmp_path, TROUPE_OPENAI_BASE_URL=ELSEWHERE)) == "sk-mine"
    assert connect(loaded(tmp_path).with_values("flag", openai__base_url=ELSEWHERE)) == "sk-mine"
    assert connect(loaded(tmp_path, key="")) is None  # there is nothing to send


def test_a_child_process_does_not_take_the_file_for_the_users_word(tmp_path: Path) -> None:
    config(f"[OpenAI]\nBASE_URL = {ELSEWHERE}\nMODEL = small\n[Simulation]\nALLOW_PYTHON_STUDIES = yes\n")

    passed_on = loaded(tmp_path).as_environment()

    assert passed_on == {"TROUPE_OPENAI_MODEL": "small"}
    with pytest.raises(SettingsError, match="troupe config trust"):
        connect(load_settings(environment={**passed_on, "OPENAI_API_KEY": "sk-mine"}))


def test_trust_is_said_once_and_kept_outside_of_the_folder(
    tmp_path: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config(f"[OpenAI]\nBASE_URL = {ELSEWHERE}\n[Simulation]\nALLOW_PYTHON_STUDIES = True\n")
    assert set(loaded(tmp_path).untrusted) == {BASE_URL, PYTHON_STUDIES}

    assert run_command(["config", "trust"]) == 0

    said = capsys.readouterr().err
    assert f"trusted from now on: config.ini:2: OpenAI.BASE_URL = {ELSEWHERE}" in said
    assert connect(loaded(tmp_path)) == "sk-mine"
    assert {path.name for path in here.iterdir()} == {"config.ini"}
    config(
        f"# another line\n[OpenAI]\nMODEL = small\nBASE_URL = {ELSEWHERE}\n[Simulation]\nALLOW_PYTHON_STUDIES = on\n"
    )
    assert loaded(tmp_path).untrusted == {}
    config("[OpenAI]\nBASE_URL = https://other.example.com/v1\n")
    assert set(loaded(tmp_path).untrusted) == {BASE_URL}


def test_trust_in_one_folder_says_nothing_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config(f"[OpenAI]\nBASE_URL = {ELSEWHERE}\n")
    assert run_command(["config", "trust"]) == 0
    assert run_command(["config", "trust"]) == 0
    assert "nothing in config.ini asks for trust here" in capsys.readouterr().err

    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    config(f"[OpenAI]\nBASE_URL = {ELSEWHERE}\n")

    assert set(loaded(tmp_path).untrusted) == {BASE_URL}


def test_the_settings_say_what_is_not_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    config(f"[OpenAI]\nBASE_URL = {ELSEWHERE}\n")

    assert run_command(["config", "--changed", "--json"]) == 0

    assert "config.ini:2 (not trusted yet: `troupe config trust`)" in capsys.readouterr().out


def test_a_file_that_came_along_does_not_make_python_studies_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config("[Simulation]\nALLOW_PYTHON_STUDIES = true\n")
    Path("planted.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w').close()\n")
    Path("people.yaml").write_text(yaml.safe_dump(POPULATION))
    study = "kind: python, function: 'planted:talk', questions: [{id: why, type: open, text: Why?}]"
    Path("job.yaml").write_text(f"schema: troupe_batch/job/1\nid: j\npopulation: people.yaml\nstudy: {{{study}}}\n")

    code = run_command(["plan", "job.yaml", "--rehearse"])

    assert code == 2
    assert not (tmp_path / "was-run").exists()
    assert "planted" not in sys.modules
    assert "Simulation.ALLOW_PYTHON_STUDIES" in capsys.readouterr().err
