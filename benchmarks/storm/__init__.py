"""A storm of events: which, the queue and the Lambdas they come to, and what came of them."""
