# shellcheck shell=bash
# The checks behind `./dev lint`: each holds a rule of the house that no compiler holds.
# Sourced by ./dev. A check is silent and returns 0, or prints what is wrong and returns 1.

# lint_files PATTERN...: files of the tree that match, committed or about to be.
lint_files() { git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | existing; }
existing() {
  local file
  while IFS= read -r file; do [[ -f $file ]] && printf '%s\n' "$file"; done
  return 0
}

# forbid WHY REGEX FILE...: fails if a file has a line that matches.
forbid() {
  local why=$1 regex=$2 found
  shift 2
  (($# > 0)) || return 0
  found=$(grep -nHP -- "$regex" "$@" | cut -c 1-160) || return 0
  printf '%s\n' "$found"
  printf '  %s\n' "$why"
  return 1
}

# without REGEX: the files on stdin whose path does not match.
without() { grep -vE -- "$1" || true; }

lint_format() {
  local bad
  # shellcheck disable=SC2016 # Expanded by the inner shell.
  bad=$(lint_files '*.cc' '*.h' '*.proto' | xargs -r -d '\n' -n 8 -P "$(nproc)" \
    bash -c 'for file; do clang-format "$file" | cmp -s - "$file" || echo "$file"; done' format)
  [[ -z $bad ]] && return 0
  sort <<<"$bad"
  say "  not in the house format: ./dev fmt"
  return 1
}

lint_scripts() {
  local files
  mapfile -t files < <(lint_files | without '\.(cc|h|proto|md|sql|json|txt|ya?ml)$' |
    xargs -r -d '\n' grep -lE -m 1 '^#!.*\b(ba)?sh$')
  shellcheck --external-sources --check-sourced "${files[@]}"
}

# Arrows point one way: domain knows neither wire, nor database, nor metrics.
lint_layers() {
  local files status=0
  mapfile -t files < <(lint_files '*/domain/*.cc' '*/domain/*.h')
  forbid 'domain is plain C++: std, Abseil, platform/status, platform/resource' \
    '#include [<"](grpcpp/|grpc/|cppconn/|prometheus/|.*\.pb\.h)' "${files[@]}" || status=1
  mapfile -t files < <(lint_files '*/store/*.cc' '*/store/*.h')
  forbid 'a store does not know the wire' '#include [<"]grpcpp/' "${files[@]}" || status=1
  mapfile -t files < <(lint_files '*.cc' '*.h' | without '^platform/db/|_test\.cc$|^tests/')
  forbid 'only platform/db talks to the driver' '#include [<"](cppconn|mysql)/' "${files[@]}" ||
    status=1
  return "$status"
}

# Every error a client can see has its one place. Accidents (Internal, DataLoss, Unavailable, ...)
# carry no reason, and the runner answers them with a text of its own: they may arise anywhere.
lint_errors() {
  local files kinds status=0
  kinds='NotFound|InvalidArgument|AlreadyExists|FailedPrecondition|Aborted|OutOfRange'
  kinds+='|PermissionDenied|Unauthenticated|ResourceExhausted|Unimplemented'
  mapfile -t files < <(lint_files '*-svc/*.cc' '*-svc/*.h' |
    without '/domain/errors\.(cc|h)$|/main\.cc$|_test\.cc$')
  forbid 'client-visible errors are built in domain/errors.cc only' \
    "absl::($kinds)Error\\(" "${files[@]}" || status=1
  # Besides the driver, two libraries throw: the admin port's web server and the flag parser.
  mapfile -t files < <(lint_files '*.cc' '*.h' |
    without '^platform/db/|^platform/rpc/(admin_server|host)\.cc$|^cli/main\.cc$|_test\.cc$')
  forbid 'exceptions are caught where a library throws them; no other folder says try' \
    '^\s*(\}?\s*)try\s*\{' "${files[@]}" || status=1
  return "$status"
}

# SQL stays in what MySQL 8 and MariaDB share, and pages by key.
lint_sql() {
  local files status=0
  mapfile -t files < <(lint_files '*.sql' '*/store/*.cc' 'platform/*.cc' | without '_test\.cc$')
  forbid 'not portable between MySQL 8 and MariaDB, or not for services' \
    '\b(SKIP LOCKED|GET_LOCK|RETURNING|LATERAL|FOREIGN KEY|CREATE (OR REPLACE )?(TRIGGER|PROCEDURE|SEQUENCE))\b' \
    "${files[@]}" || status=1
  forbid 'page by key, never by OFFSET' '\bOFFSET (\?|[0-9])' "${files[@]}" || status=1
  forbid 'list the columns' 'SELECT \*' "${files[@]}" || status=1
  return "$status"
}

lint_text() {
  local files status=0
  mapfile -t files < <(lint_files | without '\.(png|svg|ico)$|package-lock\.json$')
  forbid 'a path of one machine' '(?<![\w.\-}])/(work|root|farm|home)/' "${files[@]}" || status=1
  mapfile -t files < <(lint_files '*.cc' '*.h' '*.proto' '*.sql' '*.sh' '*.py' '*.js' 'dev')
  forbid 'an open end carries the number of its issue' '\b(TOD[O](?!\(#\d+\):)|FIXM[E]|XX[X])\b' \
    "${files[@]}" || status=1
  mapfile -t files < <(lint_files '*_test.cc' 'tests/*.cc')
  forbid 'a test runs or fails; it is never skipped' '\bGTEST_SKIP\b|\bDISABLED_' "${files[@]}" ||
    status=1
  return "$status"
}

# A source that no CMakeLists.txt names is not built, and a test not run.
lint_listed() {
  local file dir status=0
  while IFS= read -r file; do
    dir=$(dirname "$file")
    while [[ ! -f $dir/CMakeLists.txt && $dir != . ]]; do dir=$(dirname "$dir"); done
    grep -qF -- "$(basename "$file" .cc)" "$dir/CMakeLists.txt" CMakeLists.txt && continue
    say "$file is in no CMakeLists.txt"
    status=1
  done < <(lint_files '*.cc' | without '^cmake/')
  return "$status"
}

# Each proto compiles, and its folder is its package.
lint_protos() {
  local files file package status=0
  mapfile -t files < <(lint_files 'protos/*.proto')
  ((${#files[@]} > 0)) || return 0
  protoc -I protos -I /usr/share/gocode/src/github.com/gogo/googleapis \
    --descriptor_set_out=/dev/null --include_imports "${files[@]}" || status=1
  for file in "${files[@]}"; do
    package=$(dirname "${file#protos/}")
    grep -qxF "package ${package//\//.};" "$file" && continue
    say "$file: the folder says package ${package//\//.};"
    status=1
  done
  return "$status"
}

lint_documents() {
  local files
  mapfile -t files < <(lint_files '*.json' '*.yaml' '*.yml' '*.md' | without 'package-lock\.json$')
  python3 - "${files[@]}" <<'END'
import json, os, re, sys
import yaml
bad = []
for path in sys.argv[1:]:
    text = open(path, encoding="utf-8").read()
    try:
        if path.endswith(".json"):
            json.loads(text)
        elif not path.endswith(".md"):
            list(yaml.safe_load_all(text))
    except ValueError as error:
        bad.append(f"{path}: {error}")
    except yaml.YAMLError as error:
        bad.append(f"{path}: {error}")
    if path.endswith(".md"):
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not os.path.exists(os.path.join(os.path.dirname(path), target)):
                bad.append(f"{path}: the link to {target} leads nowhere")
print("\n".join(bad), end="\n" if bad else "")
sys.exit(bool(bad))
END
}

lint_all() {
  local check status=0 began out
  # Without git there would be no files, and every check content.
  [[ -n $(lint_files dev) ]] || die "lint asks git which files are ours, and git does not answer here"
  for check in format scripts layers errors sql text listed protos documents; do
    began=$EPOCHREALTIME
    if out=$("lint_$check" 2>&1); then
      say "ok lint $check ($(elapsed "$began"))${out:+: $out}"
    else
      say "FAILED lint $check:"
      printf '%s\n' "$out"
      status=1
    fi
  done
  return "$status"
}
