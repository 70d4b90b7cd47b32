"""The vendors, one package for each kind of export or destination: the kind's name, with underscores.

`registry` lists the kinds of exports. What else belongs to a kind is found by the name of its module:

settings
    The model of the export or destination, `EXPORT` or `DESTINATION`.
stack
    The export's stack, `STACK`. The only module that may import the CDK.
next_steps
    What is left to do at the vendor, as commands.
checks
    How the command asks the vendor what it has, and what `logdock validate` checks.
questions
    What `logdock init` asks, `QUESTIONS`.
plan
    What a change of each setting leads to, `RULES`.
smoke_test
    The marked record of `logdock smoke-test`.
access
    What the security report says of the vendor.
"""

# First the settings: they import the models of all kinds, which are made of parts of the settings. Otherwise the first
# import of a vendor's model would find that model half imported.
import logdock.settings  # noqa: F401
