"""The CloudFormation stacks: network, data, messaging, layers, one per capability, APIs."""
