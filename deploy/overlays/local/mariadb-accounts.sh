# shellcheck shell=bash
# Read by the MariaDB image's entry point once, when the data directory is new.
# Four databases; for each an account that runs and one that migrates.
for area in customer opportunity target reporting; do
  docker_process_sql <<SQL
CREATE DATABASE ${area} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER '${area}-app'@'%' IDENTIFIED BY '$(cat /etc/milepost/passwords/${area}-app)' REQUIRE SSL;
GRANT SELECT, INSERT, UPDATE, DELETE ON ${area}.* TO '${area}-app'@'%';
CREATE USER '${area}-migration'@'%' IDENTIFIED BY '$(cat /etc/milepost/passwords/${area}-migration)' REQUIRE SSL;
GRANT ALL ON ${area}.* TO '${area}-migration'@'%';
SQL
done
