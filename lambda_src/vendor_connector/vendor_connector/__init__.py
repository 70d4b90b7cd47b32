"""The backend of Logdock's CloudFormation custom resources: switches log exports on, puts back what was before."""
