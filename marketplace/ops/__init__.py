"""Run the market: its own PostgreSQL, its programs, health probes, logs, and a demo market."""
