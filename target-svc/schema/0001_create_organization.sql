-- One row that every write of units and members updates: it puts those writes in a line, so that no two of them can make a
-- cycle together, and tells caches that they are old.
CREATE TABLE organization_state (
  state_id TINYINT NOT NULL,
  change_count BIGINT NOT NULL,
  PRIMARY KEY (state_id)
) ENGINE=InnoDB;

INSERT INTO organization_state (state_id, change_count) VALUES (1, 0);

CREATE TABLE units (
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  display_name VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  kind TINYINT NOT NULL,
  region_key VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  calendar_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  start_date DATE NOT NULL,
  end_date DATE NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (unit_id),
  KEY units_by_calendar (calendar_id)
) ENGINE=InnoDB;

-- A unit has a parent from first_date to the day before until_date.
CREATE TABLE unit_placements (
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  first_date DATE NOT NULL,
  until_date DATE NOT NULL,
  parent_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (unit_id, first_date),
  KEY unit_placements_by_parent (parent_id, until_date, first_date, unit_id)
) ENGINE=InnoDB;

CREATE TABLE members (
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  display_name VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  start_date DATE NOT NULL,
  end_date DATE NULL,
  employee_number VARCHAR(63) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  phone VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  email VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (member_id)
) ENGINE=InnoDB;

-- A member is in a unit from first_date to the day before until_date.
CREATE TABLE member_placements (
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  first_date DATE NOT NULL,
  until_date DATE NOT NULL,
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  job_title VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (member_id, first_date),
  KEY member_placements_by_unit (unit_id, until_date, first_date, member_id)
) ENGINE=InnoDB;

-- Units that a member leads (line_kind 1) or also reports to (line_kind 2).
CREATE TABLE member_lines (
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  line_kind TINYINT NOT NULL,
  position INT NOT NULL,
  unit_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  first_date DATE NOT NULL,
  last_date DATE NULL,
  purpose VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (member_id, line_kind, position),
  KEY member_lines_by_unit (unit_id, line_kind, member_id)
) ENGINE=InnoDB;

-- A deleted calendar keeps its id for ever.
CREATE TABLE calendars (
  calendar_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  display_name VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  monday_ppm BIGINT NOT NULL,
  tuesday_ppm BIGINT NOT NULL,
  wednesday_ppm BIGINT NOT NULL,
  thursday_ppm BIGINT NOT NULL,
  friday_ppm BIGINT NOT NULL,
  saturday_ppm BIGINT NOT NULL,
  sunday_ppm BIGINT NOT NULL,
  deleted TINYINT NOT NULL,
  version BIGINT NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  PRIMARY KEY (calendar_id)
) ENGINE=InnoDB;

CREATE TABLE calendar_days (
  calendar_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day DATE NOT NULL,
  kind TINYINT NOT NULL,
  weight_ppm BIGINT NULL,
  stands_in_for TINYINT NULL,
  display_name VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (calendar_id, day)
) ENGINE=InnoDB;
