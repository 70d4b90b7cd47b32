"""The log shipper: two entry points, `archive.handler` and `ship.handler`, over one pipeline of small stages.

Bytes are decoded, parsed into records, filtered and redacted, batched to the destination's limits and sent; a record is
acknowledged only after its destination accepted it: `pipeline.Pipeline.ship` is that line. Every stage is a module that
works without AWS.
"""
