"""A private PostgreSQL for a market nobody has configured: started on demand, stopped with its last user.

``cluster.py`` is its public interface; ``base.py`` is the Django backend that calls it at the first connection.
"""
