"""Lead returns: requested by the buyer, decided automatically where our record allows, by our team otherwise."""
