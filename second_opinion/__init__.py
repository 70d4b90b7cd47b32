"""A second engine reads the templates: LocalStack community in host mode, which this project neither patches nor tunes.

The local cloud is patched here, so an error that its patches share with the templates does not show there. Every
example's stacks are deployed on LocalStack, read back by API and compared with their templates. What LocalStack cannot
run is skipped, and listed with the reason.
"""
