"""Results for the terminal: one table per question, labelled as what they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.panel import Panel

from troupe_batch.analysis.events import EventCount, EventTable
from troupe_batch.analysis.findings import FindingTable
from troupe_batch.analysis.prose import ProseCounts
from troupe_batch.analysis.tables import Column, Figures, QuestionTable, Share
from troupe_batch.analysis.weights import Interval
from troupe_batch.report.extractions import extraction
from troupe_batch.report.prose import prose
from troupe_batch.results.manifest import Manifest
from troupe_batch.studies.kinds import cases_text
from troupe_batch.terminal import FittedTable, SafeText

# A figure, and beside it the mean of the chances that the model stated.
TextCell: TypeAlias = tuple[SafeText, SafeText]

_FOOTNOTE_OF_FINDINGS = (
    "Findings are what a model read out of what simulated respondents said and did. Shares are of the findings that "
    "have a value, and say nothing of how often people would say so."
)
_FOOTNOTE_OF_CHANCES = (
    "stated: the mean of the chances that the model stated. The share beside it is of one draw per answer from these "
    "chances, and varies more."
)
_FOOTNOTE = (
    "In brackets: 95 % simulation interval, the noise of the simulation itself. It says nothing of how near simulated "
    "respondents are to people."
)


def results(
    manifest: Manifest,
    tables: Sequence[QuestionTable],
    findings: Iterable[FindingTable] = (),
    happened: EventTable | None = None,
    written: ProseCounts | None = None,
) -> RenderableType:
    """All tables of a dataset, under a heading that says whose answers these are and what they cost.

    `happened` are the events of a study in which people act: all there is to show where nothing is asked or extracted.
    `written` is the prose about the people, where a model wrote any.
    """
    parts: list[RenderableType] = [*_banners(manifest), _run_heading(manifest, happened), SafeText()]
    if written is not None:
        parts += [prose(written), SafeText()]
    for table in tables:
        parts += [question(table), SafeText()]
    for found in findings:
        parts += [extraction(found), SafeText()]
    if happened is not None:
        has_other_tables = bool(manifest.questions or manifest.extractions)
        parts += [] if has_other_tables or not happened.types else [events(happened), SafeText()]
        parts += documents_hint(happened, manifest.run_id)
    if manifest.extractions:
        parts.append(SafeText(_FOOTNOTE_OF_FINDINGS, style="dim"))
    if manifest.questions:
        parts += [*_footnotes(tables), *_weighting(tables)]
    return Group(*parts)


def _footnotes(tables: Sequence[QuestionTable]) -> Iterator[RenderableType]:
    if any(table.has_chances for table in tables):
        yield SafeText(_FOOTNOTE_OF_CHANCES, style="dim")
    if any(table.no_interval is None for table in tables):
        yield SafeText(_FOOTNOTE, style="dim")


def _weighting(tables: Sequence[QuestionTable]) -> Iterator[RenderableType]:
    effects = [table.total for table in tables if table.total.design_effect is not None]
    if effects:
        first = effects[0]
        yield SafeText(
            "Strata are oversampled: shares, means and medians carry the people's design weights. Design effect "
            f"{first.design_effect:.2f}; {first.answered:,} answers to {tables[0].question.id} are worth those of "
            f"{first.interval_base:,.0f} people drawn alike.",
            style="dim",
        )


def question(table: QuestionTable) -> RenderableType:
    """The table of one question: a column for everyone together, and one for each arm; below it, what its figures are.

    Where the model stated chances, a second column of each has their mean.
    """
    info, columns = table.question, table.columns
    title = SafeText(f"{info.id}  ", style="bold").append(info.text, style="not bold")
    has_chances = table.has_chances
    heads = [head for column in columns for head in [column.arm or "all", *(["stated"] if has_chances else [])]]
    rows = [(label, _paired(cells) if has_chances else [cell for cell, _ in cells]) for label, cells in _rows_of(table)]
    grid = FittedTable(heads, rows, together=2 if has_chances else 1)
    notes = [*table.notes, *([f"No intervals: {table.no_interval}."] if table.no_interval else [])]
    return Group(title, grid, *_quotes(table.total.examples), *(SafeText(note, style="dim") for note in notes))


def _paired(cells: Sequence[TextCell]) -> list[SafeText]:
    return [part for pair in cells for part in pair]


def _banners(manifest: Manifest) -> Iterator[RenderableType]:
    if manifest.is_rehearsal:
        text = "REHEARSAL: placeholder answers from the offline rehearsal server. They mean nothing; nothing was spent."
        yield Panel(SafeText(text, style="bold"), border_style="yellow", expand=False)
    if not manifest.is_complete:
        yield Panel(SafeText(_what_is_missing(manifest), style="bold"), border_style="red", expand=False)


def _what_is_missing(manifest: Manifest) -> str:
    open_shards = f"{len(manifest.missing_shards)} of {manifest.provenance.shards} shards were not finished"
    missing = f"INCOMPLETE: {_what_is_there(manifest)} are there; {open_shards}"
    if manifest.stopped_by is not None:
        return f"{missing}. {manifest.stopped_by.error}: {manifest.stopped_by.reason}"
    if manifest.quarantined:
        first = min(manifest.quarantined)
        return f"{missing}; {len(manifest.quarantined)} failed too often. Shard {first}: {manifest.quarantined[first]}"
    return f"{missing}."


def _what_is_there(manifest: Manifest) -> str:
    parts = []
    if manifest.questions:
        parts.append(f"{manifest.answered:,} of {manifest.answers:,} answers")
    if manifest.extractions:
        parts.append(f"{manifest.found:,} findings")
    return " and ".join(parts) or f"{manifest.events:,} events"


def _whom(manifest: Manifest, happened: EventTable | None) -> str:
    """Who was simulated, and of a run that is not complete, how many of those who were planned."""
    made_by = manifest.provenance
    is_partial = happened is not None and not manifest.is_complete
    cases = happened.cases if happened is not None and is_partial else made_by.cases
    of_all = f" of {made_by.cases:,}" if is_partial else ""
    where = cases_text(made_by.kind, made_by.seats, made_by.cases)
    number = f"{cases * made_by.seats:,}" + ("" if where else of_all)
    whom = f"{number} simulated respondent{'' if number == '1' else 's'}"
    if where:
        whom += f" in {cases:,}{of_all} {where.rpartition(' ')[2]}" if is_partial else f" in {where}"
    if made_by.replicates > 1:
        whom += f", {'up to ' if is_partial else ''}{made_by.replicates} replicates each"
    return whom


def _run_heading(manifest: Manifest, happened: EventTable | None) -> RenderableType:
    made_by = manifest.provenance
    heading = SafeText(made_by.title, style="bold")
    heading.append(f"\n{_whom(manifest, happened)}, {_what_is_there(manifest)}; model {made_by.model}", "not bold")
    if manifest.failed_acts:
        heading.append(f"\n{manifest.failed_acts:,} acts failed; `events` says why", "not bold yellow")
    return heading.append(f"\nCost: {manifest.cost_text}", "not bold dim")


def _rows_of(table: QuestionTable) -> Iterator[tuple[str, list[TextCell]]]:
    columns = table.columns
    yield "answered", [_text_cell(f"{column.answered:,}") for column in columns]
    if table.total.design_effect is not None:
        yield "worth (weighted)", [_text_cell(f"{column.interval_base:,.0f}") for column in columns]
    for place, share in enumerate(columns[0].shares):
        yield share.label, [_share_cell(column.shares[place]) for column in columns]
    for place, share in enumerate(columns[0].shares):
        if share.ranked is not None:
            yield f"ranked: {share.label}", [_share_cell(column.shares[place].ranked) for column in columns]
    for place, share in enumerate(columns[0].shares):
        if share.ranks is not None:
            ranks = [column.shares[place].ranks or Figures(0) for column in columns]
            yield f"mean rank: {share.label}", [_number_cell(one.mean, one.mean_interval) for one in ranks]
    if columns[0].figures is not None:
        yield from _figure_rows(table.question.unit, [column.figures or Figures(0) for column in columns])
    yield from _absence_rows(columns)


def _figure_rows(unit: str | None, figures: Sequence[Figures]) -> Iterator[tuple[str, list[TextCell]]]:
    suffix = f" ({unit})" if unit else ""
    for box in ([one.top_2 for one in figures], [one.bottom_2 for one in figures]):
        if (first := box[0]) is not None:
            yield f"{first.label}: {' + '.join(first.labels)}", [_share_cell(one) for one in box]
    yield f"mean{suffix}", [_number_cell(one.mean, one.mean_interval) for one in figures]
    yield "standard deviation", [_number_cell(one.sd) for one in figures]
    if figures[0].top_2 is None:
        yield f"median{suffix}", [_number_cell(one.median) for one in figures]


def _absence_rows(columns: Sequence[Column]) -> Iterator[tuple[str, list[TextCell]]]:
    statuses = dict.fromkeys(status for column in columns for status in column.absences)
    for status in statuses:
        cells = [_text_cell(f"{column.absences.get(status, 0):,}", "yellow") for column in columns]
        yield f"no answer: {status.replace('_', ' ')}", cells


def _text_cell(text: str, style: str = "") -> TextCell:
    return SafeText(text, style=style), SafeText()


def _share_cell(share: Share | None) -> TextCell:
    if share is None or share.share is None:
        return _text_cell("-")
    cell = SafeText(f"{share.share:.0%}")
    if share.interval is not None:
        cell.append(f" [{share.interval.low:.0%} to {share.interval.high:.0%}]", style="dim")
    return cell, SafeText() if share.chance is None else SafeText(f"{share.chance:.0%}")


def _number_cell(value: float | None, interval: Interval | None = None) -> TextCell:
    if value is None:
        return _text_cell("-")
    cell = SafeText(_short(value))
    if interval is not None:
        cell.append(f" [{_short(interval.low)} to {_short(interval.high)}]", style="dim")
    return cell, SafeText()


def _short(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 1_000 else f"{value:,.0f}"


def _quotes(examples: Sequence[str]) -> Iterator[RenderableType]:
    for example in examples:
        line = " ".join(example.split())
        yield SafeText(f"  “{line if len(line) <= 200 else line[:199] + '…'}”", style="italic")


def events(table: EventTable) -> RenderableType:
    """The table of events: a row for each type, a column for each way in which one of them ended."""
    statuses = list(dict.fromkeys(status for one in table.types for status in one.others))
    rows = [(one.type, [SafeText(f"{one.happened:,}"), *_ended(one, statuses)]) for one in table.types]
    grid = FittedTable(["happened", *statuses], rows)
    return Group(SafeText("events", style="bold").append("  what people perceived and did", style="not bold"), grid)


def _ended(one: EventCount, statuses: Sequence[str]) -> list[SafeText]:
    return [SafeText(f"{one.others[s]:,}" if s in one.others else "", style="yellow") for s in statuses]


def documents_hint(table: EventTable, run_id: str) -> Iterator[RenderableType]:
    """How many documents were written, and the command that makes files of them; nothing where there are none."""
    if table.documents:
        were = "document was" if table.documents == 1 else "documents were"
        yield SafeText(f"{table.documents:,} {were} written; as files: troupe documents {run_id} FOLDER")
