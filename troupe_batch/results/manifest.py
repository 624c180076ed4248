"""Manifest: what a dataset is and where it comes from, written last, so that a dataset without one is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.errors import ResultsDamaged
from troupe_batch.llm.spending import Spending
from troupe_batch.results.ledger import CallTotals, StopMark, StoredFile, Tallied, Tallies, tallied
from troupe_batch.results.money_text import doubt_text, money_json, money_notes
from troupe_batch.results.table import DIGITAL_SOURCE_TYPE, DISCLOSURE, REHEARSAL_DISCLOSURE
from troupe_batch.studies.scales import Best
from troupe_batch.studies.study import (
    AnswerStatus,
    ExtractionInfo,
    FieldInfo,
    FieldType,
    FindingStatus,
    QuestionInfo,
)
from troupe_batch.studies.values import ValueKind

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = "troupe_batch/manifest/2"
_BY_NAME = "troupe_batch/manifest/1"
REMAKE = "give the same `troupe run` command again: it makes the dataset anew from the committed shards"
WORDING = (
    'Say "simulated respondents", never "respondents", "participants" or "a survey of N people".',
    'Say "simulation interval", never "margin of error": it measures the noise of the simulation, not of sampling.',
    "Every chart and table keeps the label synthetic.",
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Provenance of the answers. `digests` are SHA-256 of plan, population, instrument and each prompt template.

    `people` took part: `cases` times `seats`. `people_without_seat` is how many more the job asked for, for whom there
    was no seat; `composition` says who was put together, None where each person is alone. `further_models` are those
    asked beside `model`, to judge and extract, or to look things up. `panel` is there where people were frozen before,
    `wave` where they were asked before. `records`: of how many records of equal weight the people are copies, None
    where they come from no microdata. `prices` are those by which calls were billed, with their source and day; None
    where the plan is of before there were any. `schema_mode` says how JSON was asked
    for. `left_out` are, by model, the fields of requests and the keywords of
    JSON Schema that the endpoint refused and that went without; `abilities` what a probe of the endpoint found.
    """

    title: str
    people: int
    units: int
    shards: int
    replicates: int
    seeds: Mapping[str, int]
    digests: Mapping[str, str]
    prompt_digests: Mapping[str, str]
    endpoint: str
    model: str
    parameters: Mapping[str, Any]
    draws: str
    cases: int
    kind: str = "survey"
    seats: int = 1
    people_without_seat: int = 0
    composition: str | None = None
    further_models: tuple[str, ...] = ()
    models_reported: tuple[str, ...] = ()
    code_versions: tuple[str, ...] = ()
    started_at: str | None = None
    ended_at: str | None = None
    panel: Mapping[str, Any] | None = None
    wave: Mapping[str, Any] | None = None
    records: float | None = None
    prices: Mapping[str, Any] | None = None
    schema_mode: str = "strict"
    left_out: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    abilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Manifest(Tallied):
    """The manifest of a dataset. Paths of `files` are relative to the dataset's folder.

    A dataset that is not complete has a row for every planned answer all the same: those of `missing_shards` are
    `not_run`, those of `quarantined` shards `failed`, each with its reason. `tallies` are what the
    recount of each table comes to. `calls` are those that led to the rows;
    `spending` is all that the run has paid for, also in attempts that were stopped or lost; `cap_usd` is what it may
    cost, None where there is no cap.
    """

    run_id: str
    is_complete: bool
    is_rehearsal: bool
    provenance: Provenance
    questions: tuple[QuestionInfo, ...]
    tallies: Tallies
    calls: CallTotals
    spending: Spending
    files: tuple[StoredFile, ...]
    missing_shards: tuple[int, ...] = ()
    quarantined: Mapping[int, str] = field(default_factory=dict)
    stopped_by: StopMark | None = None
    extractions: tuple[ExtractionInfo, ...] = ()
    cap_usd: float | None = None

    def __repr__(self) -> str:
        """Which dataset it is of; the whole is `to_json`, some pages long."""
        how = "complete" if self.is_complete else f"{len(self.missing_shards)} shards missing"
        return f"<manifest of {self.run_id}: {how}, {self.answered:,} of {self.answers:,} answers, {self.cost_text}>"

    @property
    def found(self) -> int:
        """Number of findings with values."""
        return sum(by_status.get(FindingStatus.FOUND, 0) for by_status in self.findings.values())

    @property
    def has_results(self) -> bool:
        """Whether anything at all came of the run: an answer, a finding, or an act where neither was asked for."""
        if self.questions or self.extractions:
            found_none = any(by_status.get(FindingStatus.NONE_FOUND) for by_status in self.findings.values())
            return bool(self.answered or self.found or found_none)
        return self.acts > 0

    @property
    def has_failures(self) -> bool:
        """Whether answers or findings are missing because a call, or a whole unit, failed for good.

        Where neither was asked for, acts are what a run is about, and one that came to nothing counts.
        """
        if not self.questions and not self.extractions:
            return self.failed_acts > 0
        counted = (*self.counts.values(), *self.findings.values())
        return any(by_status.get(AnswerStatus.FAILED) for by_status in counted)

    @property
    def answered(self) -> int:
        """Number of answers with a value."""
        return sum(by_status.get(AnswerStatus.ANSWERED, 0) for by_status in self.counts.values())

    @property
    def money(self) -> Spending:
        """What the whole run has spent; for a rehearsal, would have spent."""
        # Marks that were placed without a record beside them still tell what their own calls cost.
        return self.spending.at_least(self.calls.cost_usd)

    @property
    def spent_usd(self) -> float:
        """What the whole run has cost, doubtful calls by what their likes cost; for a rehearsal, would have cost."""
        return self.money.usd

    @property
    def cost_text(self) -> str:
        """The cost in words that nobody can misread."""
        cost = f"US$ {self.spent_usd:,.4f}" if self.spent_usd < 1 else f"US$ {self.spent_usd:,.2f}"
        if self._unpriced:
            cost += f" and {self._unpriced} calls without a known price"
        if self.cap_usd is not None:
            cost += f" of at most US$ {self.cap_usd:,.2f}"
        sent = f"{max(self.spending.sent, self.calls.sent):,} calls sent, those of lost and stopped attempts included"
        if self.spending.uncertain_usd:
            sent += f"; in doubt of it are {doubt_text(self.spending)}"
        if self.is_rehearsal:
            return f"nothing was spent (rehearsal); on {self.provenance.model} it would have cost {cost} for {sent}"
        return f"{cost} for {sent}"

    def files_of(self, table: str) -> tuple[StoredFile, ...]:
        """The parts of one table, in their order."""
        return tuple(file for file in self.files if file.table == table)

    def question(self, question_id: str) -> QuestionInfo:
        """The question of this id; KeyError where there is none."""
        for question in self.questions:
            if question.id == question_id:
                return question
        raise KeyError(question_id)

    def to_json(self) -> bytes:
        """The manifest as it is stored: equal datasets have equal manifests."""
        labels = {
            "schema": MANIFEST_SCHEMA,
            "synthetic": True,
            "digitalSourceType": DIGITAL_SOURCE_TYPE,
            "disclosure": REHEARSAL_DISCLOSURE if self.is_rehearsal else DISCLOSURE,
            "wording": WORDING,
        }
        sums = {"answers": self.answers, "answered": self.answered, "found": self.found, **self._money()}
        # By the names that readers of the file know from before tables were counted by theirs.
        named = {name: getattr(self, name) for name in ("counts", "findings", "events", "acts", "failed_acts")}
        content = {_STORED_NAMES.get(f.name, f.name): getattr(self, f.name) for f in fields(self)}
        options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
        return orjson.dumps({**labels, **content, **named, "sums": sums}, option=options) + b"\n"

    @classmethod
    def from_json(cls, path: str, data: bytes) -> Manifest:
        """The manifest that was read from `path`; ResultsDamaged where it is none."""
        try:
            content = orjson.loads(data)
            if content["schema"] in (MANIFEST_SCHEMA, _BY_NAME):
                content = tallied(content) if content["schema"] == _BY_NAME else content
                stored = {f.name: _STORED_NAMES.get(f.name, f.name) for f in fields(cls)}
                found = {name: content[key] for name, key in stored.items() if key in content or name not in _NEWER}
                manifest = cls(**{name: _revived(name, value) for name, value in found.items()})
                as_declared(cls, manifest)
                return manifest
            problem = f"its schema is {content['schema']}"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}"
        raise ResultsDamaged(f"{path} is no manifest of this version ({problem}); {REMAKE}")

    @property
    def _unpriced(self) -> int:
        # A call that says no usage has no cost either, though its price is known: the records tell the two apart.
        return self.spending.unpriced if self.spending.sent else self.calls.unpriced

    def _money(self) -> dict[str, Any]:
        calls = self.calls
        looked_up = calls.hits + calls.joined + calls.sent
        return {
            "cost": {
                "is_rehearsal": self.is_rehearsal,
                "spent_usd": 0.0 if self.is_rehearsal else self.spent_usd,
                "would_have_cost_usd": self.spent_usd if self.is_rehearsal else None,
                "uncertain_usd": self.spending.uncertain_usd,
                **money_json(self.money, cap_usd=self.cap_usd),
                "notes": tuple(money_notes(self.money, cap_usd=self.cap_usd)),
                "of_calls_usd": calls.cost_usd,
                "calls_without_price": self._unpriced,
                "note": self.cost_text,
            },
            "cache": {
                "hit_share": calls.hits / looked_up if looked_up else None,
                "joined_share": calls.joined / looked_up if looked_up else None,
                "reused_tokens": calls.reused_tokens,
            },
            "tokens": {
                "prompt": calls.prompt_tokens,
                "cached": calls.cached_tokens,
                "cache_write": calls.cache_write_tokens,
                "completion": calls.completion_tokens,
                "reasoning": calls.reasoning_tokens,
            },
        }


_STORED_NAMES = {"is_complete": "complete"}
# Manifests of datasets that were made before there were worlds do not have these.
_NEWER = ("extractions", "cap_usd")


def _revived(name: str, value: Any) -> Any:
    """A field of the manifest from its JSON value."""
    revive = _REVIVE.get(name)
    return value if revive is None else revive(value)


def _provenance(content: dict[str, Any]) -> Provenance:
    lists = {
        name: tuple(content.get(name, ()))
        for name in ("models_reported", "code_versions", "further_models", "abilities")
    }
    return Provenance(**{"cases": content["people"], **content, **lists})


_KINDS_OF_BEFORE = {"single": "label", "multi": "labels", "rating": "code", "numeric": "number", "open": "text"}


def _question(content: dict[str, Any]) -> QuestionInfo:
    # Manifests of before scales had a direction have neither `best` nor `outside`.
    best, outside = content.get("best"), content.get("outside")
    lists = {name: tuple(content[name]) for name in ("labels", "codes")}
    scale = {"best": best and Best(best), "outside": outside if outside is None else tuple(outside)}
    # Those of before values had kinds say it by the form.
    kind = content["value_kind"] if "value_kind" in content else _KINDS_OF_BEFORE[content["type"]]
    return QuestionInfo(**{**content, **lists, **scale, "value_kind": ValueKind(kind)})


def _extraction(content: dict[str, Any]) -> ExtractionInfo:
    found = tuple(
        FieldInfo(one["id"], FieldType(one["type"]), one["text"], tuple(one["labels"])) for one in content["fields"]
    )
    return ExtractionInfo(**{**content, "fields": found})


_REVIVE: dict[str, Callable[[Any], Any]] = {
    "provenance": _provenance,
    "questions": lambda found: tuple(_question(one) for one in found),
    "extractions": lambda found: tuple(_extraction(one) for one in found),
    "calls": lambda found: CallTotals(**found),
    "spending": Spending.stored,
    "files": lambda found: tuple(StoredFile(**one) for one in found),
    "missing_shards": tuple,
    "quarantined": lambda found: {int(shard): reason for shard, reason in found.items()},
    "stopped_by": lambda found: None if found is None else as_declared(StopMark, found),
}
