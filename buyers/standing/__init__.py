"""Standing orders: their terms, the hours in which they buy, and which of them want a lead."""
