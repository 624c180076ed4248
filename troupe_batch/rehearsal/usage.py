"""Token counts as an endpoint would report them: estimated from the text, with the rule of prefix caching.

OpenAI's rule: a prompt of 1,024 tokens or more is cached by its prefix, in steps of 128 tokens from there.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from troupe_batch.rehearsal.draws import Draws

BYTES_PER_TOKEN = 4
FIRST_CACHED_TOKENS = 1_024
CACHE_STEP_TOKENS = 128

_REASONING_MODELS = ("o1", "o3", "o4", "gpt-5", "gpt-6")
_REASONING_TOKENS = {"none": 0, "minimal": 0, "low": 128, "medium": 384, "high": 1_024, "xhigh": 2_048, "max": 4_096}
_REASONING_STEP = 64


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of one reply; cached is part of prompt, reasoning is part of completion."""

    prompt: int
    cached: int
    completion: int
    reasoning: int

    def as_json(self) -> dict[str, object]:
        """The `usage` object of a chat completion."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached, "audio_tokens": 0},
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


def prompt_bytes(schema: bytes, roles: Sequence[str], texts: Sequence[str]) -> bytes:
    """The prompt as the model reads it: the schema stands before all messages, and each message names its role."""
    parts = [f"<|{role}|>\n{text}\n" for role, text in zip(roles, texts, strict=True)]
    return schema + "".join(parts).encode()


def reasoning_tokens(model: str, effort: str | None, draws: Draws) -> int:
    """Hidden tokens of a reasoning model, in steps of 64; 0 for any other model."""
    if effort is None and not model.startswith(_REASONING_MODELS):
        return 0
    typical = _REASONING_TOKENS.get(effort or "medium", _REASONING_TOKENS["medium"])
    return int(typical * (0.5 + draws.uniform())) // _REASONING_STEP * _REASONING_STEP


class PrefixCache:
    """Which prompt prefixes were seen before; bounded, the least recently used one is forgotten first."""

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        # Not a dict: one that loses its first entry over and over looks through all the holes for the next.
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, model: str, prompt: bytes) -> int:
        """How many tokens of this prompt an earlier one of the same model began with; remembers this one."""
        tokens = len(prompt) // BYTES_PER_TOKEN
        if tokens < FIRST_CACHED_TOKENS:
            return 0
        cached = start = 0
        is_known = True
        chain = model.encode()
        for length in range(FIRST_CACHED_TOKENS, tokens + 1, CACHE_STEP_TOKENS):
            end = length * BYTES_PER_TOKEN
            # Chained: each link stands for the whole prefix up to it, and every byte is hashed once.
            chain = hashlib.blake2b(chain + prompt[start:end], digest_size=8).digest()
            start = end
            is_known = is_known and chain in self._seen
            cached = length if is_known else cached
            self._remember(chain)
        return cached

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        self._seen.clear()

    def _remember(self, link: bytes) -> None:
        if link in self._seen:
            self._seen.move_to_end(link)
            return
        self._seen[link] = None
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
