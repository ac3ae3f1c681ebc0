"""`haste bench sockets`: who listens, and what they are told."""
