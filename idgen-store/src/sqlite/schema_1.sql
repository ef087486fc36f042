-- Numbers of 64 bits stand as n - 2^63; names are the bytes of their UTF-8 text.

CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    -- The serial of the last worker lease.
    serial INTEGER NOT NULL,
    -- Wall clock and boot clock, read together: see the clock module.
    anchor_boot_id TEXT NOT NULL,
    anchor_boot_ms INTEGER NOT NULL,
    anchor_unix_ms INTEGER NOT NULL
) STRICT;

INSERT INTO store VALUES (
    1,
    lower(hex(randomblob(16))),
    lower(hex(randomblob(16))),
    -9223372036854775808,
    '',
    -9223372036854775808,
    -9223372036854775808
);

CREATE TABLE sequence (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE,
    first INTEGER NOT NULL,
    increment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    end INTEGER NOT NULL,
    strict INTEGER NOT NULL CHECK (strict IN (0, 1)),
    bound INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1))
) STRICT;

-- Leases that may still be handed back.
CREATE TABLE lease (
    sequence INTEGER NOT NULL REFERENCES sequence (id),
    serial INTEGER NOT NULL,
    start INTEGER NOT NULL,
    len INTEGER NOT NULL,
    PRIMARY KEY (sequence, serial)
) STRICT, WITHOUT ROWID;

-- Handed-back ends of leases that may be granted once more.
CREATE TABLE tail (
    sequence INTEGER NOT NULL REFERENCES sequence (id),
    start INTEGER NOT NULL,
    len INTEGER NOT NULL,
    PRIMARY KEY (sequence, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
    space BLOB NOT NULL,
    worker INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    nonce BLOB NOT NULL CHECK (length(nonce) = 16),
    holder TEXT NOT NULL,
    granted INTEGER NOT NULL CHECK (granted IN (0, 1)),
    floor_unix_ms INTEGER NOT NULL,
    floor_sequence INTEGER NOT NULL,
    horizon_unix_ms INTEGER NOT NULL,
    lease_ms INTEGER NOT NULL,
    renewed_boot_ms INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    PRIMARY KEY (space, worker)
) STRICT, WITHOUT ROWID;

CREATE TABLE layout (
    space BLOB PRIMARY KEY,
    version INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
