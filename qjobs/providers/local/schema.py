"""The tables of the queue: how they came to be, step by step."""

STEPS = (
    """
    CREATE TABLE job (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL UNIQUE,
        tag TEXT NOT NULL UNIQUE,
        backend TEXT NOT NULL,
        path TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        start_index INTEGER NOT NULL,
        experiments_count INTEGER NOT NULL,
        qubits INTEGER NOT NULL,
        options TEXT NOT NULL,
        status TEXT NOT NULL,
        cancelling INTEGER NOT NULL DEFAULT 0,
        deaths INTEGER NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX by_status ON job (status, number);
    """,
    # A supervisor of the first version that still runs must find no table, lest it run circuits
    # without their parameters.
    """
    ALTER TABLE job RENAME TO queued_job;
    ALTER TABLE queued_job ADD COLUMN sweep TEXT NOT NULL DEFAULT '';
    ALTER TABLE queued_job ADD COLUMN observables TEXT NOT NULL DEFAULT '';
    ALTER TABLE queued_job ADD COLUMN folder TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE queued_job ADD COLUMN failed TEXT;
    ALTER TABLE queued_job ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
    """,
    # One of the third version asks for the column `path`: it would import what anybody had named.
    """
    ALTER TABLE queued_job RENAME COLUMN path TO file;
    ALTER TABLE queued_job ADD COLUMN mark TEXT NOT NULL DEFAULT '';
    UPDATE queued_job SET file = relative(file);
    UPDATE queued_job
        SET sweep = json_set(sweep, '$[0][0]', relative(json_extract(sweep, '$[0][0]')))
        WHERE sweep != '';
    UPDATE queued_job
        SET observables = json_set(observables, '$[0]', relative(json_extract(observables, '$[0]')))
        WHERE observables != '';
    """,
    "ALTER TABLE queued_job ADD COLUMN definition TEXT NOT NULL DEFAULT '';",
    """
    ALTER TABLE queued_job ADD COLUMN started_s REAL;
    ALTER TABLE queued_job ADD COLUMN ended_s REAL;
    """,
    "ALTER TABLE queued_job ADD COLUMN queued_s REAL;",
)
