"""Fits the weights of troupe_batch/llm/tokens.py to the o200k_base vocabulary and measures the error.

Run with tiktoken and its vocabulary on the machine: TIKTOKEN_CACHE_DIR=... python tests/benchmarks/calibrate_tokens.py
The texts are what a Linux machine holds: message catalogues in dozens of languages, Markdown, Python, JSON. Even
samples fit, odd ones measure.
"""

from __future__ import annotations

import gettext
import json
import re
import sys
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from troupe_batch.llm.tokens import FEATURES, FEATURES_BEYOND_ASCII, TokenCounter, estimate_tokens

LANGUAGES = (
    "ar cs da de el en_CA en_GB es fi fr he hi hu hy id it ja ka ko nb nl pl pt pt_BR ro ru sv th tr uk vi zh_CN zh_TW"
)
# Prompts are mostly English, facts and JSON: together they weigh as much as all other languages.
ENGLISH = ("facts", "json compact", "json indented", "markdown", "prose en_CA", "prose en_GB")
SAMPLE_CHARACTERS = 1500
SAMPLES_PER_KIND = 60
FEWEST_SAMPLES = 6

Samples = dict[str, list[str]]


def main() -> None:
    """Prints the fitted weights, then the error of the weights that stand in the code, per kind of text."""
    exact = TokenCounter.at_hand()
    if not exact.method.startswith("tiktoken"):
        sys.exit("needs tiktoken and its vocabulary (TIKTOKEN_CACHE_DIR)")
    samples = {kind: texts for kind, texts in gather().items() if len(texts) >= FEWEST_SAMPLES}
    print_weights(fit({kind: texts[::2] for kind, texts in samples.items()}, exact))
    print_errors(samples, exact)


def gather() -> Samples:
    """Samples by kind of text."""
    kinds: Samples = defaultdict(list)
    library = Path(sysconfig.get_paths()["purelib"])
    for kind, text in [*catalogues(Path("/usr/share/locale")), *files(library)]:
        if len(kinds[kind]) < SAMPLES_PER_KIND:
            kinds[kind] += [text[at : at + SAMPLE_CHARACTERS] for at in range(0, len(text) - 500, SAMPLE_CHARACTERS)][
                :8
            ]
    return kinds


def catalogues(folder: Path) -> Iterator[tuple[str, str]]:
    """The translated messages of each catalogue, as prose in its language."""
    for path in sorted(path for language in LANGUAGES.split() for path in folder.glob(f"{language}/LC_MESSAGES/*.mo")):
        try:
            with path.open("rb") as file:
                messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        except (OSError, ValueError, LookupError):
            continue
        prose = [m for m in messages.values() if isinstance(m, str) and len(m) > 40 and "Project-Id" not in m]
        yield f"prose {path.parts[4]}", " ".join(prose)


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Markdown, Python and JSON (indented and not); and persona-like lists of facts made from the words of the rest."""
    for pattern, kind in (("*.md", "markdown"), ("*.rst", "markdown"), ("METADATA", "markdown"), ("*.py", "python")):
        for path in sorted(folder.rglob(pattern))[::7]:
            yield kind, path.read_text(encoding="utf-8", errors="ignore")
    for path in sorted(folder.rglob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
        yield "json indented", json.dumps(data, indent=1, ensure_ascii=False)
        yield "json compact", json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    words = common_words(folder)
    for start in range(0, len(words) - 400, 400):
        four = [iter(words[start : start + 400])] * 4
        lines = [f"- {a}_{b}: {c} {d} {len(c) * 7}" for a, b, c, d in zip(*four, strict=False)]
        yield "facts", "\n".join(lines)
    for first in range(0x1F300, 0x1F640, 16):
        yield "emoji", "".join(f"{words[code % 97]} {chr(code)} " for code in range(first, first + 16)) * 5


def common_words(folder: Path) -> list[str]:
    """English words in the order of the texts, without those that are rare."""
    text = " ".join(path.read_text(encoding="utf-8", errors="ignore") for path in sorted(folder.rglob("METADATA"))[:60])
    words = re.findall(r"\b[a-z]{3,14}\b", text)
    count = Counter(words)
    return [word for word in words if count[word] >= 10]


def features(texts: list[str]) -> npt.NDArray[np.float64]:
    """Matches of each pattern in each text, shape (texts, patterns)."""
    patterns = [re.compile(pattern) for pattern, _ in FEATURES + FEATURES_BEYOND_ASCII]
    return np.array([[len(pattern.findall(text)) for pattern in patterns] for text in texts], dtype=np.float64)


def fit(samples: Samples, exact: TokenCounter) -> npt.NDArray[np.float64]:
    """Weights with the smallest squared relative error; only the common words of English may take away."""
    texts = [text for texts in samples.values() for text in texts]
    true = np.array([exact.count(text) for text in texts], dtype=np.float64)
    english = [kind for kind in samples if kind in ENGLISH]
    share = {kind: (0.5 / len(english) if kind in english else 0.5 / (len(samples) - len(english))) for kind in samples}
    root = np.sqrt([share[kind] / len(texts) for kind, texts in samples.items() for _ in texts])
    lower = [-0.5 if pattern.startswith(r"\b") else 0.0 for pattern, _ in FEATURES + FEATURES_BEYOND_ASCII]
    # The vocabulary holds every number of up to three digits as one token.
    upper = [1.001 if pattern.startswith("[0-9]") else np.inf for pattern, _ in FEATURES + FEATURES_BEYOND_ASCII]
    fitted = lsq_linear(features(texts) / true[:, None] * root[:, None], root, bounds=(lower, upper))
    return np.asarray(fitted.x)


def print_weights(weights: npt.NDArray[np.float64]) -> None:
    """The fitted table."""
    for (pattern, _), weight in zip(FEATURES + FEATURES_BEYOND_ASCII, weights, strict=True):
        sys.stdout.write(f"{weight:6.3f}  {pattern!a}\n")


def print_errors(samples: Samples, exact: TokenCounter) -> None:
    """Error of the estimate on the samples that did not fit it: of a sample (rms), and of the whole kind."""
    all_errors: list[float] = []
    for kind, texts in sorted(samples.items()):
        true = np.array([exact.count(text) for text in texts[1::2]])
        guess = np.array([estimate_tokens(text) for text in texts[1::2]])
        errors = guess / true - 1
        all_errors += errors.tolist()
        whole = guess.sum() / true.sum() - 1
        sys.stdout.write(
            f"{kind:22} {len(true):4} samples  rms {np.sqrt((errors**2).mean()):6.1%}  whole {whole:+6.1%}\n"
        )
    squares = np.array(all_errors) ** 2
    sys.stdout.write(f"all: rms {np.sqrt(squares.mean()):.1%}, 95 % within {np.quantile(np.sqrt(squares), 0.95):.1%}\n")


if __name__ == "__main__":
    main()
