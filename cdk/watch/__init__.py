"""What operators watch: metrics, the dashboard and the alarms."""
