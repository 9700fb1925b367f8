# bash completion for kalua. The options are those that `kalua COMMAND --help` lists, the operations those of
# `kalua api --list`, so that they are always those of the installed binary.

_kalua_options() {
  "$1" "$2" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

# Asking for the operations starts the embedded exchange: once per shell.
_kalua_operations() {
  if [[ -z ${_kalua_operation_names-} ]]; then
    _kalua_operation_names=$("$1" api --list --env sim 2>/dev/null | cut -d ' ' -f 1)
  fi
  printf '%s\n' "$_kalua_operation_names"
}

_kalua() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} kalua=${COMP_WORDS[0]}
  local commands='run api book demo sim doctor test' command=run i word
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
  --tier) mapfile -t COMPREPLY < <(compgen -W 'basic advanced expert premier paragon prime prestige' -- "$cur") && return ;;
  --key | --ca | --log-file | --allow-fs) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
  --allow-env) mapfile -t COMPREPLY < <(compgen -v -- "$cur") && return ;;
  --key-id | --rest-url | --ws-url | --seed | --markets | --speed | --rate | --mem | --cpu-ms | --allow-net | \
    --levels | --seconds | --port | --users) return ;;
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
  run | test)
    mapfile -t COMPREPLY < <(
      compgen -f -X '!*.lua' -- "$cur"
      compgen -d -S / -- "$cur"
    )
    ;;
  api) mapfile -t COMPREPLY < <(compgen -W "GET POST PUT DELETE $(_kalua_operations "$kalua")" -- "$cur") ;;
  esac
}

complete -o filenames -o bashdefault -F _kalua kalua
