"""One stack per thing that is deployed and destroyed on its own; stacks compose constructs and wire grants."""
