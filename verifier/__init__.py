"""Checks an audit log offline: it needs the log's export, a policy and nothing of the services that wrote it."""
