"""The dashboard, the alarms, and what the runbook says of them."""
