"""Who can do what, proved: claims about every role, bucket, key and log group, and what evaluates them."""
