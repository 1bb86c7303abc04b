"""Put on PYTHONPATH for child processes: a test's child must not reach the network either."""

import socket


class TestReachedTheNetwork(BaseException):
    """A test connected to something else than this machine."""


_connect = socket.socket.connect


def _guarded(self, address):
    if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
        raise TestReachedTheNetwork(str(address))
    return _connect(self, address)


socket.socket.connect = _guarded  # type: ignore[method-assign]
