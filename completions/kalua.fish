# fish completion for kalua. Made by scripts/generate from docs/generate/templates/kalua.fish and `kalua help --json`; the
# operations, their parameters, triggers, channels and running scripts are asked of the installed binary.

set -g __kalua_commands run new test repl demo book tail api ps logs attach reload shadow stop start kill sim trigger doctor explain help

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
        case 'run --on-failure' 'run --probation' 'run --shadow' 'run --break' 'run --metrics' 'run --web' \
        'new --template' 'test --filter' 'test --shuffle' 'test --limit' 'test --junit' 'test --coverage-lcov' \
        'repl -e' 'demo --seconds' 'demo --seed' 'book --levels' 'book --side' 'book --seconds' 'tail --max' \
        'tail --seconds' 'tail --shard' 'api --max' 'api --jq' 'logs --lines' 'logs -n' 'attach -e' 'attach --log' \
        'shadow --lines' 'shadow --start' 'sim --port' 'sim --seed' 'sim --markets' 'sim --speed' 'sim --rate' \
        'sim --users' 'sim --tier' 'sim --faults' 'sim --balance-precision' 'sim --state' 'sim --post-only-throttle' \
        'sim --log' 'sim --user' 'sim --clock-skew' 'sim --read-lag' 'sim --history' 'sim --region-expires' \
        'sim --ws-connections' 'sim --ws-markets' 'sim --ws-commands' 'trigger --rest-url' 'trigger --ca' '* --env' \
        '* --key-id' '* --key' '* --rest-url' '* --ws-url' '* --ca' '* --audit' '* --paper-latency' \
        '* --paper-balance' '* --risk' '* --order-groups' '* --lease' '* --order-rate' '* --presign' '* --state' \
        '* --log' '* --log-file' '* --log-rate' '* --allow-fs' '* --allow-net' '* --allow-env' '* --mem' \
        '* --cpu-ms' '* --max-tasks' '* --max-timers' '* --max-sockets' '* --max-handles' '* --max-queued' \
        '* --max-store' '* --seed' '* --markets' '* --speed' '* --rate' '* --tier' '* --faults'
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
complete -c kalua -n __fish_use_subcommand -a run -d 'run strategies or tools'
complete -c kalua -n __fish_use_subcommand -a new -d 'a folder with a strategy, its tests and its limits'
complete -c kalua -n __fish_use_subcommand -a test -d 'run script tests'
complete -c kalua -n __fish_use_subcommand -a repl -d 'a prompt at the exchange, or inside a script'
complete -c kalua -n __fish_use_subcommand -a demo -d 'a strategy on the embedded exchange, for 20 seconds'
complete -c kalua -n __fish_use_subcommand -a book -d 'one live book in the terminal'
complete -c kalua -n __fish_use_subcommand -a tail -d 'a stream as one JSON object per line'
complete -c kalua -n __fish_use_subcommand -a api -d 'one REST call, JSON out'
complete -c kalua -n __fish_use_subcommand -a ps -d 'the running scripts of this user'
complete -c kalua -n __fish_use_subcommand -a logs -d 'the last lines of running scripts'
complete -c kalua -n __fish_use_subcommand -a attach -d 'a prompt inside a running script'
complete -c kalua -n __fish_use_subcommand -a reload -d 'start the source of a running script as it is now'
complete -c kalua -n __fish_use_subcommand -a shadow -d 'where a new version beside a running script differs'
complete -c kalua -n __fish_use_subcommand -a stop -d 'end a running script'
complete -c kalua -n __fish_use_subcommand -a start -d 'start one anew that has ended'
complete -c kalua -n __fish_use_subcommand -a kill -d 'stop all trading of this user, now'
complete -c kalua -n __fish_use_subcommand -a sim -d 'the exchange simulator as a server of its own'
complete -c kalua -n __fish_use_subcommand -a trigger -d 'make something happen in a simulator'
complete -c kalua -n __fish_use_subcommand -a doctor -d 'what is wrong with my set-up'
complete -c kalua -n __fish_use_subcommand -a explain -d 'what an error means, and what to do'
complete -c kalua -n __fish_use_subcommand -a help -d 'the options of a command'
complete -c kalua -n '__kalua_is run' -l quiet -d 'no summary at the end'
complete -c kalua -n '__kalua_is run' -l resume -d 'scripts that their breaker halted in an earlier run go on'
complete -c kalua -n '__kalua_is run' -l on-failure -xa 'stop restart last-good' -d 'what comes of a script that fails: it has ended, it is started again, or its last good version is'
complete -c kalua -n '__kalua_is run' -l probation -x -d 'an error so soon after a reload undoes it; 0: never'
complete -c kalua -n '__kalua_is run' -l shadow -xka '(__fish_complete_suffix .lua)' -d 'run NEW on the same events beside the script OLD, without effect'
complete -c kalua -n '__kalua_is run' -l break -xka '(__fish_complete_suffix .lua)' -d 'FILE:LINE, maybe with " if CONDITION" behind it: a task that comes there stops for kalua attach'
complete -c kalua -n '__kalua_is run' -l metrics -x -d 'serve /metrics and /health on 127.0.0.1; 0: any free port'
complete -c kalua -n '__kalua_is run' -l web -x -d 'serve a page to look at, on 127.0.0.1; 0: any free port'
complete -c kalua -n '__kalua_is new' -l template -xa 'market_maker taker blank' -d 'what it does'
complete -c kalua -n '__kalua_is new' -l force -d 'also in a folder that is not empty: adds what is missing'
complete -c kalua -n '__kalua_is test' -l filter -x -d 'only tests with this in their full name: a part, or a Lua pattern'
complete -c kalua -n '__kalua_is test' -l list -d 'name the tests, run none'
complete -c kalua -n '__kalua_is test' -l fail-fast -d 'end at the first test that fails'
complete -c kalua -n '__kalua_is test' -l shuffle -x -d 'the tests of each block in another order, the same for a SEED'
complete -c kalua -n '__kalua_is test' -l limit -x -d 'a test that takes longer fails'
complete -c kalua -n '__kalua_is test' -l tap -d 'print TAP version 14'
complete -c kalua -n '__kalua_is test' -l json -d 'print one JSON object per test'
complete -c kalua -n '__kalua_is test' -l junit -rF -d 'write the results as JUnit\'s XML, too'
complete -c kalua -n '__kalua_is test' -l coverage -d 'say which lines of strategies and modules ran'
complete -c kalua -n '__kalua_is test' -l coverage-lcov -rF -d 'write that in the format of lcov'
complete -c kalua -n '__kalua_is repl' -s e -x -d 'evaluate it, print its value, and end'
complete -c kalua -n '__kalua_is repl' -l json -d 'print values as JSON'
complete -c kalua -n '__kalua_is repl' -l keep-going -d 'also after an input that failed'
complete -c kalua -n '__kalua_is demo' -l seconds -x -d 'how long'
complete -c kalua -n '__kalua_is demo' -l seed -x -d 'the same seed gives the same market'
complete -c kalua -n '__kalua_is book' -l json -d 'one JSON object per change'
complete -c kalua -n '__kalua_is book' -l levels -x -d 'levels of each side'
complete -c kalua -n '__kalua_is book' -l side -xa 'yes no' -d 'prices of YES or of NO'
complete -c kalua -n '__kalua_is book' -l orders -d 'mark prices where an order of your own rests'
complete -c kalua -n '__kalua_is book' -l once -d 'show the book once and end'
complete -c kalua -n '__kalua_is book' -l seconds -x -d 'end after S seconds'
complete -c kalua -n '__kalua_is tail' -l list -d 'name the channels'
complete -c kalua -n '__kalua_is tail' -l raw -d 'each message as the exchange sent it'
complete -c kalua -n '__kalua_is tail' -l initial -d 'channel ticker: first the present state of each market'
complete -c kalua -n '__kalua_is tail' -l max -x -d 'end after N messages'
complete -c kalua -n '__kalua_is tail' -l seconds -x -d 'end after S seconds'
complete -c kalua -n '__kalua_is tail' -l shard -x -d 'channel communications: one of FACTOR parts, from 0'
complete -c kalua -n '__kalua_is tail' -l self -d 'channel communications: your own requests only'
complete -c kalua -n '__kalua_is api' -l list -d 'name the operations'
complete -c kalua -n '__kalua_is api' -l all -d 'every page: an array of all rows'
complete -c kalua -n '__kalua_is api' -l max -x -d 'every page, up to N rows'
complete -c kalua -n '__kalua_is api' -l jq -x -d 'print what this jq filter makes of the answer'
complete -c kalua -n '__kalua_is api' -l json -d 'JSON in one line also on a terminal; a row a line'
complete -c kalua -n '__kalua_is ps' -l json -d 'an array of objects, with more about each'
complete -c kalua -n '__kalua_is ps' -l names -d 'the names only, one a line'
complete -c kalua -n '__kalua_is logs' -l follow -s f -d 'go on with the lines that come, until the process ends'
complete -c kalua -n '__kalua_is logs' -l lines -s n -x -d 'how many of the last ones'
complete -c kalua -n '__kalua_is logs' -l json -d 'one object per line: ts, level, source, msg, pid'
complete -c kalua -n '__kalua_is attach' -s e -x -d 'evaluate this, or a command like :tasks, instead of what is typed'
complete -c kalua -n '__kalua_is attach' -l json -d 'values as JSON'
complete -c kalua -n '__kalua_is attach' -l arm -d 'may change the script from the beginning, as after :arm'
complete -c kalua -n '__kalua_is attach' -l keep-going -d 'go on after an input that failed'
complete -c kalua -n '__kalua_is attach' -l log -xa 'error warn info debug trace' -d 'from now on its process logs so much'
complete -c kalua -n '__kalua_is shadow' -l lines -x -d 'the last N differences'
complete -c kalua -n '__kalua_is shadow' -l json -d 'an array of objects'
complete -c kalua -n '__kalua_is shadow' -l start -xka '(__fish_complete_suffix .lua)' -d 'start one, with a copy of the state of NAME'
complete -c kalua -n '__kalua_is shadow' -l promote -d 'the new version becomes the one that runs'
complete -c kalua -n '__kalua_is shadow' -l stop -d 'end the shadow; the script goes on'
complete -c kalua -n '__kalua_is stop' -l now -d 'without waiting for its on_stop handlers'
complete -c kalua -n '__kalua_is start' -l resume -d 'although a breaker has halted it'
complete -c kalua -n '__kalua_is kill' -l release -d 'allow trading again; starts nothing'
complete -c kalua -n '__kalua_is sim' -l port -x -d '0 takes any free one'
complete -c kalua -n '__kalua_is sim' -l seed -x -d 'the same seed gives the same market'
complete -c kalua -n '__kalua_is sim' -l markets -x -d 'how many markets'
complete -c kalua -n '__kalua_is sim' -l speed -x -d '1 is real time'
complete -c kalua -n '__kalua_is sim' -l rate -x -d 'book messages a second that the traders aim at'
complete -c kalua -n '__kalua_is sim' -l users -x -d 'accounts, each with a key'
complete -c kalua -n '__kalua_is sim' -l tier -xa 'basic advanced expert premier paragon prime prestige' -d 'rate limits of every account'
complete -c kalua -n '__kalua_is sim' -l faults -x -d 'what goes wrong, like create_order:lose-after=1%'
complete -c kalua -n '__kalua_is sim' -l balance-precision -xa '0.01 0.0001' -d 'of balances: 0.01, or 0.0001 as direct members have it'
complete -c kalua -n '__kalua_is sim' -l state -rF -d 'the exchange goes on with it, and outlives a kill'
complete -c kalua -n '__kalua_is sim' -l tls -d 'https and wss, with a certificate of its own'
complete -c kalua -n '__kalua_is sim' -l quiet-market -d 'no synthetic traders'
complete -c kalua -n '__kalua_is sim' -l post-only-throttle -x -d '429 for post-only orders after N a minute would have crossed'
complete -c kalua -n '__kalua_is sim' -l maintenance -d 'trading pauses Thursday 03:00 to 05:00 Eastern'
complete -c kalua -n '__kalua_is sim' -l json -d 'one JSON line when it is ready'
complete -c kalua -n '__kalua_is sim' -l log -xa 'error warn info debug trace' -d 'how much is logged'
complete -c kalua -n '__kalua_is sim' -l user -x -d 'an account for a key that you have: its id, PEM file'
complete -c kalua -n '__kalua_is sim' -l clock-skew -x -d 'how far a timestamp may be off'
complete -c kalua -n '__kalua_is sim' -l read-lag -x -d 'how far reads of one\'s own orders, fills and money lag'
complete -c kalua -n '__kalua_is sim' -l history -x -d 'what is older is in /historical only'
complete -c kalua -n '__kalua_is sim' -l region-expires -x -d 'seconds until keys may not trade sports and elections'
complete -c kalua -n '__kalua_is sim' -l fcm -d 'the first account is an FCM member'
complete -c kalua -n '__kalua_is sim' -l fcm-fix-only -d 'keys of subtraders may not use REST'
complete -c kalua -n '__kalua_is sim' -l ws-connections -x -d 'WebSockets of an account at once'
complete -c kalua -n '__kalua_is sim' -l ws-markets -x -d 'market subscriptions of a WebSocket'
complete -c kalua -n '__kalua_is sim' -l ws-commands -x -d 'commands of a WebSocket a second'
complete -c kalua -n '__kalua_is trigger' -l rest-url -x -d 'which simulator'
complete -c kalua -n '__kalua_is trigger' -l ca -rF -d 'certificate to trust, of one with --tls'
complete -c kalua -n '__kalua_is trigger' -l json -d 'what was done as JSON'
complete -c kalua -n '__kalua_is trigger' -l list -d 'name the kinds'
complete -c kalua -n '__kalua_is doctor' -l json -d 'one document: ok, environment, checks with their figures'
complete -c kalua -n '__kalua_is explain' -l json -d 'JSON: an object, or an array of all'
complete -c kalua -n '__kalua_is help' -l json -d 'every command with its options, as one JSON object'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l env -xa 'sim demo prod' -d 'which exchange; sim runs inside this process'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l key-id -x -d 'API key id'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l key -rF -d 'private key, PEM: RSA of 2048 bits or more, or Ed25519; the passphrase of an encrypted one is asked for'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l rest-url -x -d 'REST base, up to /trade-api/v2'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l ws-url -x -d 'WebSocket address'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l ca -rF -d 'certificates to trust instead of the system\'s'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l audit -x -d 'how often a live book is compared with REST; 0: never'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l live -d 'allow orders on prod; without it scripts trade there on paper'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l paper -d 'fill orders here, by live market data; on prod without --live as well'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l paper-latency -x -d 'how long a paper order takes to the exchange, one way'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l paper-balance -x -d 'what a paper account begins with, over all shards'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l risk -xa 'max_order_count= max_order_cost= max_position= max_market_exposure= max_event_exposure= max_exposure= max_market_share= max_open_orders= max_orders_per_second= max_contracts_per_second= max_daily_loss= max_daily_trades= min_balance= max_price_distance= max_book_age= max_clock_skew= self_cross=' -d 'limit of the account\'s orders, as max_exposure=500: docs/risk.md'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l order-groups -x -d 'orders of each script in order groups, which the exchange stops at so many contracts in 15 s'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l lease -x -d 'orders of kalshi.order expire so soon unless this process renews them'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l order-rate -x -d 'orders of a script a second; more are refused, cancels and decreases always pass'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l presign -x -d 'make signatures for orders ahead, used up to that age; 0: none'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l orders-sync -d 'each order is on the disk before it is sent'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l state -rF -d 'keep kalua.state of the scripts in it, their orders in FILE.orders, the embedded exchange in FILE.exchange, the paper account in FILE.paper, and go on with all of them at the next start'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l no-watch -d 'do not reload a script when its file changes'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l log -xa 'error warn info debug trace' -d 'how much is logged'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l log-json -d 'log as one JSON object per line'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l log-file -rF -d 'log there instead of stderr'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l log-rate -x -d 'log lines of a script a second, and five times as many at once; the rest is dropped and counted'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l allow-fs -rF -d 'scripts may use the file PATH or what is below the folder; PATH:ro: only read'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l allow-net -x -d 'scripts may connect to HOST: a name or an address, maybe with a port; *.example.com is every name below it'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l allow-env -xa '(set --names --export)' -d 'scripts may read the environment variable VAR'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l allow-run -d 'scripts may start programs'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l allow-all -d 'all of these permissions'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l mem -x -d 'memory ceiling of each script'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l cpu-ms -x -d 'longest stretch of a script without yielding'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l max-tasks -x -d 'tasks that have not ended'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l max-timers -x -d 'sleeps and time limits'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l max-sockets -x -d 'http requests and connections'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l max-handles -x -d 'open books and subscriptions'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l max-queued -x -d 'messages and bodies that wait for a script or for its servers'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l max-store -x -d 'the store of a script on the disk'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l seed -x -d 'the same seed gives the same market'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l markets -x -d 'how many markets'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l speed -x -d '1 is real time'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l rate -x -d 'book messages a second that the traders aim at'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l tier -xa 'basic advanced expert premier paragon prime prestige' -d 'rate limits of the account'
complete -c kalua -n '__kalua_is run test repl book tail api kill doctor' -l faults -x -d 'what goes wrong, as create_order:lose-after=1%: docs/simulator.md'
complete -c kalua -l help -d 'the page of the command'
complete -c kalua -n '__kalua_is run test repl' -xka '(__fish_complete_suffix .lua)'
complete -c kalua -n '__kalua_is new' -xa '(__fish_complete_directories)'
complete -c kalua -n __kalua_tail_first -xa '(__kalua_channels)'
complete -c kalua -n '__kalua_is api' -xa '(__kalua_named_words api GET POST PUT DELETE)'
complete -c kalua -n '__kalua_is logs attach reload shadow stop start' -xa '(kalua ps --names 2>/dev/null)'
complete -c kalua -n '__kalua_is trigger' -xa '(__kalua_named_words trigger)'
complete -c kalua -n '__kalua_is explain' -xa '(__kalua_codes)'
complete -c kalua -n '__kalua_is help' -xa "$__kalua_commands options exit-codes"
