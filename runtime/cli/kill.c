/* kalua kill: stops all trading of this user, whether the processes that trade answer or not. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/exchange_address.h"
#include "cli/profile.h"
#include "control/client.h"
#include "trading/kill_mark.h"
#include "trading/sweep.h"

enum { DONE_MS = 30000, SWEEP_MS = 8000 };

/* A process that was asked. */
typedef struct victim {
  const kl_listed *process;
  kl_control_asked *asked;
  bool answered, killed;
  bool clear; /* nothing of its rests */
} victim;

static int64_t now_ms(void) { return kl_mono_ns(kl_clock_real()) / 1000000; }

static int left_ms(int64_t until) {
  int64_t left = until - now_ms();
  return left > 0 ? (int)left : 0;
}

static void names_of(const kl_listed *p, char *out, size_t cap) {
  size_t used = 0;
  out[0] = 0;
  for (size_t i = 0; i < p->n_names && used < cap; i++) {
    int n = snprintf(out + used, cap - used, "%s%s", i ? ", " : "", p->names[i]);
    used += n > 0 ? (size_t)n : 0;
  }
  if (p->n_names == 0) snprintf(out, cap, "a process without scripts");
}

/* ---- the processes ---- */

static void end_it(victim *v, const char *names) {
  v->killed = kill((pid_t)v->process->pid, SIGKILL) == 0;
  if (v->killed)
    printf("%s (%" PRId64 "): did not answer, and was killed\n", names, v->process->pid);
  else if (errno == ESRCH)
    v->killed = true;
  else
    printf("%s (%" PRId64 "): does not answer and cannot be killed: %s\n", names, v->process->pid, strerror(errno));
}

/* `found` were seen to rest. The cancel may have been quicker than the look, so that none seen is not none canceled. */
static void say_cleared(size_t found) {
  if (found)
    printf("%zu order%s canceled, none left\n", found, found == 1 ? "" : "s");
  else
    puts("no orders left");
}

static void await(victim *v, int64_t until) {
  char names[300];
  json_t *refusal = NULL;
  kl_control_asked *a = v->asked;
  names_of(v->process, names, sizeof names);
  json_t *answer = a->peer ? kl_control_await(a->peer, a->id, left_ms(until), &refusal, &a->error) : NULL;
  v->answered = answer || refusal;
  if (answer) {
    v->clear = true;
    printf("%s (%" PRId64 "): stopped, ", names, v->process->pid);
    say_cleared((size_t)json_integer_value(json_object_get(answer, "found")));
  } else if (refusal) {
    printf("%s (%" PRId64 "): stopped, but orders may still rest: %s\n", names, v->process->pid, a->error.message);
  } else {
    end_it(v, names);
  }
  fflush(stdout);
  json_decref(answer);
  json_decref(refusal);
  kl_control_disconnect(a->peer);
}

/* ---- the accounts ---- */

typedef struct account {
  const char *env, *rest_url, *ca_file, *key_id; /* borrowed */
  const char *profile;                           /* NULL: none */
  kl_key *key;
} account;

/* That was looked at already. */
typedef struct done {
  struct done *next;
  char rest_url[256], key_id[128];
  bool ok; /* nothing rests there any more */
} done;

static const done *find_done(const done *all, const char *rest_url, const char *key_id) {
  while (all && (strcmp(all->rest_url, rest_url) != 0 || strcmp(all->key_id, key_id) != 0))
    all = all->next;
  return all;
}

/* What failed with the key that was known there may not with another. */
static bool is_clear(const done *all, const char *rest_url, const char *key_id) {
  const done *d = find_done(all, rest_url, key_id);
  return d && d->ok;
}

/* Without memory it is looked at once more, which harms nobody. */
static void note_done(done **all, const char *rest_url, const char *key_id, bool ok) {
  done *d = calloc(1, sizeof *d);
  if (!d) return;
  d->ok = ok;
  snprintf(d->rest_url, sizeof d->rest_url, "%s", rest_url);
  snprintf(d->key_id, sizeof d->key_id, "%s", key_id);
  d->next = *all;
  *all = d;
}

static void done_free(done *all) {
  while (all) {
    done *next = all->next;
    free(all);
    all = next;
  }
}

static void swept(void *data, const kl_sweep_result *r) {
  kl_sweep_result *out = data;
  *out = *r;
}

static void session_closed(void *data) { *(bool *)data = true; }

static bool sweep(uv_loop_t *loop, kl_session *s, kl_sweep_result *out) {
  *out = (kl_sweep_result){.found = SIZE_MAX};
  if (!kl_sweep_start(s, loop, SWEEP_MS, swept, out)) {
    kl_error_set(&out->error, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  while (out->found == SIZE_MAX)
    uv_run(loop, UV_RUN_ONCE);
  return out->error.kind == NULL;
}

/* Cancels what rests on an account whose process can do it no longer. */
static bool sweep_account(const account *a, kl_sweep_result *out) {
  uv_loop_t loop;
  kl_error *e = &out->error;
  if (uv_loop_init(&loop) != 0) {
    kl_error_set(e, KL_ERR_INTERNAL, "no event loop: are too many files open?");
    return false;
  }
  const kl_session_options so = {.env = a->env,
                                 .rest_url = a->rest_url,
                                 .ws_url = "ws://127.0.0.1:1/", /* nothing is subscribed to */
                                 .ca_file = a->ca_file,
                                 .key_id = a->key_id,
                                 .key = a->key,
                                 .live = true, /* cancels only */
                                 .clock = kl_clock_real(),
                                 .user_agent = "kalua/" KL_VERSION};
  kl_session *s = kl_session_new(&loop, &so, e);
  bool ok = s && sweep(&loop, s, out), closed = !s;
  if (s) kl_session_close(s, session_closed, &closed);
  while (!closed)
    uv_run(&loop, UV_RUN_ONCE);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return ok;
}

static bool say_swept(const account *a, bool ok, const kl_sweep_result *r) {
  printf("account %s on %s%s%s: ", a->key_id, a->env, a->profile ? ", profile " : "", a->profile ? a->profile : "");
  if (ok)
    say_cleared(r->found);
  else
    printf("orders may still rest: %s\n", r->error.message);
  fflush(stdout);
  return ok;
}

/* Of an account that a process has listed. */
static bool load_key(const kl_listed_account *p, kl_key **out, kl_error *e) {
  kl_settings *s = NULL;
  if (p->key_path) return kl_key_load_file(p->key_path, kl_passphrase_from_tty, NULL, out, e);
  if (!p->settings) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_missing",
                   "its key is in no file; run this again with KALSHI_PRIVATE_KEY set");
    return false;
  }
  if (!kl_settings_load_apart(&s, p->settings, e)) return false;
  const char *pem = kl_settings_get(s, NULL, "KALSHI_PRIVATE_KEY");
  bool ok = pem && kl_key_load_pem(pem, strlen(pem), p->settings, kl_passphrase_from_tty, NULL, out, e);
  if (!pem) kl_error_coded(e, KL_ERR_CONFIG, "key_missing", "its key is no longer in %.300s", p->settings);
  kl_settings_free(s);
  return ok;
}

/* The accounts of those whose orders are not known to be gone, each once. */
static bool sweep_the_rest(victim *all, size_t n, done **seen) {
  bool ok = true;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; !all[i].clear && k < all[i].process->n_accounts; k++) {
      const kl_listed_account *p = &all[i].process->accounts[k];
      if (!p->rest_url || !p->key_id || find_done(*seen, p->rest_url, p->key_id)) continue;
      account a = {p->env, p->rest_url, p->ca_file, p->key_id, p->profile, NULL};
      kl_sweep_result r = {0};
      bool swept_now = load_key(p, &a.key, &r.error) && sweep_account(&a, &r);
      ok = say_swept(&a, swept_now, &r) && ok;
      kl_key_release(a.key);
      note_done(seen, p->rest_url, p->key_id, swept_now);
    }
  }
  return ok;
}

/* What is looked at from here, beside what processes have listed. */
typedef struct sweeping {
  kl_profile_base base;
  const victim *victims; /* the processes that were asked */
  size_t n_victims;
  done **seen;
  bool ok;
  size_t n;    /* accounts that there are */
  bool inside; /* the command itself names the exchange inside this process */
} sweeping;

/* ---- keys that are of no exchange here ---- */

/* By a process that trades with it, or from here: then it has been said what came of it. */
static bool was_cleared(const sweeping *s, const char *key_id) {
  for (const done *d = *s->seen; d; d = d->next)
    if (!strcmp(d->key_id, key_id)) return true;
  for (size_t i = 0; i < s->n_victims; i++) {
    const kl_listed *p = s->victims[i].process;
    for (size_t k = 0; s->victims[i].clear && k < p->n_accounts; k++)
      if (p->accounts[k].key_id && !strcmp(p->accounts[k].key_id, key_id)) return true;
  }
  return false;
}

/* A key, or a part of one, with which nothing is done, since by the settings the exchange is the one inside this
 * process: of which one it is stood on the command line of what traded (`kalua run --env demo`), and orders may rest
 * there. */
static void look_for_unused(sweeping *s, const kl_settings *in, const char *profile, const char *id, const char *path) {
  const char *key_id = kl_settings_get(in, id, "KALSHI_API_KEY_ID");
  if (s->inside) return;
  if (!key_id && !kl_settings_get(in, path, "KALSHI_PRIVATE_KEY_PATH") &&
      !kl_settings_get(in, NULL, "KALSHI_PRIVATE_KEY"))
    return;
  if (key_id && was_cleared(s, key_id)) return;
  s->n++;
  s->ok = false;
  printf("account %s%s%s: not looked at, and orders may still rest: which exchange its key is of was not named; "
         "run `kalua kill --env demo` or `kalua kill --env prod`\n",
         key_id ? key_id : "without a key id", profile ? ", profile " : "", profile ? profile : "");
  fflush(stdout);
}

/* ---- profiles that lie here ---- */

/* What a process that is no more has left on it. A file without a key id and a key is none of an account
 * (.env.example).
 */
static void sweep_profile(void *data, const char *name) {
  sweeping *s = data;
  kl_profile p;
  kl_sweep_result r = {0};
  kl_error e = {0};
  if (!kl_profile_read(&s->base, name, &p, &e)) {
    if (!strcmp(e.code, "key_missing")) return;
    s->n++;
    s->ok = false;
    printf("profile %s: orders may still rest: %s\n", name, e.message);
    return;
  }
  if (p.embedded) { /* that itself says so can be of no other */
    if (!kl_settings_get(p.settings, NULL, "KALSHI_ENV")) look_for_unused(s, p.settings, p.name, NULL, NULL);
  } else if (!p.rest_url[0]) {
    s->n++;
    s->ok = false;
    printf("profile %s: orders may still rest: which exchange it is on stands in settings that cannot be used\n", name);
  } else if (!is_clear(*s->seen, p.rest_url, p.key_id)) {
    account a = {p.env, p.rest_url, p.ca_file, p.key_id, p.name, p.key};
    bool ok = sweep_account(&a, &r);
    s->n++;
    s->ok = say_swept(&a, ok, &r) && s->ok;
    note_done(s->seen, p.rest_url, p.key_id, ok);
  }
  kl_profile_close(&p);
}

/* The account of the options and settings, and those of profiles: what a process that is no more, or another program,
 * has left there. The exit code. */
static int sweep_own(kl_connect_options *o, sweeping *s) {
  kl_app *app = NULL;
  int code = KL_EXIT_OK;
  kl_error e = {0};
  o->log_default = "error";
  o->live = true; /* cancels only */
  s->inside = o->embedded || (o->env && !strcmp(o->env, "sim"));
  if (!kl_app_open(o, KL_VERSION, &app, &e)) code = kl_cli_fail(&e);
  if (app && kl_app_key_origin(app) && !kl_app_sim(app)) {
    s->n++;
    if (!is_clear(*s->seen, kl_app_rest_url(app), kl_app_key_id(app))) {
      const account a = {.env = kl_app_env(app), .key_id = kl_app_key_id(app)};
      kl_sweep_result r = {0};
      bool ok = sweep(kl_app_loop(app), kl_app_account_session(app), &r);
      s->ok = say_swept(&a, ok, &r) && s->ok;
      note_done(s->seen, kl_app_rest_url(app), kl_app_key_id(app), ok);
    }
  }
  /* Profiles are looked at, too, where the settings beside them are wrong, or their key is gone. */
  kl_settings *settings = NULL;
  kl_exchange_address where = {0};
  bool known = kl_settings_load(&settings, ".env", &e) && kl_exchange_address_choose(o, settings, &where, &e);
  if (app)
    s->base = kl_app_profile_base(app);
  else if (known)
    s->base = (kl_profile_base){where.env, where.rest_url, where.ws_url, where.ca_file, NULL};
  if (known && where.embedded) look_for_unused(s, settings, NULL, o->key_id, o->key_path);
  kl_profiles_each(sweep_profile, s);
  kl_settings_free(settings);
  kl_app_close(app);
  return code != KL_EXIT_OK || s->ok ? code : KL_EXIT_FAILED;
}

/* ---- the command ---- */

static int stop_everything(kl_connect_options *o) {
  kl_error e = {0};
  kl_listed *all = NULL;
  size_t n = 0;
  bool marked = kl_kill_mark_set(&e); /* first: nothing that starts again may trade */
  int code = marked ? KL_EXIT_OK : kl_cli_fail(&e);
  if (!kl_listed_all(&all, &n, &e)) code = kl_cli_fail(&e);
  victim *victims = calloc(n ? n : 1, sizeof *victims);
  kl_control_asked *asked = calloc(n ? n : 1, sizeof *asked);
  if (!victims || !asked) {
    free(victims);
    free(asked);
    kl_listed_free(all, n);
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    return kl_cli_fail(&e);
  }
  kl_control_ask_all(all, n, "kill", asked);
  for (size_t i = 0; i < n; i++)
    victims[i] = (victim){.process = &all[i], .asked = &asked[i]};
  int64_t until = now_ms() + DONE_MS;
  for (size_t i = 0; i < n; i++)
    await(&victims[i], until);
  for (size_t i = 0; i < n; i++)
    if (!victims[i].answered && !victims[i].killed) code = KL_EXIT_FAILED;
  done *seen = NULL;
  if (!sweep_the_rest(victims, n, &seen)) code = KL_EXIT_FAILED;
  sweeping s = {
      .base = {.env = "", .rest_url = "", .ws_url = ""}, .victims = victims, .n_victims = n, .seen = &seen, .ok = true};
  int own = sweep_own(o, &s);
  done_free(seen);
  free(victims);
  free(asked);
  kl_listed_free(all, n);
  if (own != KL_EXIT_OK) code = own;
  if (n == 0 && s.n == 0) puts("no script of this user is running, and no account is configured");
  if (marked) puts("no process of this user sends orders until `kalua kill --release`");
  return code;
}

static int release(void) {
  kl_error e = {0};
  bool was = false;
  if (!kl_kill_mark_clear(&was, &e)) return kl_cli_fail(&e);
  puts(was ? "trading is allowed again" : "trading was not stopped");
  return KL_EXIT_OK;
}

int kl_command_kill(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua kill\n\n"
      "Stops all trading of this user, now: every script is stopped without its on_stop handlers, every order of\n"
      "their accounts is canceled, and processes that do not answer are killed. The account of the options below\n"
      "is cleared of orders, too, whoever placed them. Positions stay. Nothing that is started afterwards sends\n"
      "orders to an exchange until `kalua kill --release`. Exit code 1: orders may still rest, as said.\n";
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_text_list names = {0};
  bool lift = false;
  kl_connect_opts(&o, connect);
  const kl_opt own[] = {{"release", KL_OPT_FLAG, &lift, NULL, "allow trading again; starts nothing", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  int code = kl_opts_parse("kill", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &names, NULL);
  if (code < 0 && names.n)
    code = kl_cli_usage("kill", "it stops everything, and takes no name; `kalua stop %.80s` ends one script",
                        names.items[0]);
  kl_text_list_free(&names);
  if (code < 0) code = lift ? release() : stop_everything(&o);
  kl_connect_options_free(&o);
  return code;
}
