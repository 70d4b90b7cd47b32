"""The CDK runs in the Node that the lock brings, unless the user chose another."""

import os
import subprocess

import pytest

from logdock.node import choose_node


@pytest.mark.parametrize("own", [None, "/opt/node"])
def test_choose_node_gives_the_lock_s_unless_the_user_set_one(own: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JSII_NODE", raising=False)
    if own:
        monkeypatch.setenv("JSII_NODE", own)
    choose_node()
    if own:
        assert os.environ["JSII_NODE"] == own
    else:
        version = subprocess.run([os.environ["JSII_NODE"], "--version"], capture_output=True, text=True, check=True)
        assert version.stdout.startswith("v24.")
