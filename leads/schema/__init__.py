"""A vertical's questions: their types and names, what makes a list of them valid, and how answers are shown."""
