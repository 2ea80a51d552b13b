"""The gateway: one template of nginx's configuration, for the native stack and for containers."""
