"""What happens by the clock: keys turn, what is over is deleted."""
