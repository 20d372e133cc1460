"""Buying: what is asked for, what it would cost, and the order that sells it."""
