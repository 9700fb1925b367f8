# bash completion for kalua. The options are those that `kalua COMMAND --help` lists, the operations those of
# `kalua api --list`, their parameters those of `kalua api --complete OPERATION`, so that they are always those of the
# installed binary.

_kalua_options() {
  "$1" "$2" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_kalua_operations() {
  "$1" api --list 2>/dev/null | cut -d ' ' -f 1
}

# Names of running scripts that begin with the word; a name may have spaces, which compgen -W would split.
_kalua_running() {
  local name
  while IFS= read -r name; do
    [[ $name != "$cur"* ]] || printf '%s\n' "$name"
  done < <("$kalua" ps --names 2>/dev/null)
}

# Channels of `kalua tail`, also behind a comma.
_kalua_channels() {
  local before='' word=$cur
  [[ $word == *,* ]] && before=${word%,*}, word=${word##*,}
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$("$kalua" tail --list 2>/dev/null | cut -d ' ' -f 1)" -- "$word")
}

# The operation on the command line, and whether the word that is completed is it.
_kalua_operation_at() {
  local i word
  operation='' at_operation=1
  for ((i = 2; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
    --env | --log | --key | --ca | --log-file | --key-id | --rest-url | --ws-url | --seed | --markets | --speed | \
      --state | --faults | --rate | --audit | --mem | --cpu-ms | --max-* | --*-rate | --allow-* | --max | --jq) ((i++)) ;;
    -*) ;;
    *)
      operation=$word at_operation=0
      return
      ;;
    esac
  done
}

# Words of `kalua api`: an operation, then its parameters. The shell splits words at "=", so what stands before it is
# told by its neighbours.
_kalua_api() {
  local operation at_operation words name=''
  _kalua_operation_at
  if ((at_operation)); then
    mapfile -t COMPREPLY < <(compgen -W "GET POST PUT DELETE $(_kalua_operations "$kalua")" -- "$cur")
    return
  fi
  words=$("$kalua" api --complete "$operation" 2>/dev/null)
  if [[ $cur == = ]]; then
    name=$prev cur=''
  elif [[ $prev == = ]] && ((COMP_CWORD > 2)); then
    name=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if [[ $name ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(sed -n "s/^$name=//p" <<<"$words")" -- "$cur")
    ((${#COMPREPLY[@]})) || [[ $cur != @* ]] || mapfile -t COMPREPLY < <(compgen -P @ -f -- "${cur#@}")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$(grep '=$' <<<"$words")" -- "$cur")
  compopt -o nospace
}

# Words of `kalua trigger`: a kind, then its arguments.
_kalua_trigger() {
  local i kind='' words name='' word
  for ((i = 2; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
    --rest-url | --ca) ((i++)) ;;
    -*) ;;
    *)
      kind=$word
      break
      ;;
    esac
  done
  if [[ ! $kind ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$kalua" trigger --list 2>/dev/null | cut -d ' ' -f 1)" -- "$cur")
    return
  fi
  words=$("$kalua" trigger --complete "$kind" 2>/dev/null)
  if [[ $cur == = ]]; then
    name=$prev cur=''
  elif [[ $prev == = ]]; then
    name=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if [[ $name ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(sed -n "s/^$name=//p" <<<"$words")" -- "$cur")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$(grep '=$' <<<"$words")" -- "$cur")
  compopt -o nospace
}

_kalua() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} kalua=${COMP_WORDS[0]}
  local commands='run repl ps logs attach reload stop start shadow api book tail demo sim trigger doctor test' command=run i word
  COMPREPLY=()

  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == -- ]] && {
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
    }
    if ((i == 1)) && [[ " $commands " == *" $word "* ]]; then command=$word; fi
  done

  case $prev in
  --env) mapfile -t COMPREPLY < <(compgen -W 'sim demo prod' -- "$cur") && return ;;
  --log) mapfile -t COMPREPLY < <(compgen -W 'error warn info debug trace' -- "$cur") && return ;;
  --balance-precision) mapfile -t COMPREPLY < <(compgen -W '0.01 0.0001' -- "$cur") && return ;;
  --tier) mapfile -t COMPREPLY < <(compgen -W 'basic advanced expert premier paragon prime prestige' -- "$cur") && return ;;
  --key | --ca | --log-file | --state | --allow-fs) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
  --on-failure) mapfile -t COMPREPLY < <(compgen -W 'stop restart last-good' -- "$cur") && return ;;
  --shadow | --start | --break) mapfile -t COMPREPLY < <(compgen -f -X '!*.lua' -- "$cur") && return ;;
  --side) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$cur") && return ;;
  --allow-env) mapfile -t COMPREPLY < <(compgen -v -- "$cur") && return ;;
  --key-id | --rest-url | --ws-url | --seed | --markets | --speed | --rate | --mem | --cpu-ms | --max-* | --*-rate | --allow-net | \
    --faults | --levels | --seconds | --port | --users | --max | --jq | --shard | --user | --clock-skew | --read-lag | --history | \
    --region-expires | --post-only-throttle | --audit | --presign | --probation | --ws-connections | --ws-markets | --ws-commands | \
    --lines | -n | -e) return ;;
  esac

  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_kalua_options "$kalua" "$command") --version" -- "$cur")
    return
  fi
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(
      compgen -W "$commands" -- "$cur"
      compgen -f -X '!*.lua' -- "$cur"
      compgen -d -S / -- "$cur"
    )
    return
  fi
  case $command in
  run | test | repl)
    mapfile -t COMPREPLY < <(
      compgen -f -X '!*.lua' -- "$cur"
      compgen -d -S / -- "$cur"
    )
    ;;
  api) _kalua_api ;;
  tail) ((COMP_CWORD == 2)) && _kalua_channels ;;
  trigger) _kalua_trigger ;;
  logs | attach | reload | stop | start | shadow) mapfile -t COMPREPLY < <(_kalua_running) ;;
  esac
}

complete -o filenames -o bashdefault -F _kalua kalua
