"""What every job in the background stands on: a lease, so that one worker at a time goes on with it."""


class TakenOver(Exception):
    """Another worker has this job by now; what this one did must not be kept."""
