"""Documents as Systems Manager takes them for the value of a parameter.

Source: AWS Systems Manager API Reference, PutParameter: "You can't include values wrapped in double brackets {{}}".
"""


def without_double_braces(document: str) -> str:
    r"""Write ``{{`` in a JSON document as ``{\u007b``: it means the same, and a parameter may hold it.

    No object begins in place of another's name, so both braces are in a string.
    """
    return document.replace("{{", r"{\u007b")
