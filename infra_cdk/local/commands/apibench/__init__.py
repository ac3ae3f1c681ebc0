"""What `haste bench api` is made of: a place, people in it, rows, and the process that measures."""
