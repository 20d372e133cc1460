"""How legs age over time: the sweep, and its page."""
