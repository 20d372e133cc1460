"""What is for sale, how much of it, at what price: counted and paged from memory. The database alone sells."""
