"""Embeddings that mean a little: hashed words and letter groups, so that similar texts have similar vectors."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_WORD = re.compile(r"\w+")
_WORD_WEIGHT = 1.0
_LETTERS_WEIGHT = 0.35
_LETTERS = 3
_LARGE_MODEL_DIMENSIONS = 3_072
DEFAULT_DIMENSIONS = 1_536


def dimensions_of(model: str) -> int:
    """The width that a model of this name has by default."""
    return _LARGE_MODEL_DIMENSIONS if "large" in model else DEFAULT_DIMENSIONS


def embed(text: str | Sequence[int], dimensions: int, seed: int) -> npt.NDArray[np.float32]:
    """A unit vector, shape (dimensions,); texts that share words and word parts lie close together.

    `text` may also be a list of token numbers, as the API allows.
    """
    features: dict[str, float] = {}
    for feature, weight in _features(text):
        features[feature] = features.get(feature, 0.0) + weight
    salt = zlib.crc32(b"%d" % seed)
    hashes = np.array([zlib.crc32(feature.encode(), salt) for feature in features], np.uint32)
    weights = np.log1p(np.array(list(features.values()), np.float64))
    # The top bit is the sign, so that unrelated features cancel out instead of adding up.
    signed = np.where(hashes >> np.uint32(31), weights, -weights)
    vector = np.bincount((hashes & np.uint32(0x7FFFFFFF)) % dimensions, weights=signed, minlength=dimensions)
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        vector[salt % dimensions], length = 1.0, 1.0
    return np.asarray(vector / length, dtype=np.float32)


def as_base64(vector: npt.NDArray[np.float32]) -> str:
    """The vector as the API sends it under encoding_format base64: little-endian float32."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def _features(text: str | Sequence[int]) -> list[tuple[str, float]]:
    if not isinstance(text, str):
        return [(f"#{token}", _WORD_WEIGHT) for token in text]
    features = []
    for word in _WORD.findall(text.casefold()):
        features.append((word, _WORD_WEIGHT))
        framed = f"^{word}$"
        features += [(framed[i : i + _LETTERS], _LETTERS_WEIGHT) for i in range(len(framed) - _LETTERS + 1)]
    return features
