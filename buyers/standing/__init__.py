"""Standing orders: their terms, the hours in which they buy, and which of them match a lead."""
