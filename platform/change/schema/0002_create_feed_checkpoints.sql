-- How far this service has followed the feeds of others, and which process does so.
CREATE TABLE feed_checkpoints (
  source VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  feed_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  position BIGINT NOT NULL,
  fresh_time DATETIME(6) NOT NULL,
  rebuild_requested TINYINT NOT NULL,
  epoch BIGINT NOT NULL,
  lease_owner VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lease_expiry DATETIME(6) NOT NULL,
  PRIMARY KEY (source)
) ENGINE=InnoDB;

-- Events that could not be applied and wait for a decision.
CREATE TABLE parked_events (
  source VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  position BIGINT NOT NULL,
  aggregate_id VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_version BIGINT NOT NULL,
  event_type VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event LONGBLOB NOT NULL,
  error VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  attempts BIGINT NOT NULL,
  park_time DATETIME(6) NOT NULL,
  PRIMARY KEY (source, event_id)
) ENGINE=InnoDB;
