-- The common lease, in one statement: fresh ground of exactly $2 ids above $3.
--
-- It changes nothing, and the locked transaction decides, if the name is unknown or deleted, if a
-- tail lies above $3, or if less than $2 ids are left. Concurrent leases of a sequence wait for its
-- row, and PostgreSQL judges the row's columns anew once it has it. The tails and the old leases
-- may then be seen as they were before the wait: that costs a later second look, never an id.
WITH granted AS (
    UPDATE idgen_sequence AS s
    SET bound = (LAST), serial = s.serial + 1
    WHERE s.name = $1 AND NOT s.deleted AND $2 >= 1
        AND (LAST) <= s.end_id
        AND s.serial < 18446744073709551615
        AND NOT EXISTS (
            SELECT FROM idgen_tail AS t WHERE t.sequence = s.id AND t.start_id > $3
        )
    RETURNING s.id, s.increment_by, s.strict, s.bound, s.serial
),
remembered AS (
    INSERT INTO idgen_lease (sequence, serial, start_id, len)
    SELECT id, serial, bound - ($2 - 1) * increment_by, $2 FROM granted WHERE NOT strict
),
forgotten AS (
    DELETE FROM idgen_lease AS l USING granted AS g
    WHERE l.sequence = g.id AND l.serial <= g.serial - REMEMBERED
)
SELECT bound, increment_by, serial, set_config('synchronous_commit', 'on', true) FROM granted
