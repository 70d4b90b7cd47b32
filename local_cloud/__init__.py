"""The outside world on loopback: an AWS that enforces IAM, the vendors, and the demo that plays them.

It knows a deployment as a vendor does, by the outputs of its stacks; of ours it imports the settings alone.
"""
