"""What `haste bench feed` is made of: workspaces with events, writers, and a reader's requests."""
