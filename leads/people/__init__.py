"""The only home of personal data: sealed contacts, recognizing the same person, stopping and erasing."""
