"""What happens to legs because time passes: the sweep, and its page."""
