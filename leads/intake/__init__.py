"""Intake: requests are captured with their contact, consent and legs, one at a time or from a file."""
