"""Builds what is uploaded to Lambda: three layers and the functions' code. See README.md."""
