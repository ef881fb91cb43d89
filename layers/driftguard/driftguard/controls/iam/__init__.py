"""IAM: keys, passwords, privileges, trust, and what bounds them."""
