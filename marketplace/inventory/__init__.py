"""What is for sale, how much of it and at what price, counted and paged from memory. Only the database sells."""
