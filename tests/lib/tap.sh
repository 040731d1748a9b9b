# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For suites written in shell: source it, call these, end with "finish".

tap_failed=0
source_root=${SUBWG_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}

ok()
{
    printf 'ok %s\n' "$*"
}

# not_ok NAME [DETAILS]; the details may have many lines.
not_ok()
{
    printf 'not ok %s\n' "$1"
    [[ -z ${2:-} ]] || printf '%s\n' "$2" | sed 's/^/#   /'
    tap_failed=1
}

skip()
{
    printf 'skip %s: %s\n' "$1" "$2"
}

# try NAME COMMAND...: passes if the command does; its output is shown only otherwise.
try()
{
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        ok "$name"
    else
        not_ok "$name" "${output:-(no output)}"
    fi
}

# empty NAME TEXT: passes if the text, a list of complaints, is empty.
empty()
{
    if [[ -z $2 ]]; then
        ok "$1"
    else
        not_ok "$1" "$2"
    fi
}

# The project's own files below a root, as paths relative to it: tracked ones and new ones that are
# not ignored. Where there is no git, all but build folders.
source_files()
{
    local root=${1:-$source_root}
    if git -C "$root" -c safe.directory='*' rev-parse --show-toplevel 2>/dev/null | grep -qxF "$root"; then
        git -C "$root" -c safe.directory='*' ls-files -co --exclude-standard
    else
        (cd "$root" && find . \( -name .git -o -name 'build*' \) -prune -o -type f -printf '%P\n')
    fi | sort | while read -r file; do
        [[ ! -f $root/$file ]] || echo "$file"
    done
}

finish()
{
    exit "$tap_failed"
}
