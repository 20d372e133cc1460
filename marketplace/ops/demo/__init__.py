"""The demo market: fictional companies, people and requests. Nobody in it can be reached."""
