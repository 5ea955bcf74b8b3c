"""Running one step, wherever that is: its inputs, its function, its outputs, and what it can know meanwhile."""
