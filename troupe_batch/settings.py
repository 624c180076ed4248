"""Settings: config.ini < environment < flag, merged once into one frozen object that knows each value's origin."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from troupe_batch.errors import SettingsError
from troupe_batch.shown_text import shown_url
from troupe_batch.spec_files import did_you_mean
from troupe_batch.spec_models import ReasoningEffort
from troupe_batch.tinytroupe_options import OTHER_NAMES, OTHER_VALUES, WITHOUT_EFFECT
from troupe_batch.trust import is_trusted, risk_of

CONFIG_FILE = "config.ini"
ENVIRONMENT_PREFIX = "TROUPE_"

PrefixCaching = Literal["breakpoints", "cache_control", "automatic", "by_itself", "implicit", "none"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenAISection(_Section):
    """Model that answers, and how it is called."""

    api_type: Literal["openai", "azure"] = Field(
        "openai", description="which service: openai (or anything like it), azure"
    )
    azure_api_version: str = Field(
        "2024-10-21", description="version of the Azure OpenAI API; v1: the one without dates"
    )
    base_url: str | None = Field(None, description="any OpenAI-compatible server, for example http://localhost:8000/v1")
    service: str | None = Field(
        None, description="whose dialect it speaks: openai, azure, openrouter, vllm, ollama ...; empty: by the address"
    )
    model: str = Field("gpt-6-luna", description="model (on Azure: deployment) where the job names none")
    reasoning_model: str | None = Field(
        None, description="model that judges people and prose, and extracts results; empty: the job's model"
    )
    embedding_model: str = Field(
        "text-embedding-3-small", description="model by which people look things up, and facts come back to them"
    )
    max_completion_tokens: int = Field(1024, ge=1, le=1_000_000, description="longest reply, in tokens")
    temperature: float | None = Field(
        None, ge=0, le=2, description="sampling temperature; empty: the endpoint's default"
    )
    top_p: float | None = Field(None, gt=0, le=1, description="nucleus sampling; empty: the endpoint's default")
    timeout: float = Field(120, gt=0, le=3600, description="seconds until a call counts as lost")
    max_attempts: int = Field(6, ge=1, le=100, description="how often one call is tried")
    outage_patience: float = Field(
        7200, ge=0, le=7 * 86400, description="seconds to wait for an endpoint that answers nothing, then the run stops"
    )
    stop_early: bool = Field(
        True, description="stop a run whose calls all meet one and the same fault; off: record each and go on"
    )
    max_concurrent_model_calls: int = Field(64, ge=1, le=100_000, description="calls in flight per worker process")
    reasoning_effort: ReasoningEffort | None = Field(
        None, description="none, minimal, low, medium, high, xhigh, max; empty: none for gpt-6-luna, else not sent"
    )
    cache_api_calls: bool = Field(True, description="keep replies and answer equal requests from them")
    probe: bool = Field(True, description="see by up to 5 calls what an endpoint can do before a run depends on it")
    send_seed: bool | None = Field(None, description="send the draw as `seed`; empty: where the service has one")
    limit_field: Literal["max_completion_tokens", "max_tokens"] | None = Field(
        None,
        description="name of the completion limit: max_completion_tokens, max_tokens; empty: by service and refusal",
    )
    schema_mode: Literal["strict", "json", "none"] | None = Field(
        None,
        description="JSON schemas: strict (enforced), json (JSON mode, schema in the prompt), none; empty: by service",
    )
    service_tier: str | None = Field(
        None, pattern=r"^[a-z0-9_-]{1,40}$", description="tier of service to ask for, such as flex; empty: none"
    )
    prefix_cache: PrefixCaching | None = Field(
        None,
        description="prefix cache: breakpoints, cache_control, automatic, by_itself, implicit, none; empty: by service",
    )


class SimulationSection(_Section):
    """Freedom in simulations: what people may say, and what code may run."""

    rai_harmful_content_prevention: bool = Field(True, description="tell people not to say what could harm anybody")
    rai_copyright_infringement_prevention: bool = Field(True, description="tell people not to quote works at length")
    allow_python_studies: bool = Field(
        False, description="run studies of kind python, which are code that the job file names; set it on workers too"
    )


class CognitionSection(_Section):
    """Memory of people."""

    enable_memory_consolidation: bool = Field(True, description="condense long episodes, by one call each")
    enable_continuous_contextual_semantic_memory_retrieval: bool = Field(
        True, description="show of many facts those that fit the moment, by an embedding call; off: the latest"
    )
    min_episode_length: int = Field(15, ge=1, le=100_000, description="memories that an episode needs when it is ended")
    max_episode_length: int = Field(50, ge=1, le=100_000, description="memories after which an episode is condensed")
    episodic_memory_fixed_prefix_length: int = Field(
        10, ge=0, le=100_000, description="first memories, always in the prompt"
    )
    episodic_memory_lookback_length: int = Field(
        20, ge=0, le=100_000, description="latest memories, always in the prompt"
    )
    max_actions: int = Field(12, ge=1, le=100, description="most actions of one act")
    max_rounds: int = Field(3, ge=1, le=20, description="most calls of one act in which a person looks things up")


class ActionGeneratorSection(_Section):
    """Checks of actions."""

    enable_quality_checks: bool = Field(False, description="score each act before it happens, by one more call")
    max_attempts: int = Field(2, ge=1, le=20, description="how often an act is generated while it scores too low")
    quality_threshold: int = Field(5, ge=0, le=9, description="lowest score that passes, 0 to 9")


class LoggingSection(_Section):
    """Log of a process; never persona text, prompts or keys."""

    loglevel: LogLevel = Field("WARNING", description="lowest level that is written")


class RedisSection(_Section):
    """Redis of the queue, the coordination and the cache of replies."""

    broker_url: str = Field("embedded", description="redis://, rediss://, unix:// or `embedded`: a private server here")
    cache_url: str | None = Field(
        None, description="cache of replies; empty: the broker's server (a laptop, not a fleet)"
    )
    ca_file: str | None = Field(
        None, description="certificates (PEM) that rediss:// servers are verified by; empty: those of the system"
    )
    cache_ttl_days: float | None = Field(None, gt=0, le=3650, description="days a reply is kept; empty: for good")


class CelerySection(_Section):
    """Celery: how shards are handed to workers."""

    queue_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="separates fleets that share one Redis; empty: one fleet"
    )
    processes: int | None = Field(
        None, ge=1, le=256, description="worker processes on this machine; empty: one per core"
    )
    lease_s: float = Field(15, ge=2, le=3600, description="seconds after which a silent worker loses its shard")
    max_shard_attempts: int = Field(4, ge=1, le=1000, description="failures after which a shard is set aside")
    shard_limit_s: float = Field(6 * 3600, ge=10, le=7 * 86400, description="longest time of one shard, in seconds")


class LimitsSection(_Section):
    """Limits of the endpoint, shared by all workers."""

    requests_per_minute: int | None = Field(None, ge=1, description="calls a minute; empty: no limit of ours")
    tokens_per_minute: int | None = Field(None, ge=1, description="tokens a minute; empty: no limit of ours")


class BudgetSection(_Section):
    """Budget of a job where its file does not say."""

    max_usd: float | None = Field(None, ge=0, description="cost cap in US dollars of jobs that name none")
    prompt_price: float | None = Field(
        None, ge=0, description="US dollars per 1,000,000 prompt tokens; empty: list price"
    )
    cached_price: float | None = Field(
        None, ge=0, description="the same for prompt tokens that the endpoint has cached"
    )
    written_price: float | None = Field(
        None, ge=0, description="the same for prompt tokens that it stores; empty: as in the list, beside PROMPT_PRICE"
    )
    completion_price: float | None = Field(None, ge=0, description="the same for completion tokens")


class StorageSection(_Section):
    """Storage of results and of the state of this project."""

    url: str = Field("runs", description="folder, or s3://, gs://, az:// URL, that holds the runs")
    state_folder: str = Field(".troupe", description="folder of the embedded Redis, its cache and the logs")


class RehearsalSection(_Section):
    """The offline server that stands in for a model."""

    url: str | None = Field(None, description="a rehearsal server that runs already; empty: `--rehearse` starts one")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of its answers")
    latency_ms: float = Field(0, ge=0, le=600_000, description="how long it takes for an answer")


class Secrets(_Section):
    """Keys; they come from the environment alone and are never printed, logged or stored."""

    openai_api_key: SecretStr | None = None
    azure_openai_key: SecretStr | None = None
    azure_openai_endpoint: str | None = None


class Settings(_Section):
    """All options of one process. Read at the edge (cli, api, workers, wiring) and passed down as plain arguments.

    `without_effect` has the options of TinyTroupe's that were found and do nothing here: "file:line: OPTION" -> why.
    `untrusted` has those from a config.ini that merely lies here, with what they could do: option -> risk.
    """

    openai: OpenAISection = OpenAISection()
    simulation: SimulationSection = SimulationSection()
    cognition: CognitionSection = CognitionSection()
    actiongenerator: ActionGeneratorSection = ActionGeneratorSection()
    logging: LoggingSection = LoggingSection()
    redis: RedisSection = RedisSection()
    celery: CelerySection = CelerySection()
    limits: LimitsSection = LimitsSection()
    budget: BudgetSection = BudgetSection()
    storage: StorageSection = StorageSection()
    rehearsal: RehearsalSection = RehearsalSection()
    origins: Mapping[str, str] = Field(default_factory=dict, exclude=True)
    without_effect: Mapping[str, str] = Field(default_factory=dict, exclude=True)
    untrusted: Mapping[str, str] = Field(default_factory=dict, exclude=True)
    secrets: Secrets = Field(Secrets(), exclude=True, repr=False)

    def origin(self, option: str) -> str:
        """Where the value of `Section.OPTION` came from: a file and line, a variable, a flag, or "default"."""
        return self.origins.get(option.lower(), "default")

    @staticmethod
    def title(option: str) -> str:
        """The name of "section.option" as config.ini and --set write it."""
        section, name = option.split(".")
        return f"{SECTION_TITLES[section]}.{name.upper()}"

    def with_values(self, origin: str, **changed: str) -> Settings:
        """These settings with options given another value, written as section__option; `origin` says by whom."""
        values = {option.replace("__", "."): value for option, value in changed.items()}
        body = self.model_dump()
        for option, value in values.items():
            section, name = option.split(".")
            body[section][name] = value
        origins = {**self.origins, **dict.fromkeys(values, origin)}
        untrusted = {option: risk for option, risk in self.untrusted.items() if option not in values}
        own = {"origins": origins, "secrets": self.secrets, "without_effect": self.without_effect}
        own["untrusted"] = untrusted
        return Settings.model_validate({**body, **own})

    def as_environment(self) -> dict[str, str]:
        """The variables that give a child process the same settings; secrets are left to the inherited environment.

        What is not trusted is not passed on as if it were the user's word.
        """
        return {
            _variable(option): _as_text(value)
            for option, value in self.values()
            if self.origin(option) != "default" and option not in self.untrusted
        }

    def check_trusted(self, option: str) -> None:
        """SettingsError where `section.option` came with the working folder and the user has not said yes to it."""
        if (risk := self.untrusted.get(option)) is None:
            return
        section, name = option.split(".")
        title = self.title(option)
        value = shown_url(_as_text(getattr(getattr(self, section), name)))
        raise SettingsError(
            f"{self.origin(option)}: {title} = {value}: {risk}, and this file is new here. If you trust it, say so "
            f"once with `troupe config trust`; or name the file (--config {CONFIG_FILE}) or set {_variable(option)}"
        )

    def values(self) -> Iterable[tuple[str, Any]]:
        """All options as ("openai.model", value), in the order of the sections."""
        for section, fields in SECTIONS.items():
            for name in fields:
                yield f"{section}.{name}", getattr(getattr(self, section), name)


SECTIONS: dict[str, dict[str, str]] = {
    section: {name: f.description or "" for name, f in field.annotation.model_fields.items()}
    for section, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, _Section) and field.annotation is not Secrets
}
SECTION_TITLES = {
    "openai": "OpenAI",
    "actiongenerator": "ActionGenerator",
} | {name: name.capitalize() for name in SECTIONS if name not in ("openai", "actiongenerator")}


@dataclass(frozen=True, slots=True)
class _Found:
    """An option that was given a value somewhere; or why what stands there is none."""

    option: str
    text: str
    origin: str
    mistake: str | None = None


def load_settings(
    *,
    environment: Mapping[str, str],
    config_file: Path | None = None,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """The merged settings. `flags` maps "Section.OPTION" to text; ./config.ini is read where no `config_file` is named.

    Raises one SettingsError with everything that is wrong: the file and line, the variable or the flag, and the
    nearest known option. Options of TinyTroupe's that have no effect here are accepted and named.
    """
    values: dict[str, dict[str, str]] = {}
    found: dict[str, _Found] = {}
    without_effect: dict[str, str] = {}
    mistakes: list[str] = []
    for item in [*_from_file(config_file), *_from_environment(environment), *_from_flags(flags or {})]:
        if item.mistake is not None:
            mistakes.append(item.mistake)
        elif item.option in WITHOUT_EFFECT:
            name = item.option.partition(".")[2].upper()
            without_effect[f"{item.origin}: {name}"] = WITHOUT_EFFECT[item.option]
        else:
            found[item.option] = item
    for item in found.values():
        section, name = item.option.split(".")
        text = OTHER_VALUES.get((item.option, item.text.lower()), item.text)
        if text != "":
            values.setdefault(section, {})[name] = text
    own = {
        "origins": {option: item.origin for option, item in found.items()},
        "secrets": _secrets(environment),
        "without_effect": without_effect,
        "untrusted": {} if config_file is not None else _untrusted(found, environment),
    }
    try:
        settings = Settings.model_validate({**values, **own})
    except ValidationError as error:
        mistakes += [_explain(found, detail) for detail in error.errors()]
        raise SettingsError("\n".join(mistakes)) from error
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def _untrusted(found: Mapping[str, _Found], environment: Mapping[str, str]) -> dict[str, str]:
    """What the config.ini of the working folder sets and its user has not trusted: option -> risk."""
    file = Path(CONFIG_FILE)
    from_file = [item for item in found.values() if item.origin.startswith(f"{CONFIG_FILE}:")]
    risks = {item.option: (item.text, risk_of(item.option, item.text)) for item in from_file}
    return {
        option: risk
        for option, (text, risk) in risks.items()
        if risk is not None and not is_trusted(file, option, text, environment)
    }


def default_config_text() -> str:
    """A config.ini that lists every option, commented out at its default, with what it means."""
    lines = [
        "# Settings. Precedence: this file < environment (TROUPE_SECTION_OPTION) < flags (--set Section.OPTION=value).",
        "# `troupe config` shows every value and where it came from. Keys never stand here: set OPENAI_API_KEY, or",
        "# AZURE_OPENAI_KEY and AZURE_OPENAI_ENDPOINT. Each option stands commented out at its default.",
        "# A BASE_URL that is not OpenAI's own nor on this machine, and ALLOW_PYTHON_STUDIES, hold from this folder's",
        "# file once you have said so: `troupe config trust`.",
    ]
    values = dict(Settings().values())
    for section, options in SECTIONS.items():
        lines += ["", f"[{SECTION_TITLES[section]}]"]
        for name, description in options.items():
            lines += [f"# {description}", f"#{name.upper()} = {_as_text(values[f'{section}.{name}'])}".rstrip()]
    return "\n".join(lines) + "\n"


def _from_file(config_file: Path | None) -> Iterable[_Found]:
    path = config_file or Path(CONFIG_FILE)
    if not path.is_file():
        if config_file is not None:
            raise SettingsError(f"{path}: no such file; check --config")
        return
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#", ";"))
    try:
        text = path.read_text(encoding="utf-8-sig")
        parser.read_string(text, source=str(path))
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    for title in parser.sections():
        if title.lower() not in SECTIONS:
            place = f"{path}:{_line_of(text, title)}"
            yield _Found(title, "", place, _unknown_section(title, place))
            continue
        # The names of today last: where a file has an option under both of its names, that one holds.
        for name in sorted(parser[title], key=lambda name: f"{title}.{name}".lower() not in OTHER_NAMES):
            yield _found(title, name, parser[title][name].strip(), f"{path}:{_line_of(text, title, name)}")


def _from_environment(environment: Mapping[str, str]) -> Iterable[_Found]:
    known = {_variable(f"{section}.{name}"): f"{section}.{name}" for section in SECTIONS for name in SECTIONS[section]}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        if variable not in known:
            cure = did_you_mean(variable, list(known)) if len(variable) > len(ENVIRONMENT_PREFIX) else ""
            cure = cure if cure.startswith("did") else "see `troupe config` for the known ones"
            mistake = f"environment variable {variable}: no such option; {cure}"
            yield _Found(variable, "", f"environment {variable}", mistake)
            continue
        yield _Found(known[variable], text.strip(), f"environment {variable}")


def _from_flags(flags: Mapping[str, str]) -> Iterable[_Found]:
    for option, text in flags.items():
        section, dot, name = option.partition(".")
        if not dot:
            mistake = f"--set {option}: write it as Section.OPTION=value, for example OpenAI.MODEL=gpt-6-luna"
            yield _Found(option, "", f"flag {option}", mistake)
            continue
        yield _found(section, name, text, f"flag {option}", shown=f"--set {option}")


def _found(title: str, name: str, text: str, origin: str, *, shown: str | None = None) -> _Found:
    section, name = title.lower(), name.lower()
    option = OTHER_NAMES.get(f"{section}.{name}", f"{section}.{name}")
    mistake = None
    if section not in SECTIONS:
        mistake = _unknown_section(title, shown or origin)
    elif option not in WITHOUT_EFFECT and option.partition(".")[2] not in SECTIONS[section]:
        mistake = _unknown_option(section, name, shown or origin)
    return _Found(option, text, origin, mistake)


def _unknown_section(title: str, place: str) -> str:
    return f"{place}: no section [{title}]; {did_you_mean(title, list(SECTION_TITLES.values()))}"


def _unknown_option(section: str, name: str, place: str) -> str:
    if re.search(r"api_?key|password|secret|token$", name):
        return f"{place}: keys do not belong into a file; set OPENAI_API_KEY or AZURE_OPENAI_KEY"
    cure = did_you_mean(name.upper(), [known.upper() for known in SECTIONS[section]])
    return f"{place}: no option {name.upper()} in [{SECTION_TITLES[section]}]; {cure}"


def _secrets(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name in Secrets.model_fields if (value := environment.get(name.upper(), "").strip())}


def _explain(found: Mapping[str, _Found], detail: Any) -> str:
    option = ".".join(str(part) for part in detail["loc"][:2])
    origin = found[option].origin if option in found else option
    section, _, name = option.partition(".")
    value = shown_url(str(detail["input"]))
    return f"{origin}: {SECTION_TITLES.get(section, section)}.{name.upper()}: {detail['msg']} (found {value!r})"


def _line_of(text: str, title: str, name: str | None = None) -> int:
    """The line of an option, or of the heading of its section where none is named."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().lower()
        if stripped.startswith("["):
            inside = stripped.startswith(f"[{title.lower()}]")
            if inside and name is None:
                return number
        elif inside and name is not None and re.match(rf"{re.escape(name.lower())}\s*[=:]", stripped):
            return number
    return 1


def _variable(option: str) -> str:
    return ENVIRONMENT_PREFIX + option.replace(".", "_").upper()


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)
