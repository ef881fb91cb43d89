"""AWS Config: the recorder stopped, narrowed or deleted, its channel or its rules deleted."""
