"""The pages of buying, and of what was bought."""
