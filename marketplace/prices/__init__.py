"""What a lead costs: curves in force, and the catalogue of verticals with theirs."""
