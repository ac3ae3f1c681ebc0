"""OpenID Connect as a relying party: where providers are, and what their tokens prove."""
