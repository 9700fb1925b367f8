#!/bin/sh
# Completion of the operations of `kalua api`, their parameters and values, in bash and, where they are there, fish.
set -u
PATH=$(dirname "$KALUA"):$PATH
export PATH
failed=0

# has WHAT GOT WANTED...: every wanted word is a line of what came.
has() {
  what=$1 got=$2
  shift 2
  for word in "$@"; do
    printf '%s\n' "$got" | grep -qxF -e "$word" || {
      echo "$what: no $word in: $got" >&2
      failed=1
    }
  done
}

# The words as bash splits them, the last one being completed.
in_bash() {
  bash -c '. completions/kalua.bash
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_kalua
printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}
has 'bash, operation' "$(in_bash kalua api get_marke)" get_markets get_market get_market_orderbook
has 'bash, parameter' "$(in_bash kalua api get_markets st)" status=
has 'bash, after an option' "$(in_bash kalua api --env demo get_markets li)" limit=
has 'bash, values' "$(in_bash kalua api get_markets status =)" open closed settled
has 'bash, value' "$(in_bash kalua api get_markets status = o)" open
has 'bash, boolean' "$(in_bash kalua api get_event X with_nested_markets = '')" true false
has 'bash, superseded' "$(in_bash kalua api legacy.create_order si)" side=
has 'bash, JSON' "$(in_bash kalua api batch_create_orders or)" orders:=
has 'bash, file' "$(in_bash kalua api batch_create_orders orders : = @README)" @README.md
has 'bash, option' "$(in_bash kalua api get_markets --j)" --jq --json
has 'bash, channel' "$(in_bash kalua tail '')" ticker orderbook_delta kalshi.status
has 'bash, second channel' "$(in_bash kalua tail ticker,tr)" ticker,trade
has 'bash, kind of trigger' "$(in_bash kalua trigger se)" settle
has 'bash, its argument' "$(in_bash kalua trigger settle ma)" market=
has 'bash, its value' "$(in_bash kalua trigger quote side = '')" bid ask
has 'bash, side' "$(in_bash kalua book X --side '')" yes no
XDG_RUNTIME_DIR=$(mktemp -d)
export XDG_RUNTIME_DIR
echo 'require("task").sleep(60)' >"$XDG_RUNTIME_DIR/my maker.lua"
"$KALUA" --quiet "$XDG_RUNTIME_DIR/my maker.lua" &
maker=$!
tries=0
while [ -z "$("$KALUA" ps --names)" ] && [ $tries -lt 100 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
has 'bash, running script' "$(in_bash kalua stop my)" 'my maker'
has 'bash, a prompt in it' "$(in_bash kalua attach my)" 'my maker'
has 'bash, after another one' "$(in_bash kalua reload x '')" 'my maker'
if command -v fish >/dev/null 2>&1; then
  has 'fish, running script' "$(fish --no-config -c 'source completions/kalua.fish; complete -C "kalua logs my"')" 'my maker'
fi
"$KALUA" stop --now 'my maker' >/dev/null || failed=1
wait $maker
rm -rf "$XDG_RUNTIME_DIR"
[ "$(in_bash kalua api get_markets status = o)" = open ] || {
  echo 'bash: more than the value that fits' >&2
  failed=1
}

if command -v fish >/dev/null 2>&1; then
  in_fish() { fish --no-config -c "source completions/kalua.fish; complete -C '$1'" | cut -f 1; }
  has 'fish, operation' "$(in_fish 'kalua api get_marke')" get_markets get_market
  has 'fish, parameter' "$(in_fish 'kalua api --env demo get_markets st')" status= status=open
  has 'fish, trigger' "$(in_fish 'kalua trigger settle re')" result=
  has 'fish, channel' "$(in_fish 'kalua tail ti')" ticker
  has 'fish, second channel' "$(in_fish 'kalua tail ticker,tr')" ticker,trade
fi
if command -v zsh >/dev/null 2>&1; then zsh -n completions/_kalua || failed=1; fi
exit $failed
