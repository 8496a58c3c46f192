#!/usr/bin/env bash
# Cuts the power under a daemon that is written to, on a real file system, and looks at what is there afterwards.
#
#   sudo tests/faults/power_cuts.sh ext4|xfs|btrfs [CUTS] [MEMORYD]
#
# The file system lies on a loop device. A cut shuts ext4 and xfs down as they are, without another byte reaching the
# disk; the daemon then fails for a moment, as it would not in a real cut, and must not acknowledge anything any more.
# btrfs cannot be shut down, so there the daemon is killed and the disk goes on as a copy of what was written to it.
# Each time the daemon is made to believe that the computer has started anew.
#
# Four clients write and a person saves. What is acknowledged is noted outside of the file system. One cut in five comes
# while the daemon starts. Then, after a remount and a start: each acknowledged revision is in history, each file serves
# what was acknowledged last or what was sent after it, nothing is empty, git fsck and git status have nothing to say,
# and no lock stands. SEED in the environment picks the moments.
set -euo pipefail

usage='usage: power_cuts.sh ext4|xfs|btrfs [CUTS] [MEMORYD]'
kind=${1:?$usage}
cuts=${2:-100}
memoryd=$(realpath "${3:-"$(dirname "$0")/../../target/release/memoryd"}")
seed=${SEED:-1}

# The image grows with its history; after so many cuts a new one is begun.
cuts_an_image=25
clients=4

case $kind in
    ext4) make=(mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0) size=512M options=loop,commit=600 ;;
    xfs) make=(mkfs.xfs -q -f) size=512M options=loop ;;
    btrfs) make=(mkfs.btrfs -q -f) size=768M options=loop,commit=300 ;;
    *) echo "$usage" >&2 && exit 2 ;;
esac
for program in curl git unshare "${make[0]}" $([[ $kind == btrfs ]] || echo xfs_io); do
    command -v "$program" >/dev/null || { echo "install $program: e2fsprogs, xfsprogs or btrfs-progs" >&2 && exit 2; }
done
[[ $EUID -eq 0 ]] || { echo "only root can mount a file system" >&2 && exit 2; }
# Mounts of its own, which end with it.
if [[ ${POWER_CUTS_ALONE:-} != yes ]]; then
    POWER_CUTS_ALONE=yes exec unshare --mount --propagation private "$0" "$@"
fi

work=$(mktemp -d)
boot=/proc/sys/kernel/random/boot_id
image=$work/image mount=$work/mount acknowledged=$work/acknowledged
memory=$mount/memory
mkdir "$mount"
cat "$boot" >"$work/boot"
mount --bind "$work/boot" "$boot"
daemon= load=()
RANDOM=$seed

export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Pat GIT_AUTHOR_EMAIL=pat@example.com GIT_COMMITTER_NAME=Pat GIT_COMMITTER_EMAIL=pat@example.com

finish() {
    end_load
    umount "$mount" 2>/dev/null || umount -l "$mount" 2>/dev/null || true
    [[ ${keep:-} == yes ]] || rm -rf "$work"
}
trap finish EXIT

fail() {
    keep=yes
    echo "BAD: $kind, seed $seed, cut $cut: $*; see $work" >&2
    exit 1
}

end_load() {
    local process
    for process in $daemon "${load[@]}"; do
        kill -9 "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    daemon= load=()
}

begin() {
    rm -f "$image" && truncate -s "$size" "$image" && "${make[@]}" "$image" >/dev/null
    mount -t "$kind" -o "$options" "$image" "$mount"
    git init -q -b main "$memory"
    mkdir "$memory/shared" && echo 'saved never' >"$memory/shared/index.md"
    git -C "$memory" add -A && git -C "$memory" commit -q -m Start
    : >"$acknowledged"
    sync -f "$mount"
}

start() {
    : >"$work/said"
    "$memoryd" serve "$memory" --json --listen 127.0.0.1:0 >"$work/said" 2>>"$work/log" &
    daemon=$!
}

# Waits until the daemon says where it serves.
await_start() {
    local tries
    for ((tries = 0; tries < 3000; tries++)); do
        url=$(sed -n 's/.*"address":"\([^"]*\)".*/http:\/\/\1/p' "$work/said")
        [[ -z $url ]] || return 0
        kill -0 "$daemon" 2>/dev/null || fail "the daemon does not start: $(tail -3 "$work/log")"
        sleep 0.01
    done
    fail "the daemon does not start in time"
}

put() {
    curl -s -m 20 -X PUT -H 'x-memory-user: alice' -H 'content-type: text/plain' --data-binary "$2" "$url/v1/files/$1"
}

# Writes until it is ended, and notes revision, path and text of what was acknowledged.
client() {
    local number path text answer
    for ((number = 1; ; number++)); do
        path=user/log-$1-$((number % 5)).md text="cut $cut, client $1, write $number"
        answer=$(put "$path" "$text") || true
        if [[ $answer =~ \"revision\":\"([0-9a-f]{40})\" ]]; then
            echo "${BASH_REMATCH[1]} $path $text" >>"$acknowledged"
        fi
    done
}

person() {
    local number
    for ((number = 1; ; number++)); do
        echo "saved before cut $cut, $number" 2>/dev/null >"$memory/shared/index.md" || true
        sleep 0.$((RANDOM % 5))
    done
}

write_until_cut() {
    local number
    for ((number = 0; number < clients; number++)); do
        client "$number" 2>/dev/null &
        load+=($!)
    done
    person &
    load+=($!)
    sleep "$(printf '%d.%03d' $((RANDOM % 2)) $((RANDOM % 1000)))"
}

cut_power() {
    if [[ $kind == btrfs ]]; then
        end_load
        cp --sparse=always "$image" "$image.cut"
    else
        xfs_io -x -c shutdown "$mount"
        # Time to acknowledge what cannot be kept any more, which would be found.
        sleep 0.1
        end_load
    fi
    umount "$mount"
    [[ $kind != btrfs ]] || mv "$image.cut" "$image"
    mount -t "$kind" -o "$options" "$image" "$mount"
    cat /proc/sys/kernel/random/uuid >"$work/boot"
}

eventually() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 400; tries++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.05
    done
    fail "$what: still not so"
}

is_published() {
    local answer
    answer=$(put 'user/last.md?wait=published' "after cut $cut")
    [[ $answer == *'"published":true'* ]]
}

has_nothing_to_say() {
    [[ -z $(git -C "$memory" status --porcelain) ]]
}

has_no_lock() {
    [[ -z $(find "$memory/.git" -name '*.lock') ]]
}

# The newest text of each path: what was sent after the last acknowledgement may be there instead.
assert_served() {
    local path cut_of client_of number served
    while read -r path cut_of client_of number; do
        served=$(curl -s -m 20 -H 'x-memory-user: alice' "$url/v1/files/$path")
        if [[ ! $served =~ ^cut\ ([0-9]+),\ client\ $client_of,\ write\ ([0-9]+)$ ]]; then
            fail "$path is '$served' instead of write $number before cut $cut_of"
        fi
        ((BASH_REMATCH[1] > cut_of || BASH_REMATCH[1] == cut_of && BASH_REMATCH[2] >= number)) ||
            fail "$path is '$served', and write $number before cut $cut_of was acknowledged"
    done < <(sed -n 's/^[0-9a-f]* \([^ ]*\) cut \([0-9]*\), client \([0-9]*\), write \([0-9]*\)$/\1 \2 \3 \4/p' \
        "$acknowledged" | tac | sort -s -u -k1,1)
}

assert_whole() {
    local lost empty began=$EPOCHREALTIME
    start
    await_start
    took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
    slowest=$((took > slowest ? took : slowest))
    assert_served
    eventually "everything is published" is_published
    eventually "git status has nothing to say" has_nothing_to_say
    eventually "git fsck finds nothing wrong" git -C "$memory" fsck --strict --full
    eventually "no lock stands" has_no_lock
    lost=$(comm -23 <(cut -d' ' -f1 "$acknowledged" | sort) \
        <(git -C "$memory" rev-list main --glob='refs/memoryd/*' | sort))
    [[ -z $lost ]] || fail "lost: $lost"
    empty=$(git -C "$memory" ls-tree -r -l HEAD | awk '$4 == 0')
    [[ -z $empty ]] || fail "empty: $empty"
    [[ $(<"$memory/shared/index.md") == saved* ]] || fail "what was saved is $(<"$memory/shared/index.md")"
}

total=0 slowest=0 while_starting=0
for ((cut = 1; cut <= cuts; cut++)); do
    if (((cut - 1) % cuts_an_image == 0)); then
        end_load
        umount "$mount" 2>/dev/null || true
        [[ ! -e $acknowledged ]] || total=$((total + $(wc -l <"$acknowledged")))
        begin
        start
        await_start
    fi
    write_until_cut
    cut_power
    if ((RANDOM % 4 == 0)); then
        while_starting=$((while_starting + 1)) cut=$((cut + 1))
        start
        sleep "0.0$((RANDOM % 90 + 10))"
        cut_power
    fi
    assert_whole
done
total=$((total + $(wc -l <"$acknowledged")))
echo "$kind: $((cut - 1)) cuts, $while_starting of them while it started, $total writes acknowledged, none lost;" \
    "the slowest start $slowest ms"
