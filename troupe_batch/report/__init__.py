"""Results as people read them, always labelled as simulated."""
