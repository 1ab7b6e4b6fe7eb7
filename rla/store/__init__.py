"""The index: one SQL table of all runs, in SQLite or PostgreSQL.

Import from the files; they alone know SQLAlchemy, and it is slow to import.
"""
