"""Small charts as inline SVG: they need no script, take their colours from the page and say in words what they show."""
