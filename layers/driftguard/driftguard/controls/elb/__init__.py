"""Load balancers: no longer logged or protected, open to more, or with weaker encryption."""
