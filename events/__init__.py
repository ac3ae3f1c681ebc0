"""The contract between capabilities: event classes, their schemas and golden samples."""
