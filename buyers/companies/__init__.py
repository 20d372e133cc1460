"""The companies that buy: their members and approvals, who may do what, and the keys of their programs."""
