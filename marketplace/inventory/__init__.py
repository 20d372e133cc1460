"""What is on the shelf, how much of it, at what price. Answers here are read from the database, which alone sells."""
