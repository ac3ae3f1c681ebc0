"""What a declaration becomes on AWS, one kind of thing per module."""
