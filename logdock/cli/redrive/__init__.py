"""`logdock redrive`: what failed is sent again, from the four places that keep failures.

Dead-letter queues keep messages; the failure bucket keeps the records that a destination refused, the events that the
archiver could not archive and the metrics that a listener did not take. Whatever happens, a failure is in at least one
place: it is deleted only after it has arrived in the next.
"""
