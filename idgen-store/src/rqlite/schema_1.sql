-- Numbers of 64 bits stand as n - 2^63. Names are percent-encoded: letters, digits, '-' and '_'
-- stand for themselves. Rows refer to each other by the sequence's name.

CREATE TABLE IF NOT EXISTS idgen_store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    id TEXT NOT NULL,
    incarnation TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS idgen_sequence (
    name TEXT PRIMARY KEY,
    first_id INTEGER NOT NULL,
    increment_by INTEGER NOT NULL,
    offset_by INTEGER NOT NULL,
    end_id INTEGER NOT NULL,
    strict INTEGER NOT NULL CHECK (strict IN (0, 1)),
    bound INTEGER NOT NULL,
    -- The lowest id above the bound, if there is one.
    next INTEGER,
    serial INTEGER NOT NULL,
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    -- Where a sequence goes on that was moved away, percent-encoded; it counts as deleted then.
    moved_to TEXT,
    -- Another one after each change by hand.
    version TEXT NOT NULL,
    -- That of the last request which raised the serial.
    token TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Leases that may still be handed back.
CREATE TABLE IF NOT EXISTS idgen_lease (
    sequence TEXT NOT NULL,
    serial INTEGER NOT NULL,
    start INTEGER NOT NULL,
    len INTEGER NOT NULL,
    PRIMARY KEY (sequence, serial)
) STRICT, WITHOUT ROWID;

-- Handed-back ends of leases that may be granted once more.
CREATE TABLE IF NOT EXISTS idgen_tail (
    sequence TEXT NOT NULL,
    start INTEGER NOT NULL,
    len INTEGER NOT NULL,
    PRIMARY KEY (sequence, start)
) STRICT, WITHOUT ROWID;
