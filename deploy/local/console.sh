# shellcheck shell=bash
# What ./dev says and how it runs long commands. Sourced by ./dev; needs $state (a writable folder).

say() { printf '%s\n' "$*"; }
die() { printf 'dev: %s\n' "$*" >&2; exit 1; }

# elapsed START (an $EPOCHREALTIME): "0.4 s", "12 s" or "3 min 20 s".
elapsed() {
  local now=$EPOCHREALTIME tenths
  tenths=$(((${now/[.,]/} - ${1/[.,]/}) / 100000))
  if ((tenths < 100)); then
    printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
  elif ((tenths < 1200)); then
    printf '%d s' $((tenths / 10))
  else
    printf '%d min %d s' $((tenths / 600)) $((tenths % 600 / 10))
  fi
}

# step TITLE COMMAND...: runs COMMAND with its output in a log. Shows how long it took and, if that
# is more than a second, that it began and how far it is (the last line of the log; on a terminal in
# place, elsewhere every 15 s).
# On failure it shows the end of the log and returns COMMAND's status.
step() {
  local title=$1 began=$EPOCHREALTIME log pid status=0 line width ticks=0
  shift
  mkdir -p "$state/log"
  log=${title//[^a-zA-Z0-9]/-}
  log=$state/log/dev-${log:0:40}.log
  : >"$log"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  # A background command ignores Ctrl-C: pass it on, or it would go on alone.
  trap 'kill -TERM "$pid" 2>/dev/null; printf "\n"; exit 130' INT
  trap 'kill -TERM "$pid" 2>/dev/null; exit 143' TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
    ticks=$((ticks + 1))
    if [[ -t 1 ]]; then
      ((ticks % 3 == 0)) || continue
      width=$((${COLUMNS:-$(tput cols 2>/dev/null || echo 80)} - 1))
      line=".. $title ($(elapsed "$began")) $(tail -n 1 "$log" | tr -d '\r\033')"
      printf '\r\033[K%s' "${line:0:width}"
    elif ((ticks == 10)); then
      say ".. $title"
    elif ((ticks % 150 == 0)); then
      say "   $(elapsed "$began"): $(tail -n 1 "$log" | tr -d '\r\033' | cut -c 1-100)"
    fi
  done
  wait "$pid" || status=$?
  trap - INT TERM
  [[ -t 1 ]] && printf '\r\033[K'
  if ((status == 0)); then
    say "ok $title ($(elapsed "$began"))"
  else
    say "FAILED $title ($(elapsed "$began")), status $status. End of ${log#"$root"/}:"
    # A compiler's first error matters more than the last lines.
    if grep -q '^FAILED:' "$log"; then
      grep -A 40 -m 1 '^FAILED:' "$log"
    else
      tail -n 40 "$log"
    fi
  fi
  return "$status"
}
