-- Commission plans. `body` is the public resource, serialized.
CREATE TABLE commission_plans (
  commission_plan_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  body MEDIUMBLOB NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (commission_plan_id)
) ENGINE=InnoDB;
-- Statements that were issued, one for a member and period of a commission plan. A row is never changed.
CREATE TABLE commission_statements (
  statement_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  commission_plan_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  first_date DATE NOT NULL,
  last_date DATE NOT NULL,
  body MEDIUMBLOB NOT NULL,
  issue_time DATETIME(6) NOT NULL,
  PRIMARY KEY (statement_id),
  UNIQUE KEY commission_statements_by_period (commission_plan_id, member_id, first_date),
  KEY commission_statements_by_member (member_id, statement_id)
) ENGINE=InnoDB;
