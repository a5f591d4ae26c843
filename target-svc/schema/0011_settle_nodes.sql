-- What a node counts for in the sum of its breakdown instead of its target, once a re-plan has settled its days.
ALTER TABLE plan_nodes ADD COLUMN counted_units BIGINT NULL;
ALTER TABLE plan_node_history ADD COLUMN counted_units BIGINT NULL;
-- The version before the first re-plan; 0 if there was none.
ALTER TABLE plans ADD COLUMN baseline_version BIGINT NOT NULL DEFAULT 0;
