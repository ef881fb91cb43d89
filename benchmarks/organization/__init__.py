"""A made-up organization and a year of changes in it, to see how far a guard may be trusted."""
