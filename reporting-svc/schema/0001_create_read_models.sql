-- The ledger of facts: what each record of another service contributes to reports. Days are counted from 1970-01-01.
CREATE TABLE facts (
  fact_group TINYINT NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day_number INT NOT NULL,
  record_kind TINYINT NOT NULL,
  record_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fact_number INT NOT NULL,
  product VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  source VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  region VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  channel VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  sub_key VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  currency_code VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  v0 BIGINT NOT NULL DEFAULT 0,
  v1 BIGINT NOT NULL DEFAULT 0,
  v2 BIGINT NOT NULL DEFAULT 0,
  v3 BIGINT NOT NULL DEFAULT 0,
  v4 BIGINT NOT NULL DEFAULT 0,
  v5 BIGINT NOT NULL DEFAULT 0,
  v6 BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (fact_group, member_id, day_number, record_kind, record_id, fact_number),
  KEY facts_by_record (record_kind, record_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Sums of facts by period (grain 1 day, 2 month, 3 year; period_day is its first day). member_id '' sums over all members.
CREATE TABLE cells (
  fact_group TINYINT NOT NULL,
  dim TINYINT NOT NULL,
  grain TINYINT NOT NULL,
  member_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  period_day INT NOT NULL,
  dim_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  sub_key VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  currency_code VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  v0 BIGINT NOT NULL DEFAULT 0,
  v1 BIGINT NOT NULL DEFAULT 0,
  v2 BIGINT NOT NULL DEFAULT 0,
  v3 BIGINT NOT NULL DEFAULT 0,
  v4 BIGINT NOT NULL DEFAULT 0,
  v5 BIGINT NOT NULL DEFAULT 0,
  v6 BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (fact_group, dim, grain, member_id, period_day, dim_key, sub_key, currency_code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Which version of each record the ledger holds, and whom it is credited to once that is settled.
CREATE TABLE records (
  record_kind TINYINT NOT NULL,
  record_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  settled_credit VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NULL,
  PRIMARY KEY (record_kind, record_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Newest state of the records that give reports their names and shape: units, members, products, plans and the like.
CREATE TABLE documents (
  document_kind TINYINT NOT NULL,
  parent_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  document_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  deleted TINYINT NOT NULL,
  state MEDIUMBLOB NOT NULL,
  PRIMARY KEY (document_kind, parent_id, document_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Counts the changes of a part of the documents, so that what was read from them is known to be old.
CREATE TABLE document_versions (
  part VARCHAR(127) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- While the read models are built anew: up to which position of each feed they must get before reports are answered again.
-- emptied: what was there before is gone.
CREATE TABLE rebuild_goals (
  source VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  goal_position BIGINT NOT NULL,
  emptied TINYINT NOT NULL,
  PRIMARY KEY (source)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Requests to rebuild, remembered for 24 hours.
CREATE TABLE rebuild_requests (
  request_scope VARCHAR(127) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_time DATETIME(6) NOT NULL,
  PRIMARY KEY (request_scope, request_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
