"""Facts of each person: numbers inside their bins, derived fields, texts, fragments and names."""
