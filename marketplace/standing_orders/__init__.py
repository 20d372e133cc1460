"""Standing orders at work: woken when the market moves, filled within their terms, told about in words."""
