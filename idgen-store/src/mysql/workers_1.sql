-- Leases of time, made at the first use of the registry. Numbers and names are kept as in
-- schema_1.sql; a record is the bytes of its UTF-8 text. Each change draws a version anew, so that
-- what a restored copy holds is not taken for what was seen before.

CREATE TABLE IF NOT EXISTS idgen_worker (
    space VARBINARY(128) NOT NULL,
    worker BIGINT UNSIGNED NOT NULL,
    version BIGINT UNSIGNED NOT NULL,
    record MEDIUMBLOB NOT NULL,
    PRIMARY KEY (space, worker)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS idgen_layout (
    space VARBINARY(128) NOT NULL PRIMARY KEY,
    version BIGINT UNSIGNED NOT NULL,
    record MEDIUMBLOB NOT NULL
) ENGINE = InnoDB;

-- Made last: where its row stands, all tables do. It holds the last serial.
CREATE TABLE IF NOT EXISTS idgen_turn (
    one TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    serial BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO idgen_turn VALUES (1, 0)
