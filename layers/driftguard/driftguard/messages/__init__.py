"""One decision, told to people and to programs."""
