"""What is known on this machine of jobs that run elsewhere: SQLite files, and what is in them."""
