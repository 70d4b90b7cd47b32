"""What Logz.io reads and is sent: its reader, and metric streams."""
