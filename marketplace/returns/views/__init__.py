"""The pages of returns: claims, and the result of each."""
