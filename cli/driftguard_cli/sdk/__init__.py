"""Trims the AWS SDK that the layers ship to what the Lambdas can call."""
