"""One language for criteria: what can be asked of a lead, and how each question is evaluated."""
