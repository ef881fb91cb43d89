"""Holds the policy as Lambdas read it; the command line validates the YAML file."""
