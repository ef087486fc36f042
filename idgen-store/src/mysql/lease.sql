-- The common lease, in one packet: fresh ground of exactly LEN ids above ABOVE.
--
-- The UPDATE changes nothing, and the locked transaction decides, if the name is unknown or
-- deleted, if a tail lies above ABOVE, or if less than LEN ids are left. Its answer carries the new
-- bound. Concurrent leases of a sequence wait for its row and judge its columns anew then. The
-- tails may be seen as they were before the wait: that costs a later second look, never an id.
-- All is counted in decimals of 65 digits, since an unsigned number that overflows is an error.
START TRANSACTION;
UPDATE idgen_sequence AS s
SET s.bound = LAST_INSERT_ID(CAST(LAST AS UNSIGNED)), s.serial = s.serial + 1
WHERE s.name = NAME AND s.deleted = 0
    AND LAST <= CAST(s.end_id AS DECIMAL(65, 0))
    AND s.serial < 18446744073709551615
    AND NOT EXISTS (
        SELECT 1 FROM idgen_tail AS t WHERE t.sequence = s.id AND t.start_id > ABOVE
    );
INSERT INTO idgen_lease (sequence, serial, start_id, len)
    SELECT id, serial, CAST(bound AS DECIMAL(65, 0)) - (LEN - 1) * increment_by, LEN
    FROM idgen_sequence WHERE ROW_COUNT() = 1 AND name = NAME AND strict = 0;
DELETE FROM l USING idgen_lease AS l JOIN idgen_sequence AS s ON s.id = l.sequence
    WHERE s.name = NAME AND l.serial <= IF(s.serial > REMEMBERED, s.serial - REMEMBERED, 0);
SELECT increment_by, serial FROM idgen_sequence WHERE name = NAME;
COMMIT
