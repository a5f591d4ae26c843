-- Templates of scorecards. `body` is the public resource, serialized.
CREATE TABLE scorecard_templates (
  template_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  retired TINYINT NOT NULL,
  body MEDIUMBLOB NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (template_id)
) ENGINE=InnoDB;
-- Scorecards, one for a member, template and first day. `body` is the public resource, serialized.
CREATE TABLE scorecards (
  scorecard_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  template_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  first_date DATE NOT NULL,
  last_date DATE NOT NULL,
  state TINYINT NOT NULL,
  body MEDIUMBLOB NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (scorecard_id),
  UNIQUE KEY scorecards_by_period (template_id, member_id, first_date),
  KEY scorecards_by_member (member_id, scorecard_id)
) ENGINE=InnoDB;
