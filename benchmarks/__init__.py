"""What the market's verbs cost, next to the least that PostgreSQL could do the same work for.

``python -m benchmarks --leads 100000`` runs on a cluster of its own, thrown away at the end; see docs/benchmarks.md.
"""
