-- Where a sequence goes on that was moved to another store; it counts as deleted then.

ALTER TABLE sequence ADD COLUMN moved_to TEXT;
