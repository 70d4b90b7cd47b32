"""Puts the tags of resources on a delivery stream of Firehose, as metrics: labels of each resource that has metrics."""
