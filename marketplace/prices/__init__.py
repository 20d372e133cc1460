"""What a lead costs: the active price curves, and the catalog of verticals with their curves."""
