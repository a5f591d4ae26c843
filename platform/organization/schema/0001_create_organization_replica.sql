-- Units and members of target-svc as its feed told them last; a deleted one keeps its row, so that an older event is known to be old.
CREATE TABLE organization_records (
  name VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  deleted TINYINT NOT NULL,
  state LONGBLOB NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB;
