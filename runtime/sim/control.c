#include "sim/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/page.h"
#include "net/local_http.h"
#include "sim/json_out.h"
#include "sim/triggers.h"

#define TRIGGER "/sim/trigger/"

/* Nothing of this may be framed, guessed at or kept. */
static const char headers[] = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
                              "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'; base-uri 'none'\r\n"
                              "Referrer-Policy: no-referrer\r\n";

bool kl_sim_control_takes(const char *path) {
  return !strncmp(path, "/sim/", 5) || !strcmp(path, "/sim") || !strcmp(path, "/");
}

static void fail(kl_sim_response *rs, int status, const char *code, const char *message) {
  kl_sim_fail(rs, status, code, message, NULL);
}

/* ---- who may ask ---- */

static bool may_ask(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  if (!rq->peer || (strncmp(rq->peer, "127.", 4) != 0 && strcmp(rq->peer, "::1") != 0)) {
    fail(rs, 403, "not_local", "only this machine may ask");
  } else if (!rq->host || !kl_http_own_host(rq->host, s->port, s->o.tls)) {
    fail(rs, 403, "wrong_host", "the Host header must name 127.0.0.1 or localhost with the simulator's port");
  } else if (rq->origin && !kl_http_own_origin(rq->origin, s->port, s->o.tls)) {
    fail(rs, 403, "foreign_origin", "a page of another origin may not ask");
  } else if (rq->fetch_site && strcmp(rq->fetch_site, "same-origin") != 0 && strcmp(rq->fetch_site, "none") != 0) {
    fail(rs, 403, "foreign_origin", "a page of another site may not ask");
  } else {
    return true;
  }
  return false;
}

/* ---- triggers ---- */

enum { WORDS_MOST = 16, WORD_MOST = 2048 };

/* A member of the body as "k=v"; NULL when it is nothing that an argument can be, or memory is out. */
static char *word_of(const char *key, const json_t *v) {
  char number[32];
  const char *text = number;
  if (json_is_string(v)) {
    text = json_string_value(v);
  } else if (json_is_integer(v)) {
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
  } else if (json_is_real(v)) {
    snprintf(number, sizeof number, "%.15g", json_real_value(v));
  } else if (json_is_boolean(v)) {
    text = json_is_true(v) ? "true" : "false";
  } else {
    return NULL;
  }
  size_t n = strlen(key) + strlen(text) + 2;
  char *word = n <= WORD_MOST ? malloc(n) : NULL;
  if (word) snprintf(word, n, "%s=%s", key, text);
  return word;
}

/* The body's members as words, NULL-terminated; false after answering. Free each in any case. */
static bool read_words(const kl_sim_request *rq, kl_sim_response *rs, char *words[WORDS_MOST + 1]) {
  size_t n = 0;
  words[0] = NULL;
  if (rq->body_len == 0) return true;
  /* A page of another origin cannot send this type without being asked for first. */
  if (!rq->content_type || strncasecmp(rq->content_type, "application/json", 16) != 0) {
    fail(rs, 415, "invalid_content_type", "send the arguments as application/json");
    return false;
  }
  json_error_t error;
  json_t *body = json_loadb(rq->body, rq->body_len, JSON_REJECT_DUPLICATES, &error);
  bool ok = json_is_object(body) && json_object_size(body) <= WORDS_MOST;
  if (ok) {
    const char *key;
    json_t *v;
    json_object_foreach(body, key, v) {
      if (json_is_null(v)) continue;
      words[n] = word_of(key, v);
      if (!words[n]) {
        ok = false;
        break;
      }
      words[++n] = NULL;
    }
  }
  if (!ok) fail(rs, 400, "bad_request", "the body must be a JSON object of arguments: texts and numbers");
  json_decref(body);
  return ok;
}

static void trigger(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *kind = rq->path + sizeof TRIGGER - 1;
  char *words[WORDS_MOST + 1];
  kl_error e = {0};
  if (strcmp(rq->method, "POST") != 0) {
    snprintf(rs->allow, sizeof rs->allow, "POST");
    fail(rs, 405, "method_not_allowed", "a trigger is a POST");
    return;
  }
  if (read_words(rq, rs, words)) {
    if (!kl_sim_trigger_find(kind)) {
      fail(rs, 404, "trigger_not_found", "there is no such trigger: GET /sim/triggers lists them");
    } else if (!kl_sim_trigger_run(s, kind, (const char *const *)words, &rs->body, &e)) {
      fail(rs, e.status, e.code, e.message);
    }
  }
  for (char **w = words; *w; w++)
    free(*w);
}

/* ---- the rest ---- */

static void list_triggers(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  (void)s;
  (void)rq;
  kl_buf_str(&rs->body, "{\"triggers\":");
  kl_sim_trigger_json(&rs->body);
  kl_buf_char(&rs->body, '}');
}

static void page(const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_page_file *f = kl_page_find(kl_sim_page_files, rq->path);
  if (!f) {
    fail(rs, 404, "not_found", "not found");
    return;
  }
  rs->type = f->type;
  kl_buf_add(&rs->body, f->data, f->len);
}

static const struct {
  const char *path; /* one that ends in "/" has something behind it */
  kl_sim_handler view;
} views[] = {{"/sim/triggers", list_triggers},        {"/sim/status", kl_sim_view_status},
             {"/sim/markets", kl_sim_view_markets},   {"/sim/book/", kl_sim_view_book},
             {"/sim/trades", kl_sim_view_trades},     {"/sim/orders", kl_sim_view_orders},
             {"/sim/accounts", kl_sim_view_accounts}, {"/sim/events", kl_sim_view_events}};

static kl_sim_handler view_of(const char *path) {
  for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
    size_t n = strlen(views[i].path);
    bool open = views[i].path[n - 1] == '/';
    if (open ? !strncmp(path, views[i].path, n) && path[n] : !strcmp(path, views[i].path)) return views[i].view;
  }
  return NULL;
}

void kl_sim_control(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  rs->status = 200;
  rs->headers = headers;
  if (!may_ask(s, rq, rs)) return;
  if (!strncmp(rq->path, TRIGGER, sizeof TRIGGER - 1)) {
    trigger(s, rq, rs);
  } else if (strcmp(rq->method, "GET") != 0 && strcmp(rq->method, "HEAD") != 0) {
    snprintf(rs->allow, sizeof rs->allow, "GET");
    fail(rs, 405, "method_not_allowed", "method not allowed");
  } else {
    kl_sim_handler view = view_of(rq->path);
    kl_sim_touch(s);
    if (view)
      view(s, rq, rs);
    else
      page(rq, rs);
  }
  if (rs->body.failed) {
    kl_buf_free(&rs->body);
    fail(rs, 500, "internal_error", "the simulator is out of memory");
  }
}
