"""`logdock validate`: whether the settings file is right, and whether what it asks for is there and works.

CloudFormation compares what it deployed with what is there (drift). What it does not look at is asked of each service:
whether a vendor's role trusts whom the settings name and may do what the vendor must, whether a key, a function and a
rule are on, whether log groups are subscribed, whether secrets exist and addresses have confirmed.
"""
