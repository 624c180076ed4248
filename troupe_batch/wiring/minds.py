"""Minds under the settings of this process: how they sample, remember and act, and which further models serve them."""

from __future__ import annotations

from dataclasses import replace

from troupe_batch.llm.chat import Endpoint, Parameters
from troupe_batch.llm.model_names import default_effort
from troupe_batch.planning.acting import Acting
from troupe_batch.settings import Settings
from troupe_batch.simulation.mind import MindSettings


def default_parameters(settings: Settings, endpoint: Endpoint) -> Parameters:
    """The sampling parameters that hold where a job that asks this endpoint does not say."""
    chosen = settings.openai
    effort = chosen.reasoning_effort or default_effort(endpoint.model)
    return Parameters(chosen.temperature, chosen.top_p, chosen.max_completion_tokens, effort)


def mind_settings(settings: Settings) -> MindSettings:
    """How people remember, act and are checked under these settings."""
    memory, checks, rules = settings.cognition, settings.actiongenerator, settings.simulation
    return MindSettings(
        consolidates=memory.enable_memory_consolidation,
        retrieves=memory.enable_continuous_contextual_semantic_memory_retrieval,
        min_episode_length=memory.min_episode_length,
        max_episode_length=memory.max_episode_length,
        fixed_prefix_length=memory.episodic_memory_fixed_prefix_length,
        lookback_length=memory.episodic_memory_lookback_length,
        max_actions=memory.max_actions,
        max_rounds=memory.max_rounds,
        prevents_harm=rules.rai_harmful_content_prevention,
        prevents_copyright_infringement=rules.rai_copyright_infringement_prevention,
        checks_quality=checks.enable_quality_checks,
        quality_attempts=checks.max_attempts,
        quality_threshold=checks.quality_threshold,
    )


def further_endpoints(settings: Settings, endpoint: Endpoint) -> Acting:
    """How minds work under these settings, and the further models, at the same service, that serve them."""
    reasoning = settings.openai.reasoning_model
    return Acting(
        mind_settings(settings),
        reasoning=None if reasoning is None else replace(endpoint, model=reasoning),
        embedding=replace(endpoint, model=settings.openai.embedding_model),
    )
