"""Configuration of a rehearsal server: all that it can be told, in a frozen object that is also a command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from troupe_batch.errors import SettingsError
from troupe_batch.rehearsal.faults import Fault, FaultPlan, parse_fault

if TYPE_CHECKING:
    from troupe_batch.rehearsal.respondents import Respondents

# Stands for the digest of a respondent file where there is none; the number is ANSWER_VERSION of respondents.
_NO_FILE = "any-1"


@dataclass(frozen=True, slots=True)
class RehearsalConfig:
    """Configuration of the server: where it listens, how its respondents behave, and how slow and faulty it is.

    `latency_ms` is the mean; with `latency_sigma` above 0 latencies are log-normal with that sigma around it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    respondents: Path | None = None
    latency_ms: float = 0.0
    latency_sigma: float = 0.0
    faults: tuple[Fault, ...] = ()
    retry_after_ms: int = 1_000
    rpm: int | None = None
    tpm: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"port {self.port} is not between 0 (any free one) and 65535")
        if not 0 <= self.latency_ms <= 3_600_000:
            raise SettingsError(f"latency of {self.latency_ms} ms is not between 0 and an hour")
        if not 0 <= self.latency_sigma <= 5:
            raise SettingsError(f"latency sigma {self.latency_sigma} is not between 0 and 5")
        if self.retry_after_ms < 0:
            raise SettingsError("retry-after cannot be negative")
        for name, limit in (("rpm", self.rpm), ("tpm", self.tpm)):
            if limit is not None and limit < 1:
                raise SettingsError(f"{name} must be at least 1; leave it out for no limit")
        FaultPlan(self.faults, self.seed)

    def load(self) -> Respondents | None:
        """The respondent file, if one is named; SpecError says what is wrong with it."""
        if self.respondents is None:
            return None
        from troupe_batch.rehearsal.respondents import load_respondents  # noqa: PLC0415 -- few jobs name such a file

        return load_respondents(self.respondents)

    @property
    def identity(self) -> str:
        """`rehearsal/<respondent digest>/<seed>`: everything about the server that can change an answer."""
        respondents = self.load()
        return f"rehearsal/{_NO_FILE if respondents is None else respondents.digest}/{self.seed}"

    def argv(self) -> list[str]:
        """The command line that stands for this object."""
        options = ["--host", self.host, "--port", str(self.port), "--seed", str(self.seed)]
        options += ["--latency-ms", repr(self.latency_ms), "--latency-sigma", repr(self.latency_sigma)]
        options += ["--retry-after-ms", str(self.retry_after_ms)]
        for name, value in (("--respondents", self.respondents), ("--rpm", self.rpm), ("--tpm", self.tpm)):
            options += [name, str(value)] if value is not None else []
        return options + [f"--fault={fault}" for fault in self.faults]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds one option per field of RehearsalConfig."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes any free one")
    parser.add_argument("--seed", type=int, default=1, help="seed of all answers, latencies and faults")
    parser.add_argument("--respondents", type=Path, help="YAML file that says how respondents answer and act")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="mean time to answer")
    parser.add_argument("--latency-sigma", type=float, default=0.0, help="sigma of log-normal latency; 0 for fixed")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[=RATE] [first N] [on REGEX]",
        help="a way to fail and how often; may be given several times",
    )
    parser.add_argument("--retry-after-ms", type=int, default=1_000, help="what a rehearsed 429 asks clients to wait")
    parser.add_argument("--rpm", type=int, help="enforce this many requests per minute")
    parser.add_argument("--tpm", type=int, help="enforce this many tokens per minute")


def config_from(options: argparse.Namespace) -> RehearsalConfig:
    """The config that parsed options stand for; SettingsError where one is out of range."""
    return RehearsalConfig(
        host=options.host,
        port=options.port,
        seed=options.seed,
        respondents=options.respondents,
        latency_ms=options.latency_ms,
        latency_sigma=options.latency_sigma,
        faults=parse_faults(options.fault),
        retry_after_ms=options.retry_after_ms,
        rpm=options.rpm,
        tpm=options.tpm,
    )


def parse_faults(written: Sequence[str]) -> tuple[Fault, ...]:
    """Faults as the command line writes them."""
    return tuple(parse_fault(text) for text in written)
