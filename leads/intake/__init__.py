"""A request comes in: captured with its person, its consent and its legs, one by one or from a file."""
