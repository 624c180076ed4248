"""Options of TinyTroupe's config.ini that are called otherwise here, take other values, or have no effect."""

from __future__ import annotations

from collections.abc import Mapping

OTHER_NAMES: Mapping[str, str] = {"openai.max_tokens": "openai.max_completion_tokens"}
"""What an option was called in older versions -> what it is called here."""

_NO_LIMIT = ("0", "none", "off", "disable", "disabled")
OTHER_VALUES: Mapping[tuple[str, str], str] = {
    # Ollama speaks OpenAI's protocol; its address stands in BASE_URL.
    ("openai.api_type", "ollama"): "openai",
    ("logging.loglevel", "none"): "CRITICAL",
    # Without a limit a worker would open a connection per call: the default holds.
    **{("openai.max_concurrent_model_calls", word): "" for word in _NO_LIMIT},
}
"""(option, value in small letters) -> the value that means the same here; "" is the default."""

_OWN_WAITS = "the waits between attempts grow by themselves and follow what the endpoint asks for"
_ALWAYS_AT_ONCE = "people are made and act at the same time, always"
_ONE_CHECK = "ENABLE_QUALITY_CHECKS scores every act on all of them in one call"

WITHOUT_EFFECT: Mapping[str, str] = {
    "openai.azure_embedding_model_api_version": "AZURE_API_VERSION holds for embeddings too",
    "openai.cache_file_name": "replies are kept in STATE_FOLDER",
    "openai.exponential_backoff_factor": _OWN_WAITS,
    "openai.freq_penalty": "it is not sent, for newer models refuse it",
    "openai.max_content_display_length": "transcripts are shown whole",
    "openai.num_ctx": "the server that runs the model decides it",
    "openai.presence_penalty": "it is not sent, for newer models refuse it",
    "openai.waiting_time": _OWN_WAITS,
    "simulation.parallel_agent_actions": _ALWAYS_AT_ONCE,
    "simulation.parallel_agent_generation": _ALWAYS_AT_ONCE,
    "actiongenerator.continue_on_failure": "the best of the attempts is carried out, always",
    "actiongenerator.enable_direct_correction": "an act that scores too low is generated anew",
    "actiongenerator.enable_quality_check_for_fluency": _ONE_CHECK,
    "actiongenerator.enable_quality_check_for_persona_adherence": _ONE_CHECK,
    "actiongenerator.enable_quality_check_for_selfconsistency": _ONE_CHECK,
    "actiongenerator.enable_quality_check_for_similarity": "what only repeats is left out, always",
    "actiongenerator.enable_quality_check_for_suitability": _ONE_CHECK,
    "actiongenerator.enable_regeneration": "an act that scores too low is generated anew, MAX_ATTEMPTS times at most",
    "logging.log_include_thread_id": "lines name the process and the shard",
    "logging.loglevel_console": "LOGLEVEL holds for all that is written",
    "logging.loglevel_file": "LOGLEVEL holds for all that is written",
}
"""Option -> why it has no effect here."""
