# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What --full lets watch the tests while they run once more: the sanitizers, each in a build of its own,
# and valgrind over the ordinary build. None is told to overlook anything.

watchers()
{
    echo sanitized thread-sanitized valgrind
}

# The compiler and meson's options, or nothing for the ordinary build.
watcher_build()
{
    case $1 in
        sanitized) echo clang -Db_sanitize=address,undefined -Db_lundef=false ;;
        thread-sanitized) echo clang -Db_sanitize=thread -Db_lundef=false ;;
    esac
}

# Meson's suites that it is worth watching; emulated, it would take too long.
watcher_suites()
{
    case $1 in
        sanitized) echo '^(unit|contract|concurrency|abi|gateway|netns|fault)$' ;;
        thread-sanitized) echo '^(unit|contract|concurrency|gateway|fault)$' ;;
        valgrind) echo '^(unit|contract|fault)$' ;;
    esac
}

# Tests that are left out. They take minutes under valgrind, or allocate in their own way; the sanitizers
# watch them all, but for a hunt through another process's memory, of which a sanitizer makes terabytes.
watcher_leaves_out()
{
    case $1/$2 in
        *sanitized/gateway/gateway-secrets) return 0 ;;
        valgrind/contract/contract-broken | valgrind/contract/hostile*) return 0 ;;
        valgrind/fault/step-faults | valgrind/fault/pair-faults) return 0 ;;
        valgrind/unit/replay-stateful | valgrind/unit/wireguard-simulation) return 0 ;;
        valgrind/unit/counts | valgrind/unit/scaling) return 0 ;;
    esac
    return 1
}

# What stands in front of each program, so that whatever was noticed makes it fail.
watcher_before()
{
    case $1 in
        sanitized)
            echo env ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
            ;;
        thread-sanitized)
            # ThreadSanitizer cannot live with every layout of the address space that Linux may choose.
            ! setarch -R true 2>/dev/null || echo -n 'setarch -R '
            echo env CK_TIMEOUT_MULTIPLIER=20 TSAN_OPTIONS=halt_on_error=1
            ;;
        valgrind)
            echo env CK_TIMEOUT_MULTIPLIER=60 valgrind --quiet --error-exitcode=99 --leak-check=full
            ;;
    esac
}
