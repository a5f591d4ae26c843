CREATE TABLE customers (
  customer_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind TINYINT NOT NULL,
  display_name VARCHAR(200) NOT NULL,
  short_name VARCHAR(100) NOT NULL,
  credit_code VARCHAR(18) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  phone VARCHAR(64) NOT NULL,
  email VARCHAR(254) NOT NULL,
  website VARCHAR(254) NOT NULL,
  industry VARCHAR(64) NOT NULL,
  region VARCHAR(64) NOT NULL,
  channel TINYINT NOT NULL,
  source_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  details MEDIUMTEXT NOT NULL,
  parent_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  founded_year INT NOT NULL,
  employee_count BIGINT NOT NULL,
  annual_revenue_currency_code CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NULL,
  annual_revenue_minor_units BIGINT NULL,
  description VARCHAR(2000) NOT NULL,
  since_day DATE NOT NULL,
  owner_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner_time DATETIME(6) NOT NULL,
  handover_note VARCHAR(2000) NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  version BIGINT NOT NULL,
  search_text VARCHAR(320) NOT NULL,
  name_key VARCHAR(200) NOT NULL,
  phone_digits VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  phone_reversed VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  email_domain VARCHAR(254) NOT NULL,
  PRIMARY KEY (customer_id),
  KEY customers_by_owner (owner_id, create_time, customer_id),
  KEY customers_by_create_time (create_time, customer_id),
  KEY customers_by_region (region, create_time, customer_id),
  KEY customers_by_industry (industry, create_time, customer_id),
  KEY customers_by_name_key (name_key, customer_id),
  KEY customers_by_credit_code (credit_code),
  KEY customers_by_phone (phone_digits),
  KEY customers_by_phone_reversed (phone_reversed),
  KEY customers_by_email_domain (email_domain)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE customer_terms (
  term VARCHAR(40) NOT NULL,
  customer_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (term, customer_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE contacts (
  contact_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  display_name VARCHAR(100) NOT NULL,
  job_title VARCHAR(100) NOT NULL,
  department VARCHAR(100) NOT NULL,
  decision_role TINYINT NOT NULL,
  attitude TINYINT NOT NULL,
  phone VARCHAR(64) NOT NULL,
  mobile VARCHAR(64) NOT NULL,
  email VARCHAR(254) NOT NULL,
  wechat VARCHAR(64) NOT NULL,
  is_primary TINYINT NOT NULL,
  has_left TINYINT NOT NULL,
  description VARCHAR(2000) NOT NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  version BIGINT NOT NULL,
  phone_digits VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  phone_reversed VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  mobile_digits VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  mobile_reversed VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (contact_id),
  KEY contacts_by_customer (customer_id, create_time, contact_id),
  KEY contacts_by_phone (phone_digits, customer_id),
  KEY contacts_by_phone_reversed (phone_reversed, customer_id),
  KEY contacts_by_mobile (mobile_digits, customer_id),
  KEY contacts_by_mobile_reversed (mobile_reversed, customer_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE interactions (
  interaction_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contact_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  type TINYINT NOT NULL,
  purpose TINYINT NOT NULL,
  subject VARCHAR(200) NOT NULL,
  planned_time DATETIME(6) NOT NULL,
  duration_minutes INT NOT NULL,
  state TINYINT NOT NULL,
  done_time DATETIME(6) NULL,
  result TINYINT NOT NULL,
  outcome VARCHAR(4000) NOT NULL,
  next_step VARCHAR(500) NOT NULL,
  next_step_due_day DATE NULL,
  next_step_done_time DATETIME(6) NULL,
  cancel_reason VARCHAR(2000) NOT NULL,
  due_day DATE NULL,
  create_time DATETIME(6) NOT NULL,
  update_time DATETIME(6) NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (interaction_id),
  KEY interactions_by_customer (customer_id, planned_time, interaction_id),
  KEY interactions_by_member (member_id, planned_time, interaction_id),
  KEY interactions_by_time (planned_time, interaction_id),
  KEY interactions_by_due_day (due_day, interaction_id),
  KEY interactions_by_member_due_day (member_id, due_day, interaction_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE pool_settings (
  settings_id TINYINT NOT NULL,
  max_customers_per_member INT NOT NULL,
  update_time DATETIME(6) NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (settings_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO pool_settings (settings_id, max_customers_per_member, update_time, version)
VALUES (1, 0, '1970-01-01 00:00:00', 0);

CREATE TABLE pool_claims (
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  claim_count BIGINT NOT NULL,
  PRIMARY KEY (member_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
