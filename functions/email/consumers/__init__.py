"""The mail's way from a notification to a stored mail: `sync` finds ids, `fetch` gets each mail."""
