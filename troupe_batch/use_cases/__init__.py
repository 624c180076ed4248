"""Use cases: what a command or a notebook asks for, each one function that stands on the composition below."""
