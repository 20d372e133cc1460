"""Buying: the request, the quote, and the order that sells the leads."""
