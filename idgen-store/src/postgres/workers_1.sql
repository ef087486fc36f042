-- Leases of time, made at the first use of the registry. Numbers and names are kept as in
-- schema_1.sql; a record is the bytes of its UTF-8 text. Each change draws a version anew, so that
-- what a restored copy holds is not taken for what was seen before.

CREATE TABLE idgen_worker (
    space bytea NOT NULL,
    worker numeric(20, 0) NOT NULL,
    version numeric(20, 0) NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (space, worker)
) WITH (fillfactor = 50);

CREATE TABLE idgen_layout (
    space bytea NOT NULL PRIMARY KEY,
    version numeric(20, 0) NOT NULL,
    record bytea NOT NULL
);

-- One row: the last serial.
CREATE TABLE idgen_turn (
    one boolean PRIMARY KEY CHECK (one),
    serial numeric(20, 0) NOT NULL
) WITH (fillfactor = 50);

INSERT INTO idgen_turn VALUES (true, 0);
