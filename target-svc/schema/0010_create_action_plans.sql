-- Action plans under the nodes of target plans. `body` is the public resource, serialized.
CREATE TABLE action_plans (
  plan_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  action_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  node_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind TINYINT NOT NULL,
  state TINYINT NOT NULL,
  body MEDIUMBLOB NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (plan_id, action_id),
  KEY action_plans_by_owner (owner_id, plan_id, action_id)
) ENGINE=InnoDB;
