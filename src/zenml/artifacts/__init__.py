"""The bytes of artifacts: stored whole or not at all, and checked when they are read."""
