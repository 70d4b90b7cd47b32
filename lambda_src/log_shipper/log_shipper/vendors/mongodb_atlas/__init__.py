"""MongoDB Atlas."""
