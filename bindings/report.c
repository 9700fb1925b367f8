#include "bindings/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bindings/check.h"
#include "bindings/json.h"
#include "bindings/rest.h"

static const char *const words[] = {[KL_CHECK_OK] = "ok", [KL_CHECK_NOTE] = "note", [KL_CHECK_WRONG] = "wrong"};
static const char *const colours[] = {
    [KL_CHECK_OK] = "\033[32m", [KL_CHECK_NOTE] = "\033[33m", [KL_CHECK_WRONG] = "\033[1;31m"};

struct kl_report {
  bool json, colour, wrong, failed; /* failed: memory was out */
  char kind[32];                    /* of the first that was wrong */
  json_t *checks;                   /* with json */
};

kl_report *kl_report_new(bool json, bool colour) {
  kl_report *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->json = json;
  r->colour = colour;
  r->checks = json_array();
  if (r->checks) return r;
  free(r);
  return NULL;
}

void kl_report_free(kl_report *r) {
  if (!r) return;
  json_decref(r->checks);
  free(r);
}

/* "ok    DNS: …; what to do"; a text that is a whole sentence needs no semicolon. */
static void print_line(kl_report *r, const kl_check *c) {
  kl_buf line = {0};
  kl_log_escape(&line, c->text, strlen(c->text));
  if (c->remedy) {
    kl_buf_str(&line, c->text[0] && strchr("?.", c->text[strlen(c->text) - 1]) ? " " : "; ");
    kl_log_escape(&line, c->remedy, strlen(c->remedy));
  }
  r->failed = r->failed || line.failed;
  if (!line.failed)
    printf("%s%-5s%s %s: %s\n", r->colour ? colours[c->state] : "", words[c->state], r->colour ? "\033[0m" : "",
           c->name, line.len ? line.data : "");
  fflush(stdout); /* what could not be written is said at the end */
  kl_buf_free(&line);
}

/* Bytes that are no UTF-8 would make the document none either. */
static json_t *text_of(const char *text) {
  kl_buf quoted = {0};
  kl_buf_json_cstr(&quoted, text);
  json_t *out = quoted.failed ? NULL : json_loadb(quoted.data, quoted.len, JSON_DECODE_ANY, NULL);
  kl_buf_free(&quoted);
  return out;
}

static bool keep(kl_report *r, const kl_check *c) {
  json_t *one = json_object();
  bool ok = one && json_object_set_new(one, "name", text_of(c->name)) == 0 &&
            json_object_set_new(one, "state", json_string(words[c->state])) == 0 &&
            json_object_set_new(one, "text", text_of(c->text)) == 0 &&
            (!c->remedy || json_object_set_new(one, "remedy", text_of(c->remedy)) == 0) &&
            (!c->kind || json_object_set_new(one, "kind", text_of(c->kind)) == 0) &&
            (!c->fields || json_object_update_missing(one, c->fields) == 0);
  if (ok) return json_array_append_new(r->checks, one) == 0;
  json_decref(one);
  return false;
}

void kl_report_add(kl_report *r, const kl_check *c) {
  if (c->state == KL_CHECK_WRONG && !r->wrong) {
    r->wrong = true;
    snprintf(r->kind, sizeof r->kind, "%s", c->kind ? c->kind : KL_ERR_INTERNAL);
  }
  if (!r->json)
    print_line(r, c);
  else if (!keep(r, c))
    r->failed = true;
  json_decref(c->fields);
}

void kl_report_say(kl_report *r, const char *name, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  kl_report_add(r, &(kl_check){.name = name, .text = text});
}

const char *kl_report_kind(const kl_report *r) { return r->wrong ? r->kind : NULL; }
bool kl_report_ok(const kl_report *r) { return !r->wrong; }

bool kl_report_end(kl_report *r, const char *environment, bool whole) {
  if (!r->json) return !r->failed;
  json_t *all = json_pack("{s:b, s:s, s:O}", "ok", !r->wrong && whole, "environment", environment, "checks", r->checks);
  bool ok = all && !r->failed;
  if (ok) {
    json_dumpf(all, stdout, JSON_COMPACT); /* what could not be written is said at the end */
    putchar('\n');
  }
  json_decref(all);
  return ok;
}

/* ---- the module ---- */

static const char *text_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name); /* stays on the stack: the text is borrowed from it */
  return lua_isnil(L, -1) ? NULL : luaL_checkstring(L, -1);
}

/* add{ state = "ok" | "note" | "wrong", name =, text =, remedy =, kind =, fields = {…} } */
static int l_add(lua_State *L) {
  kl_report *r = kl_environment_of(L)->report;
  if (!r) return luaL_error(L, "cli.report is for kalua doctor");
  luaL_checktype(L, 1, LUA_TTABLE);
  kl_check c = {.name = text_field(L, "name"),
                .text = text_field(L, "text"),
                .remedy = text_field(L, "remedy"),
                .kind = text_field(L, "kind")};
  const char *state = text_field(L, "state");
  while (state && c.state < KL_CHECK_WRONG && strcmp(words[c.state], state) != 0)
    c.state++;
  if (!c.name || !c.text || !state) return luaL_error(L, "a check has a name, a state and a text");
  lua_getfield(L, 1, "fields");
  if (lua_istable(L, -1) && r->json) {
    kl_buf *text = kl_push_buffer(L);
    kl_json_encode(L, -2, text);
    c.fields = json_loadb(text->data, text->len, 0, NULL);
    if (!c.fields) r->failed = true;
  }
  kl_report_add(r, &c);
  return 0;
}

/* seconds(text): a time as the exchange writes it as seconds since the epoch; nil for anything else. */
static int l_seconds(lua_State *L) {
  int64_t us;
  size_t n;
  const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : NULL;
  if (!text || !kl_time_parse_rfc3339(text, n, &us)) return 0;
  lua_pushnumber(L, (double)us / 1e6);
  return 1;
}

int luaopen_kl_report(lua_State *L) {
  if (!kl_environment_of(L)->tool) return luaL_error(L, "cli.report is for the commands of kalua");
  static const luaL_Reg functions[] = {{"add", l_add}, {"seconds", l_seconds}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
