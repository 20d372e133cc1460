"""The companies that buy: their members and approvals, who may do what, and their API keys."""
