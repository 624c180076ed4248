"""The page of a report: whole, alone, honest and readable without seeing it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from troupe_batch.population import Population
from troupe_batch.population.margins import DesignEffect, Level, PopulationFinding, Redrawn
from troupe_batch.report.population.charts import bar, chart, deviation, histogram, prefix_lines, pyramid_chart, text
from troupe_batch.report.population.data import PopulationReport
from troupe_batch.report.population.heat import deviations, ties
from troupe_batch.report.population.look import look_at
from troupe_batch.report.population.page import MARK, page
from troupe_batch.report.population.prefixes import Prefix

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Tree(HTMLParser):
    """The tags of a page, their attributes and text; fails on tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def report(riverside: Population) -> PopulationReport:
    return look_at(riverside)


@pytest.fixture(scope="module")
def html(report: PopulationReport) -> str:
    return page(report)


@pytest.fixture(scope="module")
def tree(html: str) -> Tree:
    return Tree(html)


def test_the_page_is_whole_and_says_what_it_is(html: str, tree: Tree) -> None:
    assert html.startswith("<!DOCTYPE html>")
    assert MARK in html
    assert tree.of("html") == [{"lang": "en"}]
    assert "Synthetic: simulated people, drawn from the file's shares" in tree.text
    assert "Grown-ups of <Riverside>" in tree.text


def test_the_page_fetches_nothing_and_runs_nothing(html: str, tree: Tree) -> None:
    assert {tag for tag, _ in tree.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "audio"})
    assert not re.search(r"url\(|@import|@font-face|src=|srcset=|xlink:href|<base", html)
    fetched = [a.get("href") or "" for tag, a in tree.tags if tag != "a"]
    assert not any(fetched)
    # Links are for people to follow; the only outside addresses are those of the sources.
    outside = [a["href"] for a in tree.of("a") if not str(a["href"]).startswith("#")]
    assert outside == ["https://example.org/3"]
    assert not any(name.startswith("on") for _, attributes in tree.tags for name in attributes)


@pytest.mark.parametrize("forbidden", ["margin of error", "survey of", "confidence interval", "participants", "poll "])
def test_the_page_says_nothing_that_only_a_sample_of_people_may_say(tree: Tree, forbidden: str) -> None:
    assert forbidden not in tree.text.lower()


def test_every_link_within_the_page_leads_somewhere(tree: Tree) -> None:
    ids = {attributes["id"] for _, attributes in tree.tags if "id" in attributes}
    inside = {str(a["href"])[1:] for a in tree.of("a") if str(a["href"]).startswith("#")}

    assert inside
    assert inside <= ids


def test_every_chart_says_in_words_what_it_shows(tree: Tree) -> None:
    charts = [a for a in tree.of("svg") if "aria-hidden" not in a]

    assert len(charts) == 4  # the pyramid, two histograms, the prefixes
    assert all(a["role"] == "img" and len(str(a["aria-label"])) > 30 for a in charts)
    assert any("mean" in str(a["aria-label"]) and "quartiles" in str(a["aria-label"]) for a in charts)


def test_strips_without_words_stand_in_rows_that_have_the_figures(html: str) -> None:
    rows = re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    with_strips = [row for row in rows if 'aria-hidden="true"' in row]

    assert len(with_strips) >= 20
    assert all('scope="row"' in row and re.search(r"<td>[-+\d]", row) for row in with_strips)


def test_every_dimension_has_a_card_and_every_category_a_row(tree: Tree, report: PopulationReport) -> None:
    assert [a["aria-label"] for a in tree.of("article") if "aria-label" in a] == [d.name for d in report.dimensions]
    for dimension in report.dimensions:
        for row in dimension.margins.rows:
            assert row.label in tree.text


def test_labels_cannot_break_out_of_the_page(report: PopulationReport) -> None:
    evil = '<script>alert("x")</script>'
    finding = PopulationFinding(Level.WARNING, evil, f"`{evil}` and {evil}", evil)
    example = replace(report.examples[0], name=evil, facts={evil: evil})
    dimension = replace(report.dimensions[0], name=evil, note=evil)

    html = page(
        replace(report, title=evil, findings=(finding,), examples=(example,), dimensions=(dimension,), universe=evil)
    )

    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_what_is_quoted_in_a_message_is_set_as_code(report: PopulationReport) -> None:
    findings = (PopulationFinding(Level.WARNING, "a", "write `x < 3`", "not `"),)

    html = page(replace(report, findings=findings))

    assert "write <code>x &lt; 3</code>" in html
    assert "not `" in html


def test_flags_stand_beside_what_is_beyond_allowed(report: PopulationReport) -> None:
    sex = report.dimensions[1]
    off = replace(sex.margins.rows[0], is_beyond_allowed=True)
    near = replace(sex.margins.rows[1], is_beyond_tolerance=True)
    margins = replace(sex.margins, rows=(off, near), beyond_allowed=1, beyond_tolerance=1)

    text = Tree(page(replace(report, dimensions=(replace(sex, margins=margins),)))).text

    assert "1 beyond allowed" in text
    assert re.search(r"female .* beyond allowed male .* beyond tolerance", text)


def test_the_colours_follow_the_reader_and_paper(html: str) -> None:
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_constraints_say_how_they_hold(report: PopulationReport) -> None:
    again = (Redrawn("income < 90000", 2_000, 50, 4),)

    text = Tree(page(replace(report, constraints=(*report.constraints, "income < 90000"), redrawn=again))).text

    assert "by impossible cells" in text
    assert "income < 90000 by drawing anew 2.5 % of 2,000 4" in text


def test_strata_show_weights_and_effective_n(oversampled: Population) -> None:
    found = look_at(oversampled)

    text = Tree(page(found)).text

    assert f"design effect {found.design.deff:.3f}" in text
    assert re.search(r"island 500 25\.0 5\.1 0\.202", text)
    assert "weighted target % weighted %" in text


def test_without_strata_the_page_says_that_all_count_alike(tree: Tree) -> None:
    assert "Nobody is oversampled" in tree.text
    assert "effective n is 2,000 people" in tree.text


@pytest.mark.parametrize("people", [1, 60])
def test_few_people_make_a_whole_page_too(riverside: Population, people: int) -> None:
    tree = Tree(page(look_at(riverside, people)))

    assert "the first" in tree.text


def test_a_report_without_figures_makes_a_whole_page(report: PopulationReport) -> None:
    bare = replace(
        report,
        title=None,
        universe=None,
        dimensions=(),
        controls=(),
        pyramid=None,
        associations=None,
        prefixes=(),
        findings=(),
        sources=(),
        assumptions=(),
        examples=(),
        constraints=(),
        rare=replace(report.rare, below_30=0),
        design=DesignEffect(2_000, 1.0, 2_000.0),
    )

    text = Tree(page(bare)).text

    assert "riverside" in text
    assert "The file names no source." in text


def test_a_heat_map_of_a_control_is_coloured_by_what_it_uses_of_the_allowed_error(report: PopulationReport) -> None:
    (control,) = report.controls
    first = replace(control.cells.rows[0], error_pp=2.0, allowed=0.01)
    second = replace(control.cells.rows[1], error_pp=-0.5, allowed=0.01)
    cells = replace(control.cells, rows=(first, second, *control.cells.rows[2:]))

    found = deviations(replace(control, cells=cells))

    assert found is not None
    assert found.columns == ("18-34", "35-64", "65-89")
    assert [head for head, _ in found.rows] == ["female", "male"]
    shown = found.rows[0][1]
    assert (shown[0].colour, shown[0].strength) == ("over", 70)
    assert (shown[1].colour, shown[1].strength) == ("under", 35)
    assert deviations(replace(control, cells=replace(cells, count=7))) is None


def test_pairs_of_dimensions_stand_once(report: PopulationReport) -> None:
    assert report.associations is not None

    found = ties(report.associations)

    n = len(report.associations.names)
    assert sum(cell.colour == "tie" for _, cells in found.rows for cell in cells) == n * (n - 1) // 2


def test_charts_are_wellformed_and_stay_in_their_frame(report: PopulationReport) -> None:
    numbers = report.dimensions[4].numbers
    assert numbers is not None
    assert report.pyramid is not None
    pictures = [histogram("income", numbers), pyramid_chart(report.pyramid), prefix_lines(report.prefixes)]

    for picture in pictures:
        root = ET.fromstring(str(picture))  # noqa: S314 (our own markup)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        for box in root.iter("rect"):
            x, y, w, h = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
            assert -0.01 <= x <= x + w <= width + 0.01
            assert -0.01 <= y <= y + h <= height + 0.01


def test_a_bar_is_as_long_as_its_share_of_the_largest() -> None:
    root = ET.fromstring(str(bar(0.2, 0.1, 0.4)))  # noqa: S314 (our own markup)

    assert float(root[0].attrib["width"]) == pytest.approx(49)
    assert float(root[1].attrib["x1"]) == pytest.approx(24.5)
    assert len(ET.fromstring(str(bar(0.2, None, 0.4)))) == 1  # noqa: S314 (our own markup)


@pytest.mark.parametrize(
    ("error", "allowed", "at"),
    [(0.0, 0.01, 50), (0.01, 0.01, 83.33), (-0.01, 0.01, 16.67), (1.0, 0.01, 96), (0.1, 0, 50)],
)
def test_a_dot_sits_on_the_band_as_far_off_as_the_share_is(error: float, allowed: float, at: float) -> None:
    root = ET.fromstring(str(deviation(error, allowed, is_beyond=False)))  # noqa: S314 (our own markup)

    assert float(root[2].attrib["x1"]) == pytest.approx(at, abs=0.01)


def test_a_perfect_prefix_can_be_drawn() -> None:
    picture = str(prefix_lines([Prefix(100, 0.0, "sex", "male", 0.0, 0.0)]))

    assert "nan" not in picture
    assert "inf" not in picture


def test_words_in_charts_are_escaped() -> None:
    picture = str(chart(10, 10, 'a "b" <c>', [text(1, 2, "<i>")]))

    assert ET.fromstring(picture).attrib["aria-label"] == 'a "b" <c>'  # noqa: S314 (our own markup)
    assert "<i>" not in picture
