"""EventBridge: rules that watch over the account disabled, emptied or deleted."""
