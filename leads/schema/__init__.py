"""A vertical's questions: their types, their names, what makes a list of them a schema, and how answers are shown."""
