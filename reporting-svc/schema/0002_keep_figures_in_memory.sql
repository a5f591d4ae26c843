-- Cells are kept of single members by month only: the figures of everybody together, and of years, are added up in memory. The
-- key is group (a byte), first day of the month (4 bytes, days since 1970-01-01 plus 2^31), member.
DELETE FROM cells
  WHERE SUBSTRING(cell_key, 2, 1) <> X'01' OR SUBSTRING(cell_key, 3, 1) <> X'05' OR SUBSTRING(cell_key, 4, 1) <> X'01';
UPDATE cells SET cell_key = CONCAT(SUBSTRING(cell_key, 1, 1), SUBSTRING(cell_key, 5));

-- What each writing of the ledger changed: the facts that came, and with opposite signs those that went (domain/fact.h,
-- PackFacts); NULL if all figures of the kind went. Replicas keep the figures that they hold in memory current from these. Kept
-- for half a minute, the newest of each kind for ever.
CREATE TABLE figure_changes (
  record_kind TINYINT NOT NULL,
  version BIGINT NOT NULL,
  facts MEDIUMBLOB NULL,
  change_time DATETIME(6) NOT NULL,
  PRIMARY KEY (record_kind, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
