# fish completion for kalua. Made by scripts/generate from docs/generate/templates/kalua.fish and `kalua help --json`; the
# operations, their parameters, triggers, channels and running scripts are asked of the installed binary.

set -g __kalua_commands @COMMANDS@

function __kalua_command
    set -l words (commandline -opc)
    if set -q words[2]; and contains -- $words[2] $__kalua_commands
        echo $words[2]
    else
        echo run
    end
end

# Whether the command is one of these.
function __kalua_is
    contains -- (__kalua_command) $argv
end

# Whether an option of the command takes a value.
function __kalua_takes_value
    switch "$argv[1] $argv[2]"
@VALUED@
            return 0
    end
    return 1
end

# The first word of the command that is no option, nor the value of one.
function __kalua_first_word
    set -l command (__kalua_command)
    set -l skip 0
    for word in (commandline -opc)[3..-1]
        if test $skip = 1
            set skip 0
        else if __kalua_takes_value $command $word
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
            return
        end
    end
end

# A name, then name=value words of it, which `kalua COMMAND --complete NAME` lists.
function __kalua_named_words
    set -l first (__kalua_first_word)
    if test -z "$first"
        test (count $argv) = 1; or printf '%s\n' $argv[2..-1]
        kalua $argv[1] --list 2>/dev/null | string replace -r '^(\S+) +(.*)$' '$1\t$2'
    else
        kalua $argv[1] --complete $first 2>/dev/null
    end
end

# Channels, also behind a comma.
function __kalua_channels
    set -l before (commandline -ct | string match -r '.*,')
    kalua tail --list 2>/dev/null | string replace -r '^(\S+) +(.*)$' "$before"'$1\t$2'
end

function __kalua_tail_first
    __kalua_is tail; and test (count (commandline -opc)) = 2
end

function __kalua_codes
    kalua explain 2>/dev/null | string replace -rf '^  (\S+) +(.*)$' '$1\t$2'
end

complete -c kalua -f
complete -c kalua -n __fish_use_subcommand -k -a '(__fish_complete_suffix .lua)'
@SUBCOMMANDS@
@OPTIONS@
@WORDS@
