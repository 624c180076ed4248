"""Small charts as inline SVG: they need no script, take their colours from the page and say in words what they show."""

from troupe_batch.report.population.charts.bars import bar, deviation
from troupe_batch.report.population.charts.histogram import histogram
from troupe_batch.report.population.charts.prefixes import prefix_lines
from troupe_batch.report.population.charts.pyramid import pyramid_chart

__all__ = ["bar", "deviation", "histogram", "prefix_lines", "pyramid_chart"]
