# bash completion for kalua. Made by scripts/generate from docs/generate/templates/kalua.bash and `kalua help --json`; the
# operations, their parameters, triggers, channels and running scripts are asked of the installed binary.

_kalua_commands='@COMMANDS@'

# The options of a command, one a line.
_kalua_options() {
  local connecting=(
@CONNECTING@
  )
  case $1 in
@OPTIONS@
  esac
  printf '%s\n' --help
}

# Whether an option of the command takes a value.
_kalua_takes_value() {
  case "$1 $2" in
@VALUED@
    return 0
    ;;
  esac
  return 1
}

# What completes the value of the option before the word: false where it is none that takes a value.
_kalua_value() {
  _kalua_takes_value "$command" "$prev" || return 1
  case "$command $prev" in
@VALUES@
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
@WORDS@
  esac
}

complete -o filenames -o bashdefault -F _kalua kalua
