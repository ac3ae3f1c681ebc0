"""What each `haste` command does; `infra_cdk.local.cli` says what can be typed."""
