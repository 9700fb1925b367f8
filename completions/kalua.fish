# fish completion for kalua. The options are those that `kalua COMMAND --help` lists, the operations those of
# `kalua api --list`, so that they are always those of the installed binary.

set -g __kalua_commands run api book demo sim doctor test

function __kalua_command
    set -l words (commandline -opc)
    if set -q words[2]; and contains -- $words[2] $__kalua_commands
        echo $words[2]
    else
        echo run
    end
end

function __kalua_options
    kalua (__kalua_command) --help 2>/dev/null | string replace -rf '^  (--[a-z-]+)(?: \S+)? +(.*)$' '$1\t$2'
end

# Asking for the operations starts the embedded exchange: once per shell.
function __kalua_operations
    if not set -q __kalua_operation_names
        set -g __kalua_operation_names (kalua api --list --env sim 2>/dev/null | string replace -r ' .*' '')
    end
    printf '%s\n' GET POST PUT DELETE $__kalua_operation_names
end

function __kalua_previous_is
    contains -- (commandline -opc)[-1] $argv
end

complete -c kalua -f
complete -c kalua -n __fish_use_subcommand -a run -d 'run strategies or tools'
complete -c kalua -n __fish_use_subcommand -a api -d 'one REST call, JSON out'
complete -c kalua -n __fish_use_subcommand -a book -d 'one live book in the terminal'
complete -c kalua -n __fish_use_subcommand -a demo -d 'a strategy on the embedded exchange'
complete -c kalua -n __fish_use_subcommand -a sim -d 'the exchange simulator as a server of its own'
complete -c kalua -n __fish_use_subcommand -a doctor -d 'what is wrong with my set-up'
complete -c kalua -n __fish_use_subcommand -a test -d 'run script tests'
complete -c kalua -n 'contains -- (__kalua_command) run test' -k -a '(__fish_complete_suffix .lua)'
complete -c kalua -n 'test (__kalua_command) = api' -a '(__kalua_operations)'
complete -c kalua -n 'string match -q -- "-*" (commandline -ct)' -a '(__kalua_options)'
complete -c kalua -n '__kalua_previous_is --env' -a 'sim demo prod'
complete -c kalua -n '__kalua_previous_is --log' -a 'error warn info debug trace'
complete -c kalua -n '__kalua_previous_is --tier' -a 'basic advanced expert premier paragon prime prestige'
complete -c kalua -n '__kalua_previous_is --key --ca --log-file --allow-fs' -F
