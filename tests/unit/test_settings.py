from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.errors import SettingsError
from troupe_batch.settings import default_config_text, load_settings

PROJECT = Path(__file__).resolve().parents[2]


def write(folder: Path, text: str) -> Path:
    path = folder / "config.ini"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_flag_beats_the_environment_and_the_environment_beats_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, "[OpenAI]\nMODEL = file\nTEMPERATURE = 0.1\nTOP_P = 0.5\n")

    settings = load_settings(
        config_file=config,
        environment={"TROUPE_OPENAI_MODEL": "environment", "TROUPE_OPENAI_TEMPERATURE": "0.2"},
        flags={"OpenAI.MODEL": "flag"},
    )

    assert (settings.openai.model, settings.openai.temperature, settings.openai.top_p) == ("flag", 0.2, 0.5)


def test_each_value_knows_its_origin(tmp_path: Path) -> None:
    config = write(tmp_path, "# a comment\n[Limits]\n\ntokens_per_minute = 5  # inline\n")

    settings = load_settings(
        config_file=config, environment={"TROUPE_OPENAI_MODEL": "m"}, flags={"Budget.MAX_USD": "1"}
    )

    assert settings.limits.tokens_per_minute == 5
    assert settings.origin("limits.tokens_per_minute") == f"{config}:4"
    assert settings.origin("openai.model") == "environment TROUPE_OPENAI_MODEL"
    assert settings.origin("Budget.MAX_USD") == "flag Budget.MAX_USD"
    assert settings.origin("openai.timeout") == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[OpenAI]\nMODLE = x\n", r"config.ini:2: no option MODLE in \[OpenAI\]; did you mean `MODEL`"),
        ("[OpenAy]\nMODEL = x\n", r"no section \[OpenAy\]; did you mean `OpenAI`"),
        ("[OpenAI]\n\nTEMPERATURE = hot\n", r"config.ini:3: OpenAI.TEMPERATURE: .*valid number.*'hot'"),
        ("[OpenAI]\nOPENAI_API_KEY = sk-1\n", "keys do not belong into a file"),
        ("MODEL = x\n", "cannot be read"),
        ("[OpenAI]\nMODEL = x\nMODEL = y\n", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_names_its_line_and_its_cure(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(config_file=write(tmp_path, text), environment={})


def test_an_unknown_variable_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(SettingsError, match="TROUPE_OPENAI_MODLE: no such option; did you mean `TROUPE_OPENAI_MODEL`"):
        load_settings(environment={"TROUPE_OPENAI_MODLE": "x"})


def test_a_named_file_that_is_absent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load_settings(config_file=tmp_path / "absent.ini", environment={})


def test_keys_come_from_the_environment_and_appear_nowhere() -> None:
    settings = load_settings(environment={"OPENAI_API_KEY": "sk-very-secret", "AZURE_OPENAI_KEY": "azure-secret"})

    assert settings.secrets.openai_api_key is not None
    assert settings.secrets.openai_api_key.get_secret_value() == "sk-very-secret"
    shown = repr(settings) + str(settings.model_dump()) + settings.model_dump_json() + str(settings.as_environment())
    assert "secret" not in shown


def test_a_child_process_gets_the_same_settings(tmp_path: Path) -> None:
    config = write(tmp_path, "[OpenAI]\nMODEL = file\nTOP_P = 0.5\n")
    parent = load_settings(config_file=config, environment={}, flags={"OpenAI.TOP_P": "", "OpenAI.SEND_SEED": "true"})

    child = load_settings(config_file=config, environment=parent.as_environment())

    assert dict(child.values()) == dict(parent.values())
    assert child.openai.top_p is None


def test_settings_are_frozen() -> None:
    settings = load_settings(environment={})

    with pytest.raises(ValueError, match="frozen"):
        settings.openai.model = "other"  # type: ignore[misc]


def test_the_shipped_config_file_lists_every_option_at_its_default(tmp_path: Path) -> None:
    shipped = (PROJECT / "config.ini").read_text(encoding="utf-8")
    uncommented = "\n".join(
        line[1:] if line.startswith("#") and "= " in line and line[1].isupper() else line
        for line in default_config_text().splitlines()
    )

    assert shipped == default_config_text()
    assert dict(load_settings(config_file=write(tmp_path, uncommented), environment={}).values()) == dict(
        load_settings(environment={}, config_file=PROJECT / "config.ini").values()
    )


@given(st.text(alphabet="[]=OpenAI.MODEL #;\n%:\x00é", max_size=60))
def test_no_text_in_the_file_raises_anything_but_a_settings_error(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        try:
            load_settings(config_file=write(Path(folder), text), environment={})
        except SettingsError as error:
            assert "config.ini" in str(error)


TINYTROUPES = """
[OpenAI]
API_TYPE=ollama
BASE_URL=http://localhost:11434/v1
MODEL=gemma3:1b-32k
NUM_CTX=32768
MAX_TOKENS=8192
TEMPERATURE=1.5
FREQ_PENALTY=0.1
PRESENCE_PENALTY=0.1
TIMEOUT=480
MAX_ATTEMPTS=5
WAITING_TIME=1
EXPONENTIAL_BACKOFF_FACTOR=5
MAX_CONCURRENT_MODEL_CALLS=NONE
EMBEDDING_MODEL=text-embedding-3-small
AZURE_EMBEDDING_MODEL_API_VERSION=2023-05-15
CACHE_API_CALLS=False
CACHE_FILE_NAME=openai_api_cache.pickle
MAX_CONTENT_DISPLAY_LENGTH=4000
[Simulation]
PARALLEL_AGENT_GENERATION=True
PARALLEL_AGENT_ACTIONS=True
RAI_HARMFUL_CONTENT_PREVENTION=True
[Cognition]
MIN_EPISODE_LENGTH=10
[ActionGenerator]
MAX_ATTEMPTS=2
ENABLE_QUALITY_CHECKS=False
ENABLE_REGENERATION=True
ENABLE_DIRECT_CORRECTION=False
ENABLE_QUALITY_CHECK_FOR_PERSONA_ADHERENCE=True
ENABLE_QUALITY_CHECK_FOR_SELFCONSISTENCY=False
ENABLE_QUALITY_CHECK_FOR_FLUENCY=False
ENABLE_QUALITY_CHECK_FOR_SUITABILITY=False
ENABLE_QUALITY_CHECK_FOR_SIMILARITY=False
CONTINUE_ON_FAILURE=True
QUALITY_THRESHOLD = 5
[Logging]
LOGLEVEL=NONE
LOGLEVEL_CONSOLE=INFO
LOGLEVEL_FILE=DEBUG
LOG_INCLUDE_THREAD_ID=False
"""


def test_tinytroupes_options_are_taken_over_or_named_with_the_reason_why_they_do_nothing(tmp_path: Path) -> None:
    config = write(tmp_path, TINYTROUPES)

    settings = load_settings(config_file=config, environment={})

    openai = settings.openai
    assert (openai.api_type, openai.max_completion_tokens, openai.max_concurrent_model_calls) == ("openai", 8192, 64)
    assert (openai.temperature, settings.cognition.min_episode_length) == (1.5, 10)
    assert (settings.logging.loglevel, settings.actiongenerator.quality_threshold) == ("CRITICAL", 5)
    named = {place.rpartition(" ")[2] for place in settings.without_effect}
    taken = {option.partition(".")[2].upper() for option in settings.origins}
    written = {line.partition("=")[0].strip() for line in TINYTROUPES.splitlines() if "=" in line}
    assert named | taken == written - {"MAX_TOKENS"} | {"MAX_COMPLETION_TOKENS"}
    assert len(named) == 21
    assert f"{config}:6: NUM_CTX" in settings.without_effect
    assert "without_effect" not in settings.model_dump()


def test_an_option_under_both_of_its_names_has_the_value_of_the_name_of_today(tmp_path: Path) -> None:
    for lines in ("MAX_TOKENS = 1\nMAX_COMPLETION_TOKENS = 2", "MAX_COMPLETION_TOKENS = 2\nMAX_TOKENS = 1"):
        config = write(tmp_path, f"[OpenAI]\n{lines}\n")

        assert load_settings(config_file=config, environment={}).openai.max_completion_tokens == 2


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    config = write(tmp_path, "[OpenAI]\nMODLE = x\nTEMPERATURE = hot\n[Openly]\nA = 1\n[Limits]\nTOKNS = 1\n")

    with pytest.raises(SettingsError) as caught:
        load_settings(config_file=config, environment={"TROUPE_X": "1"}, flags={"OpenAI.MODL": "x", "nonsense": "1"})

    said = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in said] == [
        f"{config}:2",
        f"{config}:4",
        f"{config}:7",
        "environment variable TROUPE_X",
        "--set OpenAI.MODL",
        "--set nonsense",
        f"{config}:3",
    ]
    assert "did you mean `MODEL`" in said[0]
    assert "no section [Openly]; did you mean `OpenAI`" in said[1]
