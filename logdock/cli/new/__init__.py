"""`logdock new`: a directory of your own, with everything that a deployment needs but the installed Logdock."""
