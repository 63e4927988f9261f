# Runs a throw-away PostgreSQL until standard input ends, which it does when the test process
# ends, however it ends; then stops what runs in its directory and removes that.
# Arguments: the directory of PostgreSQL's programs, a free port.
# A line of standard input is a command to run there: what it prints comes back, then its status.
set -eu
programs=$1 port=$2
umask 077
dir=$(mktemp -d /tmp/repairshop-postgres.XXXXXX)
finish() {
    for pid in "$dir"/*.pid; do
        [ ! -e "$pid" ] || kill -9 "$(cat "$pid")" 2>/dev/null || :
    done
    for data in "$dir"/*/postmaster.pid; do
        [ ! -e "$data" ] || "$programs/pg_ctl" stop -s -m immediate -D "${data%/*}" 2>/dev/null || :
    done
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

quietly() {
    "$@" >>"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
}

quietly "$programs/initdb" -D "$dir/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync
cat >>"$dir/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
max_connections = 200
fsync = off
full_page_writes = off
synchronous_commit = off
SETTINGS
# One role that needs its password; everybody else is trusted.
{ echo 'host all with_password all scram-sha-256'; cat "$dir/data/pg_hba.conf"; } >"$dir/hba"
mv "$dir/hba" "$dir/data/pg_hba.conf"
quietly "$programs/pg_ctl" start -w -D "$dir/data" -l "$dir/log"

echo ready
cd "$dir"
PATH=$programs:$PATH
while read -r command; do
    if (eval "$command") >"$dir/said" 2>&1 </dev/null; then status=0; else status=$?; fi
    cat "$dir/said"
    echo "status $status"
done
