"""Says who may vote or act, how many must agree, and until when; counts the votes."""
