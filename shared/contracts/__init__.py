"""The messages between services and with insurers: one file per publisher."""
