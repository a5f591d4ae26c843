-- What the SMART check of targets is judged by: one row.
CREATE TABLE smart_thresholds (
  thresholds_id TINYINT NOT NULL,
  growth_warning_ppm BIGINT NOT NULL,
  growth_error_ppm BIGINT NOT NULL,
  shrink_warning_ppm BIGINT NOT NULL,
  min_history INT NOT NULL,
  coverage_warning_ppm BIGINT NOT NULL,
  coverage_error_ppm BIGINT NOT NULL,
  utilisation_warning_ppm BIGINT NOT NULL,
  utilisation_error_ppm BIGINT NOT NULL,
  stale_days INT NOT NULL,
  max_period_days INT NOT NULL,
  checkpoint_days INT NOT NULL,
  late_start_ppm BIGINT NOT NULL,
  version BIGINT NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (thresholds_id)
) ENGINE=InnoDB;

INSERT INTO smart_thresholds (thresholds_id, growth_warning_ppm, growth_error_ppm, shrink_warning_ppm, min_history,
  coverage_warning_ppm, coverage_error_ppm, utilisation_warning_ppm, utilisation_error_ppm, stale_days, max_period_days,
  checkpoint_days, late_start_ppm, version, update_time)
VALUES (1, 300000, 1000000, 100000, 2, 3000000, 1000000, 900000, 1100000, 35, 366, 31, 250000, 1, '1970-01-01 00:00:00');
