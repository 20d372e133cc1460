"""API v1: what a program can do with its company's key. The rules live elsewhere; this is their face in JSON."""
