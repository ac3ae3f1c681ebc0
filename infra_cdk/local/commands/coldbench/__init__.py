"""What `haste bench cold` is made of: a place, the process that is measured, who measures it."""
