-- What stands in the way before anything runs: settings and keys.
return {
  {
    name = "settings", title = "Settings and keys", kind = "config",
    {
      "key_missing", kind = "auth", exit = 3,
      what = "The call needs an API key, and none was given.",
      why = "Orders, the account and the whole feed, books included, are for holders of a key. Public reads of "
        .. "REST work without one, and the embedded exchange brings a key of its own.",
      todo = {
        "Make a key on the exchange's website (demo and production each have their own), and keep the private key "
          .. "file: `chmod 600 kalshi.pem`.",
        "`export KALSHI_API_KEY_ID=…` and `export KALSHI_PRIVATE_KEY_PATH=kalshi.pem`, or the same lines in `.env`.",
        "`kalua doctor --env demo` says whether the exchange takes it.",
      },
      see = { "commands.md", "paper-to-live.md" },
    },
    {
      "profile_missing",
      what = "There is no account of that name to connect to.",
      why = "`kalshi.connect{ profile = \"NAME\" }` reads the file `.env.NAME` in the folder in which "
        .. "`kalua` is started. Only on the embedded exchange does it go without one.",
      todo = {
        "Write `.env.NAME` with `KALSHI_API_KEY_ID=…` and `KALSHI_PRIVATE_KEY_PATH=…` of that account, and "
          .. "`chmod 600 .env.NAME`.",
        "The account is on the exchange of the process, unless the file says `KALSHI_ENV=…`.",
      },
      see = { "accounts.md" },
    },
    {
      "profile_no_exchange",
      what = "The profile is of an embedded exchange, and this process has none.",
      why = "`KALSHI_ENV=sim` without addresses means the exchange inside the process, which is started with "
        .. "`--env sim` only.",
      todo = {
        "Give `KALSHI_REST_URL` and `KALSHI_WS_URL` in the profile, or another `KALSHI_ENV`, or start with "
          .. "`--env sim`.",
      },
      see = { "accounts.md" },
    },
    {
      "account_twice",
      what = "The profile has an API key of an account that this process trades on already: the same key, or another "
        .. "one of the same account.",
      why = "Each account has one desk, which knows all orders and keeps the limits. Two would each know half.",
      todo = {
        "Use the table that is there: `kalshi` itself, or that of the other profile.",
        "For parts of one account, give each profile a key that is locked to a subaccount of its own.",
      },
      see = { "accounts.md" },
    },
    {
      "no_accounts_here",
      what = "There is one account here, and no way to connect to another.",
      why = "A strategy under test has the one account of its scripted exchange.",
      todo = { "In a test, give the strategy its second table as an argument, or test what it does with each apart." },
      see = { "accounts.md", "testing.md" },
    },
    {
      "too_many_accounts",
      what = "The embedded exchange has as many further accounts as it takes.",
      why = "Each name that is connected to makes one, and keeps it until the process ends; with `--state` longer.",
      todo = { "Use the same few names again." },
      see = { "accounts.md" },
    },
    {
      "key_id_missing",
      what = "There is a private key and no key id.",
      why = "Each request names the key that it is signed with, by the id that the exchange showed when the key "
        .. "was made.",
      todo = { "`export KALSHI_API_KEY_ID=…`, or `--key-id ID`. The id is on the exchange's page of API keys." },
      see = { "commands.md" },
    },
    {
      "private_key_missing",
      what = "There is a key id and no private key.",
      why = "Requests are signed with the private key, which the exchange showed once and does not keep.",
      todo = {
        "`export KALSHI_PRIVATE_KEY_PATH=FILE`, or `--key FILE`.",
        "If the file is lost, delete the key on the exchange's website and make a new one.",
      },
      see = { "commands.md" },
    },
    {
      "key_id_malformed",
      what = "The key id is not one word.",
      why = "A key id is a UUID. A blank, a line end or a whole key in its place comes from pasting.",
      todo = { "Copy the id again; the private key belongs into `KALSHI_PRIVATE_KEY_PATH`." },
    },
    {
      "key_not_found",
      what = "The private key file is not there.",
      why = "A relative path counts from the folder in which `kalua` is started, not from that of the script. `~/` is "
        .. "the home folder in `.env`; in an option the shell puts it in, at the start of a word: "
        .. "`--key ~/kalshi.pem`.",
      todo = { "Give the whole path: `--key /home/you/kalshi.pem`, or `KALSHI_PRIVATE_KEY_PATH`." },
    },
    {
      "key_unreadable",
      what = "The private key file cannot be read.",
      why = "It belongs to somebody else, or is a folder, or its disk has an error.",
      todo = { "`ls -l FILE`; as its owner: `chmod 600 FILE`; a service has to run as that owner." },
    },
    {
      "key_too_open",
      what = "Others on this machine can read the private key file. This is a warning, the key is used.",
      why = "Who can copy the key can trade with the account.",
      todo = {
        "`chmod 600 FILE`. If others may have read it, delete the key on the exchange's website and make a new one.",
      },
    },
    {
      "key_not_pem",
      what = "The file holds no key in PEM form.",
      why = "A key is text that begins with a line `-----BEGIN … PRIVATE KEY-----`. DER, the format of OpenSSH "
        .. "and an empty file are none.",
      todo = {
        "Use the file that the exchange gave, unchanged.",
        "DER: `openssl pkey -inform DER -in OLD -out NEW`; OpenSSH: `ssh-keygen -p -m PKCS8 -f FILE`.",
      },
    },
    {
      "key_not_private",
      what = "The file holds a public key or a certificate.",
      why = "Requests are signed with the private key. The public one is for the exchange.",
      todo = { "Name the private key file that belongs to it." },
    },
    {
      "key_damaged",
      what = "The private key is cut off or changed.",
      why = "Pasting into an editor or a variable often loses the last line or all line breaks.",
      todo = {
        "Copy the file again, whole. In `KALSHI_PRIVATE_KEY` the text keeps its line breaks: `export "
          .. "KALSHI_PRIVATE_KEY=\"$(cat FILE)\"`.",
        "Where there is no good copy, delete the key on the exchange's website and make a new one.",
      },
    },
    {
      "key_wrong_type",
      what = "The key is of a type or size that is not used.",
      why = "The exchange takes RSA keys; Kalua signs with RSA of 2048 bits or more and with Ed25519.",
      todo = {
        "Make a new key on the exchange's website, or upload the public key of an RSA key of 2048 bits or more.",
      },
    },
    {
      "key_encrypted",
      what = "The private key is encrypted, and there is nobody to ask for its passphrase.",
      why = "The passphrase is asked for on the terminal and taken from nowhere else, so that it is in no "
        .. "variable and no list of processes.",
      todo = {
        "Start it from a terminal.",
        "For a service: `openssl pkey -in OLD -out NEW`, and `chmod 600 NEW`.",
      },
    },
    {
      "key_passphrase_wrong",
      what = "None of the passphrases that were typed opens the key.",
      why = "It is another passphrase, or the file is damaged.",
      todo = { "`openssl pkey -in FILE -noout` tries it outside of Kalua." },
    },
    {
      "public_key_wrong",
      what = "The text that was given is no public key.",
      why = "A public key in PEM form begins with `-----BEGIN PUBLIC KEY-----`.",
      todo = { "`openssl pkey -in PRIVATE.pem -pubout` prints the public key of a private one." },
    },
    {
      "env_unknown",
      what = "There is no environment of that name.",
      why = "There are three: `sim` is the exchange inside the process, `demo` the exchange's test environment, "
        .. "`prod` real money.",
      todo = { "`--env sim`, `--env demo` or `--env prod`, or `KALSHI_ENV` in the environment or `.env`." },
      see = { "commands.md" },
    },
    {
      "real_exchange",
      what = "A URL of the real exchange was given while the environment is another.",
      why = "So that a script meant for a test never reaches real money by a leftover URL.",
      todo = { "`--env prod` if it is meant; else unset `KALSHI_REST_URL` and `KALSHI_WS_URL`, also in `.env`." },
    },
    {
      "urls_incomplete",
      what = "With `--env sim` one of the two URLs was given.",
      why = "REST and the feed must be of the same exchange. Without URLs it is the one inside the process.",
      todo = { "Give both `--rest-url` and `--ws-url`, or neither." },
      see = { "simulator.md" },
    },
    {
      "url_wrong", kind = "validation",
      what = "The text is not an address that can be used here.",
      why = "REST takes `https://host/path` without a slash at the end, the feed `wss://host/path`.",
      todo = {
        "Look at `--rest-url`, `--ws-url` and the variables `KALSHI_REST_URL`, `KALSHI_WS_URL`. Without them the "
          .. "right ones are used.",
      },
    },
    {
      "url_unencrypted", kind = "validation",
      what = "The address would go over the network without TLS.",
      why = "`http://` and `ws://` are for this machine only: 127.0.0.1, [::1] and localhost.",
      todo = { "Use `https://` or `wss://`." },
    },
    {
      "url_with_password", kind = "validation",
      what = "The address has a user or password in it.",
      why = "Addresses are shown in messages and logs, and a password must not be.",
      todo = { "Send it as a header: `headers = { Authorization = … }`." },
    },
    {
      "settings_wrong",
      what = "`.env` has a line that is none of `NAME=VALUE`, a comment or blank.",
      why = "The message names the line. A value of several lines, as a key, stands in double quotes.",
      todo = { "Mend that line; `kalua doctor` reads the file again." },
    },
    {
      "settings_unreadable",
      what = "`.env` in the current folder cannot be read.",
      why = "It is read before anything is done, since it may say which account is meant.",
      todo = { "`ls -l .env`; give yourself the right to read it, or start in another folder." },
    },
    {
      "log_level_unknown",
      what = "There is no such level of the log.",
      why = "From few to many lines: error, warn, info, debug, trace.",
      todo = { "`--log info`, or `KALUA_LOG=info`." },
    },
    {
      "log_file_unusable",
      what = "The file of `--log-file` cannot be opened.",
      why = "Its folder is not there, or you may not write in it.",
      todo = { "Make the folder first, or name another file." },
    },
    {
      "limit_unknown",
      what = "There is no risk limit of that name.",
      why = "A misspelt limit would limit nothing, so it is an error.",
      todo = { "The names are in docs/risk.md, and `kalua explain` lists them." },
      see = { "risk.md" },
    },
    {
      "limit_value_wrong",
      what = "A risk limit has a value that it cannot have.",
      why = "Limits are numbers from 0 up in dollars, contracts, orders, percent or seconds; `self_cross` is true "
        .. "or false.",
      todo = { "`--risk max_exposure=500,max_order_cost=25`, in kalua.lua `risk = { max_position = 100 }`." },
      see = { "risk.md" },
    },
    {
      "permission_malformed", kind = "validation",
      what = "What `--allow-net` names is no host.",
      why = "A permission is for hosts, not for addresses of pages.",
      todo = {
        "`--allow-net api.example.com`, with a port `api.example.com:8443`, with all names below it `'*.example.com'`.",
      },
      see = { "commands.md" },
    },
  },
}
