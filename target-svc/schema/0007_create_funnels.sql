-- Funnels that are kept. `state` is the public resource, serialized; a deleted funnel keeps its id for ever.
CREATE TABLE funnels (
  funnel_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state MEDIUMBLOB NOT NULL,
  deleted TINYINT NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (funnel_id)
) ENGINE=InnoDB;
