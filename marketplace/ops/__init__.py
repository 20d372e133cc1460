"""Running the market: its own PostgreSQL, its programs, probes, logs, and a demo to look at."""
