#!/bin/sh
# Changes the code one piece at a time and asks whether a test notices (mutmut): clocks, grounds, the mandatory parts of
# letters, verification. Works in a copy, so the checkout is never touched. Usage: sh tests/mutation.sh [AREA ...]
# Exit 1 when fewer than 95 of 100 changes are noticed in an area. CHILDREN (2) says how many run at once.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
areas=${*:-clocks letters grounds verification}
status=0
for area in $areas; do
  case $area in
    clocks)
      only='compliance/rules/calendars.py compliance/rules/deadlines.py compliance/rules/jurisdictions/*.py'
      tests='tests/rules/test_clock_words.py tests/rules/test_deadlines.py tests/rules/test_deadlines_oracle.py' ;;
    letters)
      only='compliance/evidence/letters.py'
      tests='tests/evidence/test_letters.py' ;;
    grounds)
      only='compliance/intake/reasons.py compliance/intake/standing.py compliance/intake/clocks.py'
      tests='tests/intake/test_grounds.py' ;;
    verification)
      only='compliance/intake/verification.py'
      tests='tests/intake/test_verification.py' ;;
    *) echo "no such area: $area (clocks, letters, grounds, verification)" >&2; exit 2 ;;
  esac
  copy=$work/$area
  mkdir -p "$copy"
  cp -R "$root/compliance" "$root/retrieval" "$root/unlearning" "$root/templates" "$root/tests" "$root/manage.py" "$copy"
  find "$copy" -name __pycache__ -prune -exec rm -rf {} +
  {
    echo '[tool:pytest]'
    echo 'DJANGO_SETTINGS_MODULE = compliance.settings'
    printf 'markers =\n  slow: slow\n  services: services\n  journey: journey\n'
    echo '[mutmut]'
    echo 'source_paths = compliance'
    printf 'only_mutate ='; for path in $only; do printf '\n  %s' "$path"; done; echo
    printf 'also_copy =\n  retrieval\n  unlearning\n  templates\n  manage.py\n'
    printf 'pytest_add_cli_args =\n  -p\n  no:cacheprovider\n  -p\n  no:randomly\n  --hypothesis-seed=0\n'
    printf '  --nomigrations\n  -m\n  not slow\n'
    printf 'pytest_add_cli_args_test_selection ='; for path in $tests; do printf '\n  %s' "$path"; done; echo
    echo 'use_git_change_detection = false'
    echo 'timeout_constant = 20'
  } > "$copy/setup.cfg"
  (cd "$copy" && OUBLI_VAR="$copy/var" "$python" -m mutmut run --max-children "${CHILDREN:-2}") > "$work/$area.log" 2>&1 \
    || { tail -30 "$work/$area.log" >&2; echo "mutation $area: mutmut did not run" >&2; status=1; continue; }
  "$python" "$root/tests/mutants.py" "$area" "$copy" || status=1
done
exit $status
