"""CloudTrail: trails stopped, deleted, weakened, or made to record less than before."""
