# shellcheck shell=bash
# The suite on this machine: four services, their database, certificates and tokens, all under
# .local/. Sourced by ./dev. Every part may be repeated, and may follow a run that was killed.

services=(customer-svc opportunity-svc target-svc reporting-svc)
port_base=${MILEPOST_PORT_BASE:-7100}
db_dir=$state/db
issuer=https://milepost.local
audience=milepost

# What `up` shows at its end, and what it proposes next, as arguments of milepostctl.
year=$(TZ=Asia/Shanghai date +%Y)
reports=(
  'target progress --view owners --depth 2'
  'report funnel --unit demo'
  "report leaderboard --by member --range $year --unit demo --limit 10"
  "report leaderboard --by unit --range $year --unit demo"
  'report win-loss --by product --unit demo'
  'report sales-cycle --unit demo'
)
proposals=(
  'customer search 瑞丰'
  'opportunity list --states open --owners members/demo-rep-09'
  "report kpi --range $year --unit demo"
)

service_number() {
  local i
  for i in "${!services[@]}"; do [[ ${services[i]} != "$1" ]] || printf '%d' $((i + 1)); done
}
grpc_port() { printf '%d' $((port_base + $(service_number "$1"))); }
admin_port() { printf '%d' $((port_base + 100 + $(service_number "$1"))); }
database_port() { printf '%d' $((port_base + 206)); }

check_port_base() {
  [[ $port_base =~ ^[0-9]{4,5}$ && $port_base -ge 1024 && $port_base -le 65000 ]] ||
    die "MILEPOST_PORT_BASE is \"$port_base\"; it must be a number from 1024 to 65000"
}

port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

require_free_port() {
  ! port_in_use "$1" ||
    die "port $1, meant for $2, is in use by another program.
Stop that program, or choose other ports: MILEPOST_PORT_BASE=$((port_base + 1000)) ./dev up"
}

# --- secrets -----------------------------------------------------------------------------------

# password_file NAME: the file with that account's password, made at first use.
password_file() {
  local file=$state/secrets/$1.password
  if [[ ! -s $file ]]; then
    mkdir -p "$state/secrets"
    chmod 700 "$state/secrets"
    (umask 077 && openssl rand -hex 24 >"$file.$$" && mv "$file.$$" "$file") || return
  fi
  printf '%s' "$file"
}

# write_token NAME MEMBER ROLES: .local/tokens/NAME.jwt, valid for 30 days from now.
write_token() {
  mkdir -p "$state/tokens"
  chmod 700 "$state/tokens"
  (umask 077 && deploy/local/token --keys "$state/keys" --sub "$2" --roles "$3" --hours 720 \
    --issuer "$issuer" --audience "$audience" >"$state/tokens/$1.jwt.$$") &&
    mv "$state/tokens/$1.jwt.$$" "$state/tokens/$1.jwt"
}

make_secrets() {
  deploy/local/pki "$state/pki" "${services[@]}" &&
    deploy/local/token --keys "$state/keys" &&
    write_token admin admin admin &&
    write_token approver approver admin && # Nobody approves a plan of their own.
    write_token analyst analyst analyst
}

# --- database ----------------------------------------------------------------------------------

# Each service has a database and two accounts of its own: the running one changes rows only, the
# migrating one changes tables too.
make_accounts() {
  local service name app migration host
  for service in "${services[@]}"; do
    name=${service%-svc}
    app=$(password_file "$service-app") || return
    migration=$(password_file "$service-migration") || return
    printf 'CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n' "$name"
    for host in localhost 127.0.0.1; do
      printf "CREATE USER IF NOT EXISTS '%s'@'$host';\nALTER USER '%s'@'$host' IDENTIFIED BY '%s';\n" \
        "$name-app" "$name-app" "$(<"$app")" "$name-migration" "$name-migration" "$(<"$migration")"
      printf "GRANT SELECT, INSERT, UPDATE, DELETE ON %s.* TO '%s'@'$host';\n" "$name" "$name-app"
      printf "GRANT ALL ON %s.* TO '%s'@'$host';\n" "$name" "$name-migration"
    done
  done | database_sql "$db_dir"
}

start_suite_database() {
  [[ -n $(database_pid "$db_dir") ]] || require_free_port "$(database_port)" "the database"
  database_start "$db_dir" --port="$(database_port)" --bind-address=127.0.0.1 \
    --innodb-buffer-pool-size=512M --innodb-log-file-size=256M ||
    die "the database did not start; see above"
  step "Make databases and accounts" make_accounts || die "the accounts could not be made; see above"
}

# --- services ----------------------------------------------------------------------------------

# service_settings SERVICE: its environment, one NAME=value a line. Addresses are numbers, because a
# minimal machine may not know the name localhost.
service_settings() {
  local service=$1 peer
  cat <<END
MILEPOST_GRPC_ADDRESS=127.0.0.1:$(grpc_port "$service")
MILEPOST_ADMIN_ADDRESS=127.0.0.1:$(admin_port "$service")
MILEPOST_DATABASE_SOCKET=$(database_socket "$db_dir")
MILEPOST_DATABASE_NAME=${service%-svc}
MILEPOST_DATABASE_USER=${service%-svc}-app
MILEPOST_DATABASE_PASSWORD_FILE=$(password_file "$service-app")
MILEPOST_MIGRATION_USER=${service%-svc}-migration
MILEPOST_MIGRATION_PASSWORD_FILE=$(password_file "$service-migration")
MILEPOST_TLS_CERT_FILE=$state/pki/$service.crt
MILEPOST_TLS_KEY_FILE=$state/pki/$service.key
MILEPOST_TLS_CLIENT_CA_FILE=$state/pki/ca.crt
MILEPOST_JWKS_FILE=$state/keys/jwks.json
MILEPOST_TOKEN_ISSUER=$issuer
MILEPOST_TOKEN_AUDIENCE=$audience
MILEPOST_REFLECTION=true
MILEPOST_DRAIN_DELAY=0s
END
  for peer in "${services[@]}"; do
    [[ $peer == "$service" ]] && continue
    peer=${peer%-svc}
    printf 'MILEPOST_%s_ADDRESS=127.0.0.1:%s\n' "${peer^^}" "$(grpc_port "$peer-svc")"
  done
}

# service_pid SERVICE: our process, or nothing. The number in the file may have gone to another.
service_pid() {
  local pid exe
  pid=$(cat "$state/run/$1.pid" 2>/dev/null) || return 0
  [[ $pid =~ ^[0-9]+$ ]] || return 0
  exe=$(readlink "/proc/$pid/exe") || return 0
  [[ ${exe% (deleted)} == "$root"/build/*/bin/"$1" ]] && printf '%s' "$pid"
  return 0
}

service_ready() { curl --silent --fail --max-time 2 "http://127.0.0.1:$(admin_port "$1")/readyz" >/dev/null; }

# service_identity SERVICE PROGRAM: changes when the program or its settings do.
service_identity() {
  service_settings "$1"
  stat -c '%n %i %Y %s' "$2"
}

# service_stop SERVICE...: SIGTERM to all, then waits; what does not drain within a minute is killed.
service_stop() {
  local service pid tick left
  for service in "$@"; do
    pid=$(service_pid "$service")
    [[ -z $pid ]] || kill -TERM "$pid" 2>/dev/null || true
  done
  for ((tick = 0; tick < 600; tick++)); do
    left=()
    for service in "$@"; do
      if [[ -n $(service_pid "$service") ]]; then
        left+=("$service")
      else
        rm -f "$state/run/$service".{pid,identity}
      fi
    done
    ((${#left[@]} > 0)) || return 0
    sleep 0.1
  done
  for service in "${left[@]}"; do
    pid=$(service_pid "$service")
    [[ -z $pid ]] || kill -KILL "$pid" || true
    rm -f "$state/run/$service".{pid,identity}
    say "$service (process $pid) did not drain within a minute and was killed; its log: .local/log/$service.log"
  done
}

# service_launch SERVICE PROGRAM: starts it in the background, its output in .local/log.
service_launch() {
  local service=$1 program=$2 settings
  mapfile -t settings < <(service_settings "$service")
  mkdir -p "$state/run" "$state/log"
  # One older log is kept.
  [[ -z $(find "$state/log/$service.log" -size +10M 2>/dev/null) ]] ||
    mv "$state/log/$service.log" "$state/log/$service.log.1"
  service_identity "$service" "$program" >"$state/run/$service.identity"
  # The child writes its own number before it becomes the service: killed at any moment, this
  # script leaves no service that it could not find again.
  # shellcheck disable=SC2016
  setsid bash -c 'echo $$ >"$1"; shift; exec "$@"' launch "$state/run/$service.pid" \
    env "${settings[@]}" "$program" >>"$state/log/$service.log" 2>&1 </dev/null 8>&- 9>&- &
}

# wait_ready SERVICE...: until all are; fails as soon as one has died.
wait_ready() {
  local service tick waiting=("$@") left
  for ((tick = 0; tick < 600; tick++)); do
    left=()
    for service in "${waiting[@]}"; do
      service_ready "$service" && continue
      left+=("$service")
      if ((tick > 5)) && [[ -z $(service_pid "$service") ]]; then
        say "$service ended. The end of its log, .local/log/$service.log:"
        tail -n 20 "$state/log/$service.log"
        return 1
      fi
    done
    waiting=("${left[@]}")
    ((${#waiting[@]} > 0)) || return 0
    ((tick % 10)) || say "waiting for ${waiting[*]}"
    sleep 0.1
  done
  for service in "${waiting[@]}"; do
    say "$service is not ready after a minute. The end of its log, .local/log/$service.log:"
    tail -n 20 "$state/log/$service.log"
  done
  return 1
}

migrate_service() {
  local service=$1 settings
  mapfile -t settings < <(service_settings "$service")
  env "${settings[@]}" "build/release/bin/$service" migrate
}

# start_services: those that do not run, or run an older program or other settings.
start_services() {
  local service program stale=()
  for service in "${services[@]}"; do
    program=$root/build/release/bin/$service
    [[ -n $(service_pid "$service") ]] &&
      [[ "$(cat "$state/run/$service.identity" 2>/dev/null)" == "$(service_identity "$service" "$program")" ]] &&
      continue
    stale+=("$service")
  done
  if ((${#stale[@]} > 0)); then
    for service in "${stale[@]}"; do
      [[ -z $(service_pid "$service") ]] || step "Stop the older $service" service_stop "$service"
    done
    for service in "${stale[@]}"; do
      require_free_port "$(grpc_port "$service")" "$service"
      require_free_port "$(admin_port "$service")" "the admin port of $service"
    done
    for service in "${stale[@]}"; do
      service_launch "$service" "$root/build/release/bin/$service"
    done
  fi
  step "Start ${services[*]}" wait_ready "${services[@]}"
}

write_profile() {
  local service
  {
    printf '{\n'
    for service in "${services[@]}"; do
      printf '  "%s": "127.0.0.1:%s",\n' "${service%-svc}" "$(grpc_port "$service")"
    done
    # Paths are relative to the profile.
    printf '  "ca_file": "pki/ca.crt",\n'
    printf '  "token_file": "tokens/admin.jwt",\n  "approver_token_file": "tokens/approver.jwt"\n}\n'
  } >"$state/profile.json.$$"
  mv "$state/profile.json.$$" "$state/profile.json"
}

# ctl ARGUMENT...: milepostctl on this suite, in the caller's language.
ctl() {
  env "${caller_locale[@]}" MILEPOST_PROFILE="$state/profile.json" \
    "$root/build/release/bin/milepostctl" "$@"
}

# load_demo SIZE: once for a database; the mark lies beside the data it speaks of.
load_demo() {
  local size=$1 mark=$db_dir/demo-loaded
  if [[ -e $mark ]]; then
    [[ -z $size || $size == "$(<"$mark")" ]] ||
      die "a demo company of another size is loaded. To start anew: ./dev down --wipe; ./dev up --size $size"
    say "ok The demo company is there already"
    return
  fi
  say ".. Load the demo company"
  ctl demo load ${size:+--size "$size"} || die "the demo company could not be loaded; see above.
Nothing is lost by another ./dev up: it goes on where this one stopped."
  printf '%s' "$size" >"$mark"
}

show_reports() {
  local report words
  for report in "${reports[@]}"; do
    read -r -a words <<<"$report"
    printf '\n$ ./dev ctl %s\n' "$report"
    ctl "${words[@]}" || die "this report failed; the services' logs are in .local/log"
  done
}

# start_suite: built, migrated, running and reachable.
start_suite() {
  local service
  check_port_base
  build_targets release "${services[@]}" milepostctl || die "the build failed; see above"
  step "Make certificates, keys and tokens" make_secrets || die "certificates could not be made; see above"
  start_suite_database
  for service in "${services[@]}"; do
    step "Migrate the database of $service" migrate_service "$service" || die "the migration failed; see above"
  done
  start_services || die "the suite did not start; see above"
  write_profile
}

# suite_down: services first, so that none sees its database go.
suite_down() {
  step "Stop ${services[*]}" service_stop "${services[@]}" || die "the services did not stop; see above"
  step "Stop the database" database_stop "$db_dir" || die "the database did not stop; see above"
}
