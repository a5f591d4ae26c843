# shellcheck shell=bash
# Private MariaDB servers, each in a folder of its own under .local/. Never the system's server.
# Sourced by ./dev.

# A unix socket's path has at most 107 characters; a deep checkout gets a short folder elsewhere.
database_socket() {
  local socket=$1/db.sock
  if ((${#socket} > 100)); then
    socket="${XDG_RUNTIME_DIR:-/tmp}/milepost-$(printf '%s' "$1" | cksum | cut -d ' ' -f 1)-$UID/db.sock"
  fi
  printf '%s' "$socket"
}

# database_pid DIR: the process that serves DIR, or nothing. The pid file alone is not believed:
# after a crash the number may belong to anything.
database_pid() {
  local pid
  pid=$(cat "$1/db.pid" 2>/dev/null) || return 0
  [[ $pid =~ ^[0-9]+$ && $(readlink "/proc/$pid/exe") == */mariadbd* ]] || return 0
  grep -qzxF -- "--datadir=$1/data" "/proc/$pid/cmdline" 2>/dev/null && printf '%s' "$pid"
  return 0
}

# database_sql DIR [OPTION...]: the client, as root, on DIR's server.
database_sql() {
  local dir=$1
  shift
  mariadb --no-defaults --socket="$(database_socket "$dir")" --user=root \
    --default-character-set=utf8mb4 "$@"
}

database_answers() { database_sql "$1" --execute='SELECT 1' >/dev/null 2>&1; }

# database_create DIR: system tables, made beside the real place and renamed, so that a folder
# called `data` is always a complete one, whenever this was killed. --force: the machine's own name
# need not resolve.
database_create() {
  local dir=$1 user=()
  ((UID == 0)) && user=(--user=root)
  rm -rf "$dir"/data.new.*
  mariadb-install-db --no-defaults "${user[@]}" --datadir="$dir/data.new.$$" \
    --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve --force &&
    mv "$dir/data.new.$$" "$dir/data"
}

# database_start DIR [OPTION...]: returns when the server answers; a running one is kept.
database_start() {
  local dir=$1 socket user=() pid tick
  shift
  socket=$(database_socket "$dir")
  mkdir -p "$dir" "$(dirname "$socket")"
  # root has no password: the folder keeps others out.
  chmod 700 "$dir" "$(dirname "$socket")" || die "$(dirname "$socket") belongs to somebody else"
  if [[ ! -d $dir/data ]]; then
    step "Create the database in ${dir#"$root"/}" database_create "$dir" || return
  fi
  if [[ -z $(database_pid "$dir") ]]; then
    # Root must name a user; it is root, because another may be unable to reach the checkout.
    ((UID == 0)) && user=(--user=root)
    # A server that starts deletes the temporary tables it finds in its tmpdir, another server's too.
    mkdir -p "$dir/tmp"
    setsid nohup mariadbd --no-defaults "${user[@]}" --datadir="$dir/data" --tmpdir="$dir/tmp" \
      --socket="$socket" \
      --pid-file="$dir/db.pid" --skip-name-resolve --character-set-server=utf8mb4 \
      --collation-server=utf8mb4_bin --performance-schema=OFF --max-connections=500 \
      "$@" >>"$dir/db.log" 2>&1 </dev/null 8>&- 9>&- &
    pid=$!
  fi
  for ((tick = 0; tick < 600; tick++)); do  # A minute: after a crash it may have much to redo.
    database_answers "$dir" && return 0
    if [[ -n ${pid:-} ]] && ! kill -0 "$pid" 2>/dev/null; then
      say "The database in ${dir#"$root"/} did not start. End of its log:"
      tail -n 15 "$dir/db.log"
      return 1
    fi
    sleep 0.1
  done
  say "The database in ${dir#"$root"/} does not answer after a minute. See ${dir#"$root"/}/db.log"
  return 1
}

# database_stop DIR: a clean stop; returns when the process is gone. Nothing running is fine.
database_stop() {
  local dir=$1 pid tick
  pid=$(database_pid "$dir")
  [[ -n $pid ]] || return 0
  kill -TERM "$pid"
  for ((tick = 0; tick < 600; tick++)); do
    [[ -n $(database_pid "$dir") ]] || return 0
    sleep 0.1
  done
  say "The database in ${dir#"$root"/} (process $pid) did not stop within a minute."
  return 1
}
