"""Takes one decision from message to outcome: decides, asks, reverts, undoes, resumes."""
