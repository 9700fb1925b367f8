/* kalua trigger: makes something happen in a running simulator. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/explain.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/settings.h"
#include "net/http.h"
#include "net/url.h"
#include "sim/registry.h"
#include "sim/triggers.h"

enum { TIMEOUT_MS = 10000 };

typedef struct request {
  const char *rest_url, *ca_file, *complete;
  bool json, list;
  kl_text_list words; /* KIND, then k=v */
  kl_settings *settings;
  char base[320]; /* of the simulator, without a path */
  char ca[300];
} request;

/* ---- help ---- */

static void add_kinds(kl_buf *b) {
  const char *group = "";
  for (const kl_sim_trigger_kind *k = kl_sim_trigger_kinds; k->name; k++) {
    if (strcmp(k->group, group) != 0) kl_buf_printf(b, "\n%s\n", k->group);
    group = k->group;
    char name[32];
    snprintf(name, sizeof name, "  %s", k->name);
    kl_help_entry(b, name, 15, k->summary, 80); /* whatever the terminal: pages are made of it */
  }
}

static void print_kind(const kl_sim_trigger_kind *k) {
  printf("usage: kalua trigger %s", k->name);
  for (const kl_sim_trigger_arg *a = k->args; a->name; a++)
    printf(a->required ? " %s=…" : " [%s=…]", a->name);
  printf("\n\n%s.\n", k->summary);
  if (k->args[0].name) puts("\nArguments:");
  for (const kl_sim_trigger_arg *a = k->args; a->name; a++)
    printf("  %-16s %s%s\n", a->name, a->help, a->required ? "; required" : "");
}

static void print_list(void) {
  for (const kl_sim_trigger_kind *k = kl_sim_trigger_kinds; k->name; k++)
    printf("%-12s %s\n", k->name, k->summary);
}

/* "name=" and "name=value" lines of a kind, for completions. */
static int print_words(const char *name) {
  const kl_sim_trigger_kind *k = kl_sim_trigger_find(name);
  if (!k) return kl_cli_usage("trigger", "there is no trigger \"%.40s\"", name);
  for (const kl_sim_trigger_arg *a = k->args; a->name; a++) {
    printf("%s=\n", a->name);
    const char *choices = a->type == KL_TRIGGER_SIDE ? "bid|ask" : a->choices ? a->choices : "";
    for (const char *p = choices; *p;) {
      size_t n = strcspn(p, "|");
      printf("%s=%.*s\n", a->name, (int)n, p);
      p += n + (p[n] ? 1 : 0);
    }
  }
  return KL_EXIT_OK;
}

/* ---- which simulator ---- */

static int several(const kl_sim_listed *all, size_t n) {
  fprintf(stderr, "kalua: %zu simulators run; say which by --rest-url:\n", n);
  for (size_t i = 0; i < n; i++)
    fprintf(stderr, "  --rest-url %s  (%s, process %lld)\n", all[i].rest_url, all[i].title, (long long)all[i].pid);
  return KL_EXIT_USAGE;
}

/* The one that runs, where just one does. -1, or an exit code after printing. */
static int find_running(request *r, const char **url) {
  kl_sim_listed *all;
  size_t n;
  int code = -1;
  if (!kl_sim_registry_list(&all, &n)) {
    fputs("kalua: not enough memory\n", stderr);
    code = KL_EXIT_FAILED;
  } else if (n == 0) {
    fputs("kalua: no simulator of this user runs; start `kalua sim`, or name one by --rest-url\n", stderr);
    code = KL_EXIT_NETWORK;
  } else if (n > 1) {
    code = several(all, n);
  } else {
    snprintf(r->base, sizeof r->base, "%s", all[0].rest_url);
    snprintf(r->ca, sizeof r->ca, "%s", all[0].ca_path);
    *url = r->base;
  }
  free(all);
  return code;
}

/* A settings address of another machine is that of a real exchange, which nothing is triggered at. -1, or an exit code
 * after printing. */
static int find_simulator(request *r) {
  kl_error e = {0};
  kl_url u = {0};
  const char *url = kl_settings_get(r->settings, r->rest_url, "KALSHI_REST_URL");
  bool usable = url && kl_url_parse(&u, KL_URL_HTTP, url, &e) && u.loopback;
  if (url && !usable && r->rest_url) {
    if (e.kind) return kl_cli_usage("trigger", "--rest-url: %s", e.message);
    kl_url_free(&u);
    return kl_cli_usage("trigger", "--rest-url: only a simulator on this machine can be told what to do");
  }
  kl_url_free(&u);
  if (!usable) {
    int code = find_running(r, &url);
    if (code >= 0) return code;
  } else {
    const char *ca = kl_settings_get(r->settings, r->ca_file, "KALUA_CA");
    snprintf(r->ca, sizeof r->ca, "%s", ca ? ca : "");
  }
  if (r->ca_file) snprintf(r->ca, sizeof r->ca, "%s", r->ca_file);
  /* Scheme and authority: the triggers are beside the paths of the exchange. */
  if (!kl_url_parse(&u, KL_URL_HTTP, url, &e)) return kl_cli_fail(&e);
  snprintf(r->base, sizeof r->base, "%s://%.250s", u.tls ? "https" : "http", u.authority);
  kl_url_free(&u);
  return -1;
}

/* ---- the call ---- */

typedef struct outcome {
  int status;
  kl_buf body;
  kl_error error;
} outcome;

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  outcome *o = data;
  if (e) {
    o->error = *e;
    return;
  }
  o->status = res->status;
  kl_buf_add(&o->body, res->body, res->body_len);
}

static void closed(void *data) { (void)data; }

static void post(const request *r, const char *path, const char *body, outcome *out) {
  static const char *const headers[] = {"Content-Type: application/json", NULL};
  char url[512];
  uv_loop_t loop;
  uv_loop_init(&loop);
  snprintf(url, sizeof url, "%s%s", r->base, path);
  kl_http *h = kl_http_new(
      &loop, &(kl_http_options){.ca_file = r->ca[0] ? r->ca : NULL, .user_agent = "kalua/" KL_VERSION}, &out->error);
  kl_http_request q = {.method = "POST",
                       .url = url,
                       .headers = headers,
                       .body = body,
                       .body_len = strlen(body),
                       .timeout_ms = TIMEOUT_MS};
  if (h && kl_http_send(h, &q, answered, out, &out->error))
    while (!out->status && !out->error.kind)
      uv_run(&loop, UV_RUN_ONCE);
  if (h) kl_http_close(h, closed, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
}

/* Prints what was done, or why not; the exit code. */
static int tell(const request *r, const outcome *o) {
  json_t *root = json_loadb(o->body.data ? o->body.data : "", o->body.len, 0, NULL);
  const char *message = json_string_value(json_object_get(root, "message"));
  const char *why = json_string_value(json_object_get(json_object_get(root, "error"), "message"));
  const char *word = json_string_value(json_object_get(json_object_get(root, "error"), "code"));
  char hint[KL_HINT_CAP];
  int code = KL_EXIT_OK;
  if (o->error.kind) {
    fprintf(stderr, "kalua: the simulator at %s: %s%s\n", r->base, o->error.message, kl_error_hint(hint, &o->error));
    code = KL_EXIT_NETWORK;
  } else if (o->status == 200 && message) {
    if (r->json)
      printf("%.*s\n", (int)o->body.len, o->body.data);
    else
      puts(message);
  } else if (why) {
    fprintf(stderr, "kalua: %s: %s%s\n", r->words.items[0], why, kl_explain_hint(hint, kl_explained(word, 0)));
    code = KL_EXIT_FAILED;
  } else {
    fprintf(stderr, "kalua: what answers at %s (status %d) is no simulator of Kalua (kalua explain no_simulator)\n",
            r->base, o->status);
    code = KL_EXIT_FAILED;
  }
  json_decref(root);
  return code;
}

static int call(const request *r) {
  kl_buf body = {0};
  char path[128];
  outcome o = {0};
  kl_buf_char(&body, '{');
  for (size_t i = 1; i < r->words.n; i++) {
    const char *word = r->words.items[i], *equals = strchr(word, '=');
    if (i > 1) kl_buf_char(&body, ',');
    kl_buf_json_string(&body, word, (size_t)(equals - word));
    kl_buf_char(&body, ':');
    kl_buf_json_cstr(&body, equals + 1);
  }
  kl_buf_char(&body, '}');
  snprintf(path, sizeof path, "/sim/trigger/%.80s", r->words.items[0]);
  if (body.failed) {
    kl_error_set(&o.error, KL_ERR_INTERNAL, "not enough memory");
  } else {
    post(r, path, body.data, &o);
  }
  int code = tell(r, &o);
  kl_buf_free(&body);
  kl_buf_free(&o.body);
  return code;
}

/* The help that it refers to is that of the kind, where there is one. */
static int kind_usage(const kl_sim_trigger_kind *kind, const kl_error *e) {
  char command[64];
  snprintf(command, sizeof command, "trigger%s%s", kind ? " " : "", kind ? kind->name : "");
  return kl_cli_usage(command, "%s", e->message);
}

static int run(request *r, bool help) {
  kl_error e = {0};
  if (r->list) {
    print_list();
    return KL_EXIT_OK;
  }
  if (r->complete) return print_words(r->complete);
  if (r->words.n == 0) return kl_cli_usage("trigger", "which trigger? `kalua trigger --list` names them");
  const kl_sim_trigger_kind *kind = kl_sim_trigger_find(r->words.items[0]);
  if (help && kind) {
    print_kind(kind);
    return KL_EXIT_OK;
  }
  if (!kl_sim_trigger_check(r->words.items[0], r->words.items + 1, false, &e)) return kind_usage(kind, &e);
  if (!kl_settings_load(&r->settings, ".env", &e)) return kl_cli_fail(&e);
  int code = find_simulator(r);
  return code >= 0 ? code : call(r);
}

int kl_command_trigger(int argc, char **argv) {
  request r = {0};
  kl_buf usage = {0};
  kl_buf_str(&usage, "usage: kalua trigger KIND [k=v...]\n\n"
                     "Makes something happen in a simulator: `kalua sim`, or the one inside a running script.\n"
                     "`kalua trigger KIND --help` lists the arguments of a kind.\n");
  add_kinds(&usage);
  if (usage.failed) return KL_EXIT_FAILED;
  const kl_opt own[] = {
      {"rest-url", KL_OPT_TEXT, &r.rest_url, "URL", "which simulator", .variable = "KALSHI_REST_URL",
       .fallback = "the one that runs"},
      {"ca", KL_OPT_TEXT, &r.ca_file, "FILE", "certificate to trust, of one with --tls", .variable = "KALUA_CA"},
      {"json", KL_OPT_FLAG, &r.json, NULL, "what was done as JSON", 0, 0},
      {"list", KL_OPT_FLAG, &r.list, NULL, "name the kinds", 0, 0},
      {"complete", KL_OPT_TEXT, &r.complete, "KIND", NULL, 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  const kl_opt *const tables[] = {own, NULL};
  /* --help belongs to the kind where one is named, so it waits until the words are known. */
  char **others = calloc((size_t)argc + 1, sizeof *others);
  int n = 0, code = others ? -1 : KL_EXIT_FAILED;
  bool help = false;
  for (int i = 0; code < 0 && i < argc; i++) {
    if (i > 0 && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")))
      help = true;
    else
      others[n++] = argv[i];
  }
  if (code < 0) code = kl_opts_parse("trigger", usage.data, tables, n, others, &r.words, NULL);
  if (code < 0 && help && r.words.n == 0) {
    char word[] = "--help";
    code = kl_opts_parse("trigger", usage.data, tables, 2, (char *[]){argv[0], word}, NULL, NULL);
  }
  if (code < 0) code = run(&r, help);
  free(others);
  kl_text_list_free(&r.words);
  kl_settings_free(r.settings);
  kl_buf_free(&usage);
  return code;
}
