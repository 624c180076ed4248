"""Words for the home of a person."""

_KIND = (
    r"(?:(?:small|tiny|little|narrow|large|big|old|new|rented|modest|cramped|plain|quiet|cheap|brick|wooden|terraced|"
    r"ground-floor|[\w]+-(?:bedroom|room|storey|story|floor)) )*"
)
_NOUN = r"(?:flat|house|apartment|bungalow|cottage|room|home)"

A_HOME = rf"(?:an?|the|his|her|their) {_KIND}(?:{_NOUN}|kitchen|roof)"
"""A pattern for "a small flat", "her kitchen"; adjectives are few, as a holiday house or a plant house is no home."""

IN_A_HOME = rf" in (?:an?|his|her|their) {_KIND}{_NOUN}"
"""A pattern for " in a small flat". "In the flat above ..." may be the flat of others."""
