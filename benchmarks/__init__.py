"""What Hongyan costs, measured: against the row-at-a-time way, the raw driver, and what its dependencies cost alone."""
