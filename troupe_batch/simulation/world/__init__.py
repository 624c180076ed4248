"""Worlds: several people in one place over steps of simulated time, and what happens to them all."""
