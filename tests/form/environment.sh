#!/bin/sh
# Odd surroundings: closed descriptors, a full disk, a reader that goes away, no HOME, names with spaces, bad settings.
set -u
KALUA=$(realpath "$KALUA")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
unset KALSHI_ENV KALSHI_API_KEY_ID KALSHI_PRIVATE_KEY_PATH KALSHI_PRIVATE_KEY KALSHI_REST_URL KALSHI_WS_URL
failed=0

# expect CODE WHAT GOT [PATTERN]: the exit code, and a text in `err`.
expect() {
  if [ "$3" != "$1" ] || { [ $# -gt 3 ] && ! grep -q -e "$4" err; }; then
    echo "$2: exit code $3 instead of $1${4:+, expected \"$4\" in:}" >&2
    cat err >&2
    failed=1
  fi
}

echo 'print(require("kalua").name)' >s.lua
mkdir 'a folder'
cp s.lua 'a folder/my script.lua'

"$KALUA" --quiet s.lua <&- >out 2>err
expect 0 'closed input' $?
"$KALUA" --quiet s.lua 2>err >&-
expect 1 'closed output' $? 'cannot write to standard output'
"$KALUA" --quiet s.lua >out 2>&-
expect 0 'closed errors' $?
for command in '--quiet s.lua' '--help' '--version' 'run --help' 'api --list' 'api get_exchange_status'; do
  # shellcheck disable=SC2086
  "$KALUA" $command >/dev/full 2>err
  expect 1 "a full disk under $command" $? 'cannot write to standard output: No space'
done
"$KALUA" --log debug --log-file /dev/full s.lua >out 2>err
expect 0 'a full disk for the log' $? 'lines of the log are lost: /dev/full'
echo 'for i = 1, 1e5 do print(i) end' >long.lua
{
  "$KALUA" --quiet long.lua 2>err
  echo $? >code
} | head -n 1 >/dev/null
expect 1 'a reader that goes away' "$(cat code)"
[ -s err ] && expect '' 'a reader that goes away is no news' ''
env -i "$KALUA" --quiet s.lua >out 2>err
expect 0 'no environment' $?

"$KALUA" --quiet s.lua 'a folder/my script.lua' ./s.lua >out 2>err
expect 0 'names' $?
[ "$(sort out)" = "$(printf '%s\n' '[my script] my script' '[s-2] s-2' '[s] s' | sort)" ] || {
  echo "names of scripts: $(cat out)" >&2
  failed=1
}

# All scripts or none.
echo 'x = = 1' >wrong.lua
for wrong in wrong.lua none.lua; do
  "$KALUA" --quiet s.lua $wrong >out 2>err
  expect 1 "s.lua and $wrong" $? "$wrong"
  [ -s out ] && expect '' "s.lua ran although $wrong did not" ''
done

# A threshold counts whether or not the summary is printed.
echo 'require("kalua").expect{ errors = ">0" }' >strict.lua
for quiet in --quiet --log=info; do
  "$KALUA" $quiet strict.lua >out 2>err
  expect 5 "a missed threshold with $quiet" $? 'expected errors > 0, and it is 0'
done
grep -q '^  cash ' err || expect '' 'a summary without cash' ''

# Settings.
echo 'this is no setting' >.env
"$KALUA" --quiet s.lua >out 2>err
expect 3 'a bad .env' $? '.env: line 1'
echo 'KALSHI_ENV=production' >.env
"$KALUA" --quiet s.lua >out 2>err
expect 3 'an unknown environment' $? 'production'
printf 'KALSHI_REST_URL=http://127.0.0.1:1/trade-api/v2\nKALSHI_WS_URL=ws://127.0.0.1:1/trade-api/ws/v2\n' >.env
"$KALUA" demo --seconds 4 >out 2>err
expect 0 'the demo keeps to its own exchange' $? 'messages  [1-9]'
rm .env

# The real exchange is only ever "prod".
ws=ws://127.0.0.1:1/trade-api/ws/v2
for host in external-api.kalshi.com API.Kalshi.Com. kalshi.com:443; do
  "$KALUA" api get_markets --rest-url "https://$host/trade-api/v2" --ws-url $ws >out 2>err
  expect 3 "$host as sim" $? 'is the real exchange'
  "$KALUA" api get_markets --env demo --rest-url "https://$host/trade-api/v2" >out 2>err
  expect 3 "$host as demo" $? 'is the real exchange'
done
for url in nonsense ftp://127.0.0.1/ http://192.0.2.1/trade-api/v2 https://user:word@kalshi.com/trade-api/v2; do
  "$KALUA" api get_markets --rest-url $url --ws-url $ws >out 2>err
  expect 3 "$url" $? 'rest-url'
done

"$KALUA" doctor --rest-url http://127.0.0.1:1/trade-api/v2 --ws-url $ws >err 2>&1
expect 4 'doctor without an exchange' $? 'wrong REST: .*Connection refused'

# Mistakes on the command line are one line.
for command in 'api get_market' 'api get_markets limt=3' 'api GET markets' 'api get_markets limit=abc'; do
  # shellcheck disable=SC2086
  "$KALUA" $command >out 2>err
  expect 2 "$command" $? "see .kalua api --help"
  [ "$(wc -l <err)" = 1 ] || expect '' "$command: more than one line" ''
done
exit $failed
