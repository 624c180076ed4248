"""Person: who they are, what a simulation changes of them, and their files."""
