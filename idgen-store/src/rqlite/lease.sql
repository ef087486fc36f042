-- The common lease: fresh ground of exactly LEN ids above ABOVE.
--
-- It changes nothing if the name is unknown or deleted, if a tail lies above ABOVE, if less than
-- LEN ids are left, or if the increment is so wide that LEN of them might not fit a number. What
-- stands behind it in the same transaction shows the row, for a decision elsewhere.
--
-- A difference below -2^63 is no whole number to SQLite but a real one, rounded; nothing in `next`
-- or `bound` is below it either way, and SQLite compares the two kinds exactly.
UPDATE idgen_sequence SET
    bound = next + SPAN,
    next = CASE WHEN next + SPAN <= end_id - INCREMENT THEN next + SPAN + INCREMENT END,
    serial = serial + 1,
    token = TOKEN
WHERE name = NAME AND deleted = 0 AND next > ABOVE
    AND increment_by <= WIDEST
    AND next <= end_id - SPAN
    AND serial < 9223372036854775807
    AND (strict = 1 OR NOT EXISTS (
        SELECT 1 FROM idgen_tail WHERE sequence = NAME AND start > ABOVE
    ))
