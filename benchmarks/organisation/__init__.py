"""A made-up organisation and a year of changes in it, to see how far a guard may be trusted."""
