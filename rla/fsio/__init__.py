"""The only doors to the disk that promise something. Imported by every layer above core."""
