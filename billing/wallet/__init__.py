"""The company's wallet: its pages and its statement."""
