"""AWS and the environment: settings, queue, secrets, and the composition root that builds the use cases."""
