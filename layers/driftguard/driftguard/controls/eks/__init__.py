"""EKS: clusters open to the world, no longer logged, or entered by somebody new."""
