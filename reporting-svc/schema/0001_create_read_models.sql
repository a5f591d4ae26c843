-- The ledger: which version of each record the figures hold, whom it is credited to once that is settled, and its facts
-- (domain/fact.h, PackFacts), from which every cell can be made again.
CREATE TABLE records (
  record_kind TINYINT NOT NULL,
  record_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  settled_credit VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NULL,
  facts MEDIUMBLOB NOT NULL,
  PRIMARY KEY (record_kind, record_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Sums of facts (domain/cell.h). The key is group, 1 for a single member or 0 for everybody, cut, grain (a byte each), first
-- day of the period (4 bytes, days since 1970-01-01 plus 2^31), member: few wide rows that lie together where one report reads
-- them. A single member's days of a month are one row.
CREATE TABLE cells (
  cell_key VARBINARY(80) NOT NULL,
  content MEDIUMBLOB NOT NULL,
  PRIMARY KEY (cell_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Counts the writings of the records of a kind. The row is locked while they are written: cells are read, added to and
-- written back.
CREATE TABLE ledger_versions (
  record_kind TINYINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (record_kind)
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
