"""KMS: keys about to be deleted, disabled, no longer rotated, or open to strangers."""
