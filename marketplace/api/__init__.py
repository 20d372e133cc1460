"""API v1: the market in JSON, for programs with a company's key. The rules live in the features."""
