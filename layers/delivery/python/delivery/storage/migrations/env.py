"""Alembic runs this: it applies the migrations on the connection that `delivery.deployment.migrate` gives it."""

from alembic import context

from delivery.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
