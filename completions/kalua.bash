# bash completion for kalua. Made by scripts/generate from docs/generate/templates/kalua.bash and `kalua help --json`; the
# operations, their parameters, triggers, channels and running scripts are asked of the installed binary.

_kalua_commands='run new test repl demo book tail api ps logs attach reload shadow stop start kill sim trigger doctor explain help'

# The options of a command, one a line.
_kalua_options() {
  local connecting=(
    --env --key-id --key --rest-url --ws-url --ca --audit --live --paper --paper-latency --paper-balance --risk
    --order-groups --lease --order-rate --presign --orders-sync --state --no-watch --log --log-json --log-file
    --log-rate --allow-fs --allow-net --allow-env --allow-run --allow-all --mem --cpu-ms --max-tasks --max-timers
    --max-sockets --max-handles --max-queued --max-store --seed --markets --speed --rate --tier --faults
  )
  case $1 in
  run) printf '%s\n' --quiet --resume --on-failure --probation --shadow --break --metrics --web "${connecting[@]}" ;;
  new) printf '%s\n' --template --force ;;
  test) printf '%s\n' --filter --list --fail-fast --shuffle --limit --tap --json --junit --coverage --coverage-lcov "${connecting[@]}" ;;
  repl) printf '%s\n' -e --json --keep-going "${connecting[@]}" ;;
  demo) printf '%s\n' --seconds --seed ;;
  book) printf '%s\n' --json --levels --side --orders --once --seconds "${connecting[@]}" ;;
  tail) printf '%s\n' --list --raw --initial --max --seconds --shard --self "${connecting[@]}" ;;
  api) printf '%s\n' --list --all --max --jq --json "${connecting[@]}" ;;
  ps) printf '%s\n' --json --names ;;
  logs) printf '%s\n' --follow --lines --json ;;
  attach) printf '%s\n' -e --json --arm --keep-going --log ;;
  shadow) printf '%s\n' --lines --json --start --promote --stop ;;
  stop) printf '%s\n' --now ;;
  start) printf '%s\n' --resume ;;
  kill) printf '%s\n' --release "${connecting[@]}" ;;
  sim) printf '%s\n' --port --seed --markets --speed --rate --users --tier --faults --balance-precision --state --tls --quiet-market --post-only-throttle --maintenance --json --log --user --clock-skew --read-lag --history --region-expires --fcm --fcm-fix-only --ws-connections --ws-markets --ws-commands ;;
  trigger) printf '%s\n' --rest-url --ca --json --list ;;
  doctor) printf '%s\n' --json "${connecting[@]}" ;;
  explain) printf '%s\n' --json ;;
  help) printf '%s\n' --json ;;
  esac
  printf '%s\n' --help
}

# Whether an option of the command takes a value.
_kalua_takes_value() {
  case "$1 $2" in
  'run --on-failure' | 'run --probation' | 'run --shadow' | 'run --break' | 'run --metrics' | 'run --web' | \
  'new --template' | 'test --filter' | 'test --shuffle' | 'test --limit' | 'test --junit' | 'test --coverage-lcov' | \
  'repl -e' | 'demo --seconds' | 'demo --seed' | 'book --levels' | 'book --side' | 'book --seconds' | 'tail --max' | \
  'tail --seconds' | 'tail --shard' | 'api --max' | 'api --jq' | 'logs --lines' | 'logs -n' | 'attach -e' | \
  'attach --log' | 'shadow --lines' | 'shadow --start' | 'sim --port' | 'sim --seed' | 'sim --markets' | \
  'sim --speed' | 'sim --rate' | 'sim --users' | 'sim --tier' | 'sim --faults' | 'sim --balance-precision' | \
  'sim --state' | 'sim --post-only-throttle' | 'sim --log' | 'sim --user' | 'sim --clock-skew' | 'sim --read-lag' | \
  'sim --history' | 'sim --region-expires' | 'sim --ws-connections' | 'sim --ws-markets' | 'sim --ws-commands' | \
  'trigger --rest-url' | 'trigger --ca' | *' --env' | *' --key-id' | *' --key' | *' --rest-url' | *' --ws-url' | \
  *' --ca' | *' --audit' | *' --paper-latency' | *' --paper-balance' | *' --risk' | *' --order-groups' | \
  *' --lease' | *' --order-rate' | *' --presign' | *' --state' | *' --log' | *' --log-file' | *' --log-rate' | \
  *' --allow-fs' | *' --allow-net' | *' --allow-env' | *' --mem' | *' --cpu-ms' | *' --max-tasks' | \
  *' --max-timers' | *' --max-sockets' | *' --max-handles' | *' --max-queued' | *' --max-store' | *' --seed' | \
  *' --markets' | *' --speed' | *' --rate' | *' --tier' | *' --faults')
    return 0
    ;;
  esac
  return 1
}

# What completes the value of the option before the word: false where it is none that takes a value.
_kalua_value() {
  _kalua_takes_value "$command" "$prev" || return 1
  case "$command $prev" in
  'run --on-failure')
    _kalua_words 'stop restart last-good'
    ;;
  'run --shadow' | 'run --break' | 'shadow --start')
    _kalua_scripts
    ;;
  'new --template')
    _kalua_words 'market_maker taker blank'
    ;;
  'test --junit' | 'test --coverage-lcov' | 'sim --state' | 'trigger --ca')
    _kalua_files
    ;;
  'book --side')
    _kalua_words 'yes no'
    ;;
  'attach --log' | 'sim --log')
    _kalua_words 'error warn info debug trace'
    ;;
  'sim --tier')
    _kalua_words 'basic advanced expert premier paragon prime prestige'
    ;;
  'sim --balance-precision')
    _kalua_words '0.01 0.0001'
    ;;
  *' --env')
    _kalua_words 'sim demo prod'
    ;;
  *' --key' | *' --ca' | *' --state' | *' --log-file' | *' --allow-fs')
    _kalua_files
    ;;
  *' --risk')
    compopt -o nospace
    _kalua_words 'max_order_count= max_order_cost= max_position= max_market_exposure= max_event_exposure= max_exposure= max_market_share= max_open_orders= max_orders_per_second= max_contracts_per_second= max_daily_loss= max_daily_trades= min_balance= max_price_distance= max_book_age= max_clock_skew= self_cross='
    ;;
  *' --log')
    _kalua_words 'error warn info debug trace'
    ;;
  *' --allow-env')
    _kalua_variables
    ;;
  *' --tier')
    _kalua_words 'basic advanced expert premier paragon prime prestige'
    ;;
  esac
  return 0
}

_kalua_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_kalua_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_kalua_folders() {
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_kalua_variables() {
  mapfile -t COMPREPLY < <(compgen -v -- "$cur")
}

_kalua_scripts() {
  mapfile -t COMPREPLY < <(
    compgen -f -X '!*.lua' -- "$cur"
    compgen -d -S / -- "$cur"
  )
}

# Names of running scripts that begin with the word; a name may have spaces, which compgen -W would split.
_kalua_running() {
  local name
  mapfile -t COMPREPLY < <(
    while IFS= read -r name; do
      [[ $name != "$cur"* ]] || printf '%s\n' "$name"
    done < <("$kalua" ps --names 2>/dev/null)
  )
}

# Channels of `kalua tail`, also behind a comma.
_kalua_channels() {
  ((COMP_CWORD == 2)) || return
  local before='' word=$cur
  [[ $word == *,* ]] && before=${word%,*}, word=${word##*,}
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$("$kalua" tail --list 2>/dev/null | cut -d ' ' -f 1)" -- "$word")
}

_kalua_codes() {
  _kalua_words "$("$kalua" explain 2>/dev/null | sed -n 's/^  \([^ ]*\).*/\1/p')"
}

# The first word of the command that is no option, nor the value of one, before the word that is completed.
_kalua_first_word() {
  local i word
  first=''
  for ((i = 2; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if _kalua_takes_value "$command" "$word"; then
      ((i++))
    elif [[ $word != -* ]]; then
      first=$word
      return
    fi
  done
}

# A name, then name=value words of it, which `kalua COMMAND --complete NAME` lists. The shell splits words at "=", so what
# stands before it is told by its neighbours.
_kalua_named_words() {
  local first words name=''
  _kalua_first_word
  if [[ ! $first ]]; then
    _kalua_words "$2 $("$kalua" "$1" --list 2>/dev/null | cut -d ' ' -f 1)"
    return
  fi
  words=$("$kalua" "$1" --complete "$first" 2>/dev/null)
  if [[ $cur == = ]]; then
    name=$prev cur=''
  elif [[ $prev == = ]] && ((COMP_CWORD > 2)); then
    name=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if [[ $name ]]; then
    _kalua_words "$(sed -n "s/^$name=//p" <<<"$words")"
    ((${#COMPREPLY[@]})) || [[ $cur != @* ]] || mapfile -t COMPREPLY < <(compgen -P @ -f -- "${cur#@}")
    return
  fi
  _kalua_words "$(grep '=$' <<<"$words")"
  compopt -o nospace
}

_kalua() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} kalua=${COMP_WORDS[0]}
  local command=run i
  COMPREPLY=()

  if ((COMP_CWORD > 1)) && [[ " $_kalua_commands " == *" ${COMP_WORDS[1]} "* ]]; then command=${COMP_WORDS[1]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} != -- ]] || {
      _kalua_files
      return
    }
  done

  _kalua_value && return
  if [[ $cur == -* ]]; then
    _kalua_words "$(_kalua_options "$command") --version"
    return
  fi
  if ((COMP_CWORD == 1)); then
    _kalua_scripts
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$_kalua_commands" -- "$cur")
    return
  fi
  case $command in
  run | test | repl) _kalua_scripts ;;
  new) _kalua_folders ;;
  tail) _kalua_channels ;;
  api) _kalua_named_words api 'GET POST PUT DELETE' ;;
  logs | attach | reload | shadow | stop | start) _kalua_running ;;
  trigger) _kalua_named_words trigger '' ;;
  explain) _kalua_codes ;;
  help) _kalua_words "$_kalua_commands options exit-codes" ;;
  esac
}

complete -o filenames -o bashdefault -F _kalua kalua
