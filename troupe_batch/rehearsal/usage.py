"""Token counts as an endpoint would report them, estimated from the text."""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.rehearsal.prefix_cache import BYTES_PER_TOKEN
from troupe_batch.seeded import DrawStream

_REASONING_MODELS = ("o1", "o3", "o4", "gpt-5", "gpt-6")
_REASONING_TOKENS = {"none": 0, "minimal": 0, "low": 128, "medium": 384, "high": 1_024, "xhigh": 2_048, "max": 4_096}
_REASONING_STEP = 64


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of one reply; cached and written are parts of prompt, reasoning is part of completion.

    `written` is None where the model does not say what it stores of a prompt.
    """

    prompt: int
    cached: int
    completion: int
    reasoning: int
    written: int | None = None

    def as_json(self) -> dict[str, object]:
        """The `usage` object of a chat completion."""
        written = {} if self.written is None else {"cache_write_tokens": self.written}
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached, **written, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def tokens_in(text: bytes) -> int:
    """About four bytes of UTF-8 make a token."""
    return -(-len(text) // BYTES_PER_TOKEN)


def reasoning_tokens(model: str, effort: str | None, draws: DrawStream) -> int:
    """Hidden tokens of a reasoning model, in steps of 64; 0 for any other model."""
    if effort is None and not model.startswith(_REASONING_MODELS):
        return 0
    typical = _REASONING_TOKENS.get(effort or "medium", _REASONING_TOKENS["medium"])
    return int(typical * (0.5 + draws.uniform())) // _REASONING_STEP * _REASONING_STEP
