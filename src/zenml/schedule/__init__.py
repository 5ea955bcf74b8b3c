"""The scheduler: due instants become rows of a ledger, and runs in processes of their own."""
