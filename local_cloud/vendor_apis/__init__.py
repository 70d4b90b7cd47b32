"""The vendors' management APIs on loopback: strict about what they are asked, and slow or failing on demand."""
