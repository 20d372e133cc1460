"""The pages of returns: claiming them, and what came of each."""
