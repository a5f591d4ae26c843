-- 1: closed, what plans of before were.
ALTER TABLE plans ADD COLUMN commitment_policy TINYINT NOT NULL DEFAULT 1;

-- What the owner of a node committed to: at most one row a node. It stays when the node is removed and is then not looked at.
CREATE TABLE commitments (
  plan_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  node_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state TINYINT NOT NULL,
  committed_units BIGINT NOT NULL,
  counter_units BIGINT NULL,
  decider_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (plan_id, node_id)
) ENGINE=InnoDB;

-- Everything that was said about a commitment, by number from 1. Rows are only added.
CREATE TABLE commitment_steps (
  plan_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  node_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  step_number INT NOT NULL,
  step_action TINYINT NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value_units BIGINT NOT NULL,
  target_units BIGINT NOT NULL,
  note VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  step_time DATETIME(6) NOT NULL,
  PRIMARY KEY (plan_id, node_id, step_number)
) ENGINE=InnoDB;
