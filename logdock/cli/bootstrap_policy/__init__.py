"""`logdock bootstrap-policy`: what CloudFormation may do for a deployment, in place of AdministratorAccess."""
