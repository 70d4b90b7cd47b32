"""`logdock smoke-test`: marked records through every export, every alarm's action, every function, after a deploy."""
