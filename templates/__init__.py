"""Plain CloudFormation templates, made from the same stacks as a deployment: no CDK, no bootstrap, no settings file."""
