-- A change without position has 0 instead of NULL: it is as long as one that has its position, so that a position is
-- written in place. Measured, that halves the work of handing positions out.
UPDATE changes SET position = 0 WHERE position IS NULL;
ALTER TABLE changes MODIFY position BIGINT NOT NULL DEFAULT 0;
