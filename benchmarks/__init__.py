"""What the market's operations cost, compared with the least PostgreSQL needs for the same work.

``python -m benchmarks --leads 100000`` runs on its own cluster, deleted at the end; see docs/benchmarks.md.
"""
