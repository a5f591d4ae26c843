-- Actual values that were written down by hand. A row is never changed but for `corrected_by_id`, once, when another takes its
-- place.
CREATE TABLE recorded_actuals (
  actual_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  metric_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day DATE NOT NULL,
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  product_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  channel_key VARCHAR(63) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  region_key VARCHAR(63) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  customer_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value_units BIGINT NOT NULL,
  currency_code CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  corrects_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  corrected_by_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  credited_unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  recorder_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (actual_id),
  KEY recorded_actuals_by_metric (metric_id, day, actual_id)
) ENGINE=InnoDB;
