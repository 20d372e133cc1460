"""The only home of personal data: sealing contacts, recognizing the same person, opt-outs and erasure."""
