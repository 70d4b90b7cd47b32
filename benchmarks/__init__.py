"""What the speed claims are made with: `python -m benchmarks` measures the shipper against floors, as ratios."""
