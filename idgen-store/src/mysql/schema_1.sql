-- Numbers of 64 bits are unsigned; names are the bytes of their UTF-8 text, compared as bytes.
-- Rows refer to each other without foreign keys: a sequence's row is never removed.

CREATE TABLE IF NOT EXISTS idgen_sequence (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARBINARY(128) NOT NULL UNIQUE,
    first_id BIGINT UNSIGNED NOT NULL,
    increment_by BIGINT UNSIGNED NOT NULL,
    offset_by BIGINT UNSIGNED NOT NULL,
    end_id BIGINT UNSIGNED NOT NULL,
    strict TINYINT UNSIGNED NOT NULL,
    bound BIGINT UNSIGNED NOT NULL,
    serial BIGINT UNSIGNED NOT NULL,
    deleted TINYINT UNSIGNED NOT NULL,
    -- Where a sequence goes on that was moved away; it counts as deleted then.
    moved_to VARBINARY(1024) NULL
) ENGINE = InnoDB;

-- Leases that may still be handed back.
CREATE TABLE IF NOT EXISTS idgen_lease (
    sequence BIGINT UNSIGNED NOT NULL,
    serial BIGINT UNSIGNED NOT NULL,
    start_id BIGINT UNSIGNED NOT NULL,
    len BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (sequence, serial)
) ENGINE = InnoDB;

-- Handed-back ends of leases that may be granted once more.
CREATE TABLE IF NOT EXISTS idgen_tail (
    sequence BIGINT UNSIGNED NOT NULL,
    start_id BIGINT UNSIGNED NOT NULL,
    len BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (sequence, start_id)
) ENGINE = InnoDB;

-- Made last: where its row stands, all tables do.
CREATE TABLE IF NOT EXISTS idgen_meta (
    one TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    version INT UNSIGNED NOT NULL,
    id CHAR(32) CHARACTER SET ascii NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO idgen_meta VALUES (1, 1, 'STORE_ID')
