"""The pages for buying leads and for what was bought."""
