-- Numbers of 64 bits are numeric; names are the bytes of their UTF-8 text, since text holds no NUL.
-- Rows refer to each other without foreign keys: a sequence's row is never removed.

CREATE TABLE idgen_meta (
    one boolean PRIMARY KEY CHECK (one),
    version integer NOT NULL,
    id text NOT NULL
);

INSERT INTO idgen_meta VALUES (true, 1, replace(gen_random_uuid()::text, '-', ''));

-- Half of each page stays free, so that a new version of a row lands beside the old one and no
-- index has to be touched.
CREATE TABLE idgen_sequence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name bytea NOT NULL UNIQUE,
    first_id numeric(20, 0) NOT NULL,
    increment_by numeric(20, 0) NOT NULL,
    offset_by numeric(20, 0) NOT NULL,
    end_id numeric(20, 0) NOT NULL,
    strict boolean NOT NULL,
    bound numeric(20, 0) NOT NULL,
    serial numeric(20, 0) NOT NULL,
    deleted boolean NOT NULL,
    -- Where a sequence goes on that was moved away; it counts as deleted then.
    moved_to text
) WITH (fillfactor = 50);

-- Leases that may still be handed back.
CREATE TABLE idgen_lease (
    sequence bigint NOT NULL,
    serial numeric(20, 0) NOT NULL,
    start_id numeric(20, 0) NOT NULL,
    len numeric(20, 0) NOT NULL,
    PRIMARY KEY (sequence, serial)
);

-- Handed-back ends of leases that may be granted once more.
CREATE TABLE idgen_tail (
    sequence bigint NOT NULL,
    start_id numeric(20, 0) NOT NULL,
    len numeric(20, 0) NOT NULL,
    PRIMARY KEY (sequence, start_id)
);
