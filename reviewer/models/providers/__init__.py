"""One file a protocol, each two pure functions: build a request, read a response."""
