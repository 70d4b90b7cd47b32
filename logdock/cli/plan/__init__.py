"""`logdock plan`: what the next deploy does, in sentences, before it is done."""
