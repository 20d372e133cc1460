"""A made-up market to look at: companies, people and requests that exist nowhere, and nobody who could be reached."""
