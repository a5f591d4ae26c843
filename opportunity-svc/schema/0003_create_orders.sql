-- `body` is the resource as it is published; the other columns are what lists look for.
CREATE TABLE orders (
  order_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  opportunity_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner_id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state TINYINT NOT NULL,
  order_date DATE NOT NULL,
  import_version BIGINT NULL,
  version BIGINT NOT NULL,
  body LONGBLOB NOT NULL,
  PRIMARY KEY (order_id),
  KEY orders_by_date (order_date, order_id),
  KEY orders_by_owner (owner_id, order_date, order_id),
  KEY orders_by_customer (customer_id, order_date, order_id),
  KEY orders_by_opportunity (opportunity_id, order_date, order_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
