"""What auth does about queues."""
