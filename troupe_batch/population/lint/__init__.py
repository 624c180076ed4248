"""Remarks on what a population file may say but a statistician would want to know."""
