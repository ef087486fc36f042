-- What holders tell their peers.

ALTER TABLE worker ADD COLUMN published TEXT NOT NULL DEFAULT '';
ALTER TABLE worker ADD COLUMN clock_ahead_ms INTEGER NOT NULL DEFAULT 0;
