"""How long a test waits for what must come: so long that only a hang is longer, on any machine and under any load."""

from __future__ import annotations

HANG_S = 600.0
"""Seconds after which a test gives up waiting. pytest's own limit for a whole test is longer (pyproject.toml)."""
