-- Sources (1), product lines (2), products (3) and processes (4): what opportunities refer to. `body` is the resource as it is
-- published; the other columns are what queries look for.
CREATE TABLE catalogue (
  kind TINYINT NOT NULL,
  item_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  parent_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  archived TINYINT NOT NULL,
  version BIGINT NOT NULL,
  body LONGBLOB NOT NULL,
  PRIMARY KEY (kind, item_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Every revision that a process ever had; rows never change.
CREATE TABLE process_revisions (
  process_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  revision BIGINT NOT NULL,
  body LONGBLOB NOT NULL,
  PRIMARY KEY (process_id, revision)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
