"""A private PostgreSQL for a market that nobody has configured: started by need, stopped with its last user.

``cluster.py`` is the whole of it from outside; ``base.py`` is the Django backend that calls it at the first connection.
"""
