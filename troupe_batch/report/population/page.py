"""Report as one HTML file that needs no network: styles and charts are inside, and there is no script."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup, escape

from troupe_batch.report.population import numbers
from troupe_batch.report.population.charts import bar, deviation, histogram, prefix_lines, pyramid_chart, told_of
from troupe_batch.report.population.data import PopulationReport
from troupe_batch.report.population.heat import deviations, strongest, ties
from troupe_batch.shown_text import shown

# By this line a page is known as one of ours, which may be written anew.
MARK = '<meta name="generator" content="troupe_batch population report">'

_CODE = Markup("<code>{}</code>")


def page(report: PopulationReport) -> str:
    """The whole page."""
    return _page_template().render(
        report=report,
        heat_maps=[deviations(control) for control in report.controls],
        ties=ties(report.associations) if report.associations else None,
        strongest=strongest(report.associations) if report.associations else (),
        off=sum(pair.is_off for pair in report.associations.pairs) if report.associations else 0,
    )


@cache
def _page_template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template_text),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": numbers.percent,
        "points": numbers.points,
        "size_of_points": numbers.size_of_points,
        "number": numbers.number,
        "expected": numbers.expected,
        "counted": numbers.counted,
        "code": _with_code,
    }
    environment.globals |= {
        "bar": bar,
        "deviation": deviation,
        "histogram": histogram,
        "told_of": told_of,
        "prefix_lines": prefix_lines,
        "pyramid_chart": pyramid_chart,
    }
    return environment.get_template("page.html.j2")


def _visible(value: object) -> object:
    """Text as it may be shown; what is markup of ours already, and figures, as they are."""
    return shown(value, None) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_code(words: str) -> Markup:
    """What stands in backticks in a message, as code."""
    words = shown(words, None)
    parts = words.split("`")
    if len(parts) % 2 == 0:
        return escape(words)
    return Markup().join(_CODE.format(part) if place % 2 else part for place, part in enumerate(parts))


def _template_text(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")
