-- One row for every change of every record: audit entry, feed event and idempotency record in one.
-- For change data capture (outbox): id = change_id, aggregate type = aggregate_type, aggregate id = aggregate_id,
-- type = event_type, payload = payload (a serialized google.protobuf.Any of the record's public message).
CREATE TABLE changes (
  change_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  transaction_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_type VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_id VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_version BIGINT NOT NULL,
  event_type VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  payload LONGBLOB NOT NULL,
  deleted TINYINT NOT NULL,
  actor VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  calling_service VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  request_scope VARCHAR(127) CHARACTER SET ascii COLLATE ascii_bin NULL,
  request_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NULL,
  request_hash VARBINARY(32) NULL,
  change_time DATETIME(6) NOT NULL,
  position BIGINT NULL,
  PRIMARY KEY (change_id),
  UNIQUE KEY uq_changes_version (aggregate_id, aggregate_version),
  UNIQUE KEY uq_changes_request (request_scope, request_id),
  KEY ix_changes_position (position)
) ENGINE=InnoDB;

-- One row: how far the feed reaches and who may extend it.
CREATE TABLE feed_head (
  head_id TINYINT NOT NULL,
  feed_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  next_position BIGINT NOT NULL,
  earliest_position BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  lease_owner VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lease_expiry DATETIME(6) NOT NULL,
  PRIMARY KEY (head_id)
) ENGINE=InnoDB;

INSERT IGNORE INTO feed_head (head_id, feed_id, next_position, earliest_position, epoch, lease_owner, lease_expiry)
VALUES (1, UUID(), 1, 1, 0, '', '1970-01-01 00:00:00');
