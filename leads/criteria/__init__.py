"""One language for wanting: what may be asked of a lead, and the readings of what somebody asks."""
