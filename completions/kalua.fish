# fish completion for kalua. The options are those that `kalua COMMAND --help` lists, the operations those of
# `kalua api --list`, their parameters those of `kalua api --complete OPERATION`, so that they are always those of the
# installed binary.

set -g __kalua_commands run repl ps logs attach reload stop start shadow api book tail demo sim trigger doctor test

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

# The operation on the command line; nothing while it is not there.
function __kalua_operation
    set -l words (commandline -opc)
    set -l skip 0
    for word in $words[3..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --env --log --key --ca --log-file --key-id --rest-url --ws-url --seed --markets --speed --faults --rate --mem \
                    --state --cpu-ms '--max-*' '--*-rate' --allow-fs --allow-net --allow-env --max --jq
                set skip 1
            case '-*'
            case '*'
                echo $word
                return
        end
    end
end

# An operation, then its parameters: name= and, where the values are known, name=value.
function __kalua_api
    set -l operation (__kalua_operation)
    if test -z "$operation"
        printf '%s\n' GET POST PUT DELETE (kalua api --list 2>/dev/null | string replace -r ' .*' '')
    else
        kalua api --complete $operation 2>/dev/null
    end
end

# A kind of trigger, then its arguments.
function __kalua_trigger
    set -l kind
    set -l skip 0
    for word in (commandline -opc)[3..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --rest-url --ca
                set skip 1
            case '-*'
            case '*'
                set kind $word
                break
        end
    end
    if test -z "$kind"
        kalua trigger --list 2>/dev/null | string replace -r '^(\S+) +(.*)$' '$1\t$2'
    else
        kalua trigger --complete $kind 2>/dev/null
    end
end

# Channels, also behind a comma.
function __kalua_channels
    set -l before (commandline -ct | string match -r '.*,')
    kalua tail --list 2>/dev/null | string replace -r '^(\S+) +(.*)$' "$before"'$1\t$2'
end

function __kalua_tail_first
    test (__kalua_command) = tail; and test (count (commandline -opc)) = 2
end

function __kalua_previous_is
    contains -- (commandline -opc)[-1] $argv
end

complete -c kalua -f
complete -c kalua -n __fish_use_subcommand -a run -d 'run strategies or tools'
complete -c kalua -n __fish_use_subcommand -a repl -d 'a prompt at the exchange, or inside a script'
complete -c kalua -n __fish_use_subcommand -a ps -d 'the running scripts of this user'
complete -c kalua -n __fish_use_subcommand -a logs -d 'the last lines of running scripts'
complete -c kalua -n __fish_use_subcommand -a attach -d 'a prompt inside a running script'
complete -c kalua -n __fish_use_subcommand -a reload -d 'start the source of a running script as it is now'
complete -c kalua -n __fish_use_subcommand -a stop -d 'end a running script'
complete -c kalua -n __fish_use_subcommand -a start -d 'start one anew that has ended'
complete -c kalua -n __fish_use_subcommand -a shadow -d 'where a new version beside a running script differs'
complete -c kalua -n __fish_use_subcommand -a api -d 'one REST call, JSON out'
complete -c kalua -n __fish_use_subcommand -a book -d 'one live book in the terminal'
complete -c kalua -n __fish_use_subcommand -a tail -d 'a stream as one JSON object per line'
complete -c kalua -n __fish_use_subcommand -a demo -d 'a strategy on the embedded exchange'
complete -c kalua -n __fish_use_subcommand -a sim -d 'the exchange simulator as a server of its own'
complete -c kalua -n __fish_use_subcommand -a trigger -d 'make something happen in a simulator'
complete -c kalua -n __fish_use_subcommand -a doctor -d 'what is wrong with my set-up'
complete -c kalua -n __fish_use_subcommand -a test -d 'run script tests'
complete -c kalua -n 'contains -- (__kalua_command) run test repl' -k -a '(__fish_complete_suffix .lua)'
complete -c kalua -n 'test (__kalua_command) = api' -a '(__kalua_api)'
complete -c kalua -n 'test (__kalua_command) = trigger' -a '(__kalua_trigger)'
complete -c kalua -n 'contains -- (__kalua_command) logs attach reload stop start shadow' -a '(kalua ps --names 2>/dev/null)'
complete -c kalua -n __kalua_tail_first -a '(__kalua_channels)'
complete -c kalua -n 'string match -q -- "-*" (commandline -ct)' -a '(__kalua_options)'
complete -c kalua -n '__kalua_previous_is --env' -a 'sim demo prod'
complete -c kalua -n '__kalua_previous_is --side' -a 'yes no'
complete -c kalua -n '__kalua_previous_is --on-failure' -a 'stop restart last-good'
complete -c kalua -n '__kalua_previous_is --shadow --start --break' -k -a '(__fish_complete_suffix .lua)'
complete -c kalua -n '__kalua_previous_is --log' -a 'error warn info debug trace'
complete -c kalua -n '__kalua_previous_is --balance-precision' -a '0.01 0.0001'
complete -c kalua -n '__kalua_previous_is --tier' -a 'basic advanced expert premier paragon prime prestige'
complete -c kalua -n '__kalua_previous_is --key --ca --log-file --state --allow-fs' -F
