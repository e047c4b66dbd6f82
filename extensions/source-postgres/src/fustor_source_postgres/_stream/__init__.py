"""The write-ahead log as realtime events."""
