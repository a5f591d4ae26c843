-- Of a branch: the plan and the version that it is a copy of, its own version that was merged last, and the version of
-- that plan that the merge made.
ALTER TABLE plans
  ADD COLUMN branch_of_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  ADD COLUMN branch_of_version BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN merged_version BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN merged_into_version BIGINT NOT NULL DEFAULT 0;
CREATE INDEX plans_by_origin ON plans (branch_of_id);
