"""Run the migrations on the connection that bot/db/migrate.py hands over, inside its transaction."""

from alembic import context

from bot.db.tables import OutboxItem

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=OutboxItem.metadata,
    # SQLite cannot alter most things in place: a step copies the table instead.
    render_as_batch=connection.dialect.name == "sqlite",
    # One transaction for all steps: a kill in the middle leaves the old schema whole.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
