"""EC2: security groups, what is shared, instances, networks, and what is set for a whole region."""
