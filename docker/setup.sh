#!/bin/sh
# Sets up .venv and the system libraries, once; a second run takes a moment. Usage: setup.sh runtime|development
set -eu
want=${1:-runtime}
venv=.venv
torch=2.13.0
room=5  # GB that a first installation takes, with what it downloads
# Where the CPU build of torch is, when the machine's own index does not offer one.
torch_index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}

say() { printf '%s\n' "$*"; }
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo "$@"
    else return 1; fi
}
apt_install() {  # packages; says in one line what is missing when it may not install
    command -v apt-get >/dev/null 2>&1 || { say "Please install: $*"; return 1; }
    say "Installing system packages: $*"
    as_root apt-get update -qq >/dev/null 2>&1 || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 \
        || { say "Please install as root: apt-get install -y $*"; return 1; }
}
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
choose_python() {  # the one that is named, else the first that is there and fits
    if [ -n "${PYTHON:-}" ]; then python=$PYTHON; fits "$python"; return; fi
    for python in python3 python3.11 python3.12 python3.13; do ! fits "$python" || return 0; done; return 1
}
has_library() { "$python" -c "import ctypes.util as c, sys; sys.exit(not c.find_library('$1'))" 2>/dev/null; }

if ! choose_python; then
    [ -n "${PYTHON:-}" ] || apt_install python3 python3-venv || true
    choose_python || { say "Python 3.11, 3.12 or 3.13 is needed, and ${PYTHON:-python3} is none. Set PYTHON=/path/to/python3.11"; exit 1; }
fi
"$python" -c 'import ensurepip' 2>/dev/null || apt_install python3-venv

missing=""
has_library pango-1.0 || missing="$missing libpango-1.0-0"
has_library pangoft2-1.0 || missing="$missing libpangoft2-1.0-0"
has_library harfbuzz-subset || missing="$missing libharfbuzz-subset0"
# shellcheck disable=SC2086
[ -z "$missing" ] || apt_install $missing || say "Without them everything works but the PDF of the report."
if [ "$want" = development ]; then
    tools=""
    command -v chromium >/dev/null 2>&1 || tools="$tools chromium"
    command -v qpdf >/dev/null 2>&1 || tools="$tools qpdf"
    command -v pdffonts >/dev/null 2>&1 || tools="$tools poppler-utils"
    # shellcheck disable=SC2086
    [ -z "$tools" ] || apt_install $tools
    servers=""
    command -v rg >/dev/null 2>&1 || servers="$servers ripgrep"
    [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1 || servers="$servers mariadb-server-core mariadb-client-core"
    # shellcheck disable=SC2086
    [ -z "$servers" ] || apt_install $servers || say "Without them the slow tests of MariaDB and the scan benchmark cannot run."
fi

# A compiled loop is kept until its own file changes; one that calls code of another file would go on with the old.
newest=$(find retrieval unlearning -name '*.py' -printf '%T@ %p\n' | sort -rn | head -n 1 | cut -d' ' -f2-)
find retrieval unlearning -name '*.nb[ic]' ! -newer "$newest" -delete || say "Compiled loops of an older version may remain: this account may not delete them."

# One that was cut off while it was made, or whose programs name the folder in which it stood before, is made anew.
stands_here() { "$venv/bin/python" -c 'import pip' 2>/dev/null && grep -qF "$(pwd -P)/$venv" $venv/pyvenv.cfg; }
enough_room() {  # said before anything is fetched, not by whatever breaks halfway
    free=$(df -Pk . 2>/dev/null | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "${free:-$room}" -ge $room ] \
        || { say "Not enough room on the disk of $(pwd): $free GB are free, about $room are needed. Make room and run this again."; return 1; }
}
stands_here || { rm -rf $venv; enough_room; "$python" -m venv $venv; }
lock=requirements.txt
[ "$want" = runtime ] || lock=requirements-dev.txt
stamp="$venv/.installed-$(cat $lock docker/setup.sh | sha256sum | cut -c1-16)"
[ ! -e "$stamp" ] || exit 0

say "Installing Python packages into $venv (a few minutes the first time)"
"$venv/bin/python" -m pip install -q --no-input "uv==0.13.8" 2>/dev/null || "$venv/bin/python" -m pip install -q --no-input uv
# torch first, alone, exact and without its dependency list: that list names gigabytes of CUDA packages.
if ! "$venv/bin/python" -c "import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != '$torch')" 2>/dev/null; then
    fetch() { "$venv/bin/python" -m pip install -q --no-input --no-deps --no-compile "$@"; }  # compiled when first used
    fetch "torch==$torch+cpu" 2>/dev/null || fetch --index-url "$torch_index" "torch==$torch+cpu" 2>/dev/null || fetch "torch==$torch"
fi
"$venv/bin/uv" pip install -q --python "$venv/bin/python" --require-hashes --no-deps -r $lock \
    || "$venv/bin/python" -m pip install -q --no-input --require-hashes --no-deps -r $lock
: > "$stamp"
