/* kalua api: one REST call from the shell. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/api_help.h"
#include "cli/filter.h"
#include "cli/tool.h"

static const char usage[] =
    "usage: kalua api OPERATION [k=v...]\n"
    "       kalua api GET|POST|PUT|DELETE PATH [k=v...]\n"
    "       kalua api OPERATION --help\n\n"
    "Calls one operation. Prints the answer as the exchange sent it; on a terminal a list as a table. Path parameters\n"
    "are given in place or as k=v. A value that is not text is k:=JSON; k=@FILE and k:=@FILE take it from a file, @-\n"
    "from standard input. @FILE or - alone is a JSON object of parameters. `kalua api --list` names the operations.\n\n"
    "  kalua api get_markets status=open limit=5\n"
    "  kalua api get_market KXHIGHNY-26NOV22-B51\n"
    "  kalua api get_markets --all --jq '.[] | select(.status == \"active\") | .ticker'\n"
    "  kalua api batch_create_orders orders:=@orders.json\n"
    "  kalua api GET /markets limit=5\n";

enum { LARGEST_FILE = 16 << 20 };

typedef struct {
  kl_connect_options connect;
  bool list, json, all;
  int64_t max;
  const char *jq, *complete;
  kl_text_list words;     /* of the command line */
  kl_text_list args;      /* of the tool */
  kl_text_list owned;     /* texts in args that are freed */
  const kl_operation *op; /* NULL: unknown to the table */
} request;

static void free_request(request *r) {
  for (size_t i = 0; i < r->owned.n; i++)
    free((char *)(uintptr_t)r->owned.items[i]);
  kl_text_list_free(&r->owned);
  kl_text_list_free(&r->args);
  kl_text_list_free(&r->words);
  kl_connect_options_free(&r->connect);
}

/* ---- words ---- */

/* The bytes of FILE, or of standard input for "-", without one line end at the end. False after saying why not. */
static bool read_file(const char *path, kl_buf *out) {
  bool input = !strcmp(path, "-");
  const char *name = input ? "standard input" : path;
  int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : 1;
  char chunk[16384];
  while (n > 0 && out->len <= LARGEST_FILE) {
    n = read(fd, chunk, sizeof chunk);
    if (n > 0) kl_buf_add(out, chunk, (size_t)n);
    if (n < 0 && errno == EINTR) n = 1;
  }
  int why = errno;
  if (fd >= 0 && !input) close(fd);
  if (n < 0) {
    kl_cli_usage("api", "%s: %s", name, strerror(why));
    return false;
  }
  if (out->len > LARGEST_FILE || out->failed) {
    kl_cli_usage("api", "%s: more than %d MB", name, LARGEST_FILE >> 20);
    return false;
  }
  if (out->len && out->data[out->len - 1] == '\n') out->len--;
  if (out->len && out->data[out->len - 1] == '\r') out->len--;
  if (out->len && memchr(out->data, 0, out->len)) {
    kl_cli_usage("api", "%s: it holds a zero byte, so it is no text", name);
    return false;
  }
  return true;
}

/* The length of what stands before the value in "k=v" and "k:=v"; 0: it is a value in place. */
static size_t key_length(const char *word) {
  size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  if (n == 0) return 0;
  if (word[n] == ':' && word[n + 1] == '=') return n + 2;
  return word[n] == '=' ? n + 1 : 0;
}

/* Adds a word with what it takes from a file in it: "k=TEXT", "k:=JSON", and ":=JSON" for a whole object. */
static bool add_word(request *r, const char *word) {
  size_t key = key_length(word);
  const char *value = word + key;
  bool whole = key == 0 && (!strcmp(word, "-") || word[0] == '@');
  if (!whole && (key == 0 || value[0] != '@')) return kl_text_list_add(&r->args, word);
  kl_buf content = {0}, text = {0};
  bool ok = read_file(value[0] == '@' ? value + 1 : value, &content);
  if (ok) {
    kl_buf_add(&text, key ? word : ":=", key ? key : 2);
    kl_buf_add(&text, content.data ? content.data : "", content.len);
    ok = !text.failed && kl_text_list_add(&r->owned, text.data);
    if (!ok) kl_buf_free(&text);
    ok = ok && kl_text_list_add(&r->args, text.data);
  }
  kl_buf_free(&content);
  return ok;
}

/* ---- how the answer is shown ---- */

__attribute__((format(printf, 2, 3))) static bool add_setting(request *r, const char *fmt, ...) {
  va_list ap;
  char *text = NULL;
  va_start(ap, fmt);
  int n = vasprintf(&text, fmt, ap);
  va_end(ap);
  if (n < 0) return false;
  if (kl_text_list_add(&r->owned, text)) return kl_text_list_add(&r->args, text);
  free(text);
  return false;
}

static bool is_method(const char *word) {
  return !strcmp(word, "GET") || !strcmp(word, "POST") || !strcmp(word, "PUT") || !strcmp(word, "DELETE");
}

/* The arguments of lua/stdlib/cli/api.lua: settings, "--", words after the operation. */
static bool make_args(request *r) {
  const char *const *words = r->words.items;
  bool free_form = is_method(words[0]);
  bool terminal = isatty(STDOUT_FILENO), shown = terminal && !r->json && !r->jq;
  bool ok = add_setting(r, "print=%s", shown ? "table" : r->json ? "json" : "line");
  if (shown)
    ok = ok && add_setting(r, "width=%d", kl_tool_width()) && (!kl_tool_colour() || add_setting(r, "colour=1"));
  if (r->op) ok = ok && add_setting(r, "operation=%s%s", r->op->legacy ? "legacy." : "", r->op->name);
  if (r->all) ok = ok && add_setting(r, "all=1");
  if (r->max >= 0) ok = ok && add_setting(r, "max=%lld", (long long)r->max);
  if (free_form) ok = ok && add_setting(r, "method=%s", words[0]) && add_setting(r, "path=%s", words[1]);
  ok = ok && kl_text_list_add(&r->args, "--");
  for (size_t i = free_form ? 2 : 1; ok && i < r->words.n; i++)
    ok = add_word(r, words[i]);
  return ok;
}

/* ---- the command ---- */

static int unknown_operation(const char *name) {
  const char *near = kl_operation_nearest(name);
  if (near) return kl_cli_usage("api", "there is no operation \"%.60s\"; did you mean %s?", name, near);
  return kl_cli_usage("api", "there is no operation \"%.60s\"; `kalua api --list` names them", name);
}

/* Which operation the first words mean. -1, or an exit code after an error. */
static int find_operation(request *r) {
  if (r->words.n == 0) return kl_cli_usage("api", "which operation?");
  const char *first = r->words.items[0];
  if (!is_method(first)) {
    r->op = kl_api_operation(first);
    return r->op ? -1 : unknown_operation(first);
  }
  if (r->words.n < 2) return kl_cli_usage("api", "which path? For example: kalua api GET /markets");
  char path[512];
  const char *given = r->words.items[1];
  if (given[0] != '/') return kl_cli_usage("api", "a path begins with /, like /markets");
  snprintf(path, sizeof path, "%.*s", (int)strcspn(given, "?"), given);
  r->op = kl_operation_match(first, path);
  return -1;
}

/* Calls, through the filter where one is asked for. */
static int call(request *r) {
  kl_filter *filter = NULL;
  kl_error e = {0};
  if (!make_args(r)) return KL_EXIT_USAGE;
  if (r->jq) {
    bool terminal = isatty(STDOUT_FILENO);
    kl_filter_options o = {.indent = terminal && !r->json,
                           .json = r->json,
                           .terminal = terminal,
                           .memory_mb = (size_t)r->connect.memory_mb};
    if (!kl_filter_start(r->jq, &o, &filter, &e))
      return strcmp(e.kind, "usage") != 0 ? kl_cli_fail(&e) : kl_cli_usage("api", "%s", e.message);
  }
  int code = kl_tool_run(&r->connect, "cli.api", "api", (char *const *)r->args.items, 0, false);
  return filter ? kl_filter_finish(filter, code) : code;
}

static int run(request *r, bool help) {
  if (r->complete) {
    const kl_operation *op = kl_api_operation(r->complete);
    if (!op) return unknown_operation(r->complete);
    kl_api_print_words(op);
    return KL_EXIT_OK;
  }
  if (r->list) {
    kl_api_print_list();
    return KL_EXIT_OK;
  }
  int code = find_operation(r);
  if (code >= 0) return code;
  if (!help) return call(r);
  if (!r->op)
    return kl_cli_usage("api", "%s %s is no operation that is described", r->words.items[0], r->words.items[1]);
  kl_api_print_help(r->op);
  return KL_EXIT_OK;
}

int kl_command_api(int argc, char **argv) {
  request r = {.max = -1};
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&r.connect, connect);
  r.connect.log_default = "warn";
  const kl_opt own[] = {{"list", KL_OPT_FLAG, &r.list, NULL, "name the operations", 0, 0},
                        {"all", KL_OPT_FLAG, &r.all, NULL, "every page: an array of all rows", 0, 0},
                        {"max", KL_OPT_INT, &r.max, "N", "every page, up to N rows", 0, 1e15},
                        {"jq", KL_OPT_TEXT, &r.jq, "EXPR", "print what this jq filter makes of the answer", 0, 0},
                        {"json", KL_OPT_FLAG, &r.json, NULL, "JSON in one line also on a terminal; a row a line", 0, 0},
                        {"complete", KL_OPT_TEXT, &r.complete, "OPERATION", NULL, 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  const kl_opt *const tables[] = {own, connect, NULL};
  /* --help belongs to the operation where one is named, so it waits until the words are known. */
  char **others = calloc((size_t)argc + 1, sizeof *others);
  if (!others) return KL_EXIT_FAILED;
  int n = 0;
  bool help = false;
  for (int i = 0; i < argc; i++) {
    if (i > 0 && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")))
      help = true;
    else
      others[n++] = argv[i];
  }
  int code = kl_opts_parse("api", usage, tables, n, others, &r.words, NULL);
  if (code < 0 && help && r.words.n == 0) {
    char word[] = "--help";
    code = kl_opts_parse("api", usage, tables, 2, (char *[]){argv[0], word}, NULL, NULL);
  }
  if (code < 0) code = run(&r, help);
  free(others);
  free_request(&r);
  return code;
}
