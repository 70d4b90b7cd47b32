"""`logdock redrive`: what failed is sent again, from the three places that keep failures.

Dead-letter queues keep messages, the failure bucket keeps the records that a destination refused and the events that
the archiver could not archive. Whatever happens, a failure is in at least one place: it is deleted only after it has
arrived in the next.
"""
