#include "bindings/shadow_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bindings/rest.h"
#include "bindings/sessions.h"
#include "kalshi/account.h"

enum { DELAY_LEAST_MS = 1, DELAY_MOST_MS = 1000 };

/* ---- start and end ---- */

int64_t kl_shadow_now_us(void) { return kl_mono_ns(kl_clock_real()) / 1000; }

kl_strategy *kl_shadow_strategy(const kl_shadow *s, kl_actor who) { return s->sides[who]; }
const kl_comparison *kl_shadow_comparison(const kl_shadow *s) { return s->comparison; }
kl_shadow *kl_shadow_next(const kl_environment *env, const kl_shadow *after) {
  return after ? after->next : env->shadows;
}

static void shadow_free(kl_shadow *s) {
  for (int who = 0; who < KL_ACTORS; who++)
    kl_paper_close(&s->paper[who]);
  kl_shadow_forget_orders(s);
  free(s);
}

/* With its branches. */
static void whole_free(kl_shadow *s) {
  while (s->branches) {
    kl_shadow *next = s->branches->next;
    shadow_free(s->branches);
    s->branches = next;
  }
  kl_comparison_free(s->comparison);
  shadow_free(s);
}

void kl_shadows_free(kl_shadow *first) {
  while (first) {
    kl_shadow *next = first->next;
    whole_free(first);
    first = next;
  }
}

static bool ended(const kl_strategy *g) {
  kl_strategy_status status;
  kl_strategy_status_get(g, &status);
  return status.phase == KL_STRATEGY_ENDED;
}

bool kl_shadow_side_ends(const kl_strategy *g) {
  kl_strategy_status status;
  kl_strategy_status_get(g, &status);
  return status.stopping || status.phase == KL_STRATEGY_ENDED;
}

bool kl_shadow_may_start(const kl_environment *env, const kl_strategy *of, kl_error *e) {
  for (const kl_shadow *s = env->shadows; s; s = s->next) {
    if (s->sides[KL_ACTOR_OLD] != of || ended(s->sides[KL_ACTOR_NEW])) continue;
    kl_error_coded(e, KL_ERR_VALIDATION, "shadow_runs",
                   "%s has a shadow that runs: end it with `kalua shadow %s --stop`", kl_strategy_name(of),
                   kl_strategy_name(of));
    return false;
  }
  return true;
}

static kl_shadow *shadow_new(kl_place *at) {
  kl_shadow *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->at = at;
  kl_list_init(&s->made);
  bool old = kl_paper_open(&s->paper[KL_ACTOR_OLD]), new = kl_paper_open(&s->paper[KL_ACTOR_NEW]);
  if (old && new) return s;
  shadow_free(s);
  return NULL;
}

static void look_at_account(kl_shadow *s) {
  kl_error none = {0}; /* without a key there are no orders to know of */
  if (s->at->session) (void)kl_account_start(kl_session_account(kl_account_session(s->at)), &none);
  kl_shadow_copy_orders(s);
}

bool kl_shadow_start(kl_environment *env, kl_host *h, kl_strategy *of, const kl_strategy_options *o, kl_shadow **out,
                     kl_error *e) {
  if (!kl_shadow_may_start(env, of, e)) return false;
  kl_shadow *s = shadow_new(&env->place);
  if (s) s->comparison = kl_comparison_new(KL_SHADOW_WINDOW_MS * INT64_C(1000));
  if (!s || !s->comparison) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a shadow of %s", kl_strategy_name(of));
    if (s) whole_free(s);
    return false;
  }
  kl_strategy_options so = *o;
  so.shadow_of = of;
  s->sides[KL_ACTOR_OLD] = of;
  if (!kl_strategy_start(h, &so, &s->sides[KL_ACTOR_NEW], e)) {
    whole_free(s);
    return false;
  }
  look_at_account(s);
  kl_shadow **end = &env->shadows;
  while (*end)
    end = &(*end)->next;
  *end = *out = s;
  return true;
}

/* Its side of that account, made when either of the two first has to do with it. */
static kl_shadow *branch_of(lua_State *L, kl_shadow *s, kl_place *at) {
  if (!at || at == s->at) return s;
  for (kl_shadow *b = s->branches; b; b = b->next)
    if (b->at == at) return b;
  kl_shadow *b = shadow_new(at);
  if (!b) {
    kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for a shadow's orders of another account");
    return NULL;
  }
  memcpy(b->sides, s->sides, sizeof b->sides);
  b->comparison = s->comparison;
  b->next = s->branches;
  s->branches = b;
  look_at_account(b);
  return b;
}

kl_shadow *kl_shadow_here(lua_State *L, kl_place *at, kl_actor *who) {
  const kl_environment *env = kl_environment_of(L);
  if (!env->shadows) return NULL;
  const kl_strategy *g = kl_script_strategy(kl_script_of(L));
  kl_shadow *found = NULL; /* the newest: one that has ended is history */
  for (kl_shadow *s = env->shadows; g && s; s = s->next) {
    if (s->sides[KL_ACTOR_NEW] != g && (s->sides[KL_ACTOR_OLD] != g || ended(s->sides[KL_ACTOR_NEW]))) continue;
    *who = s->sides[KL_ACTOR_NEW] == g ? KL_ACTOR_NEW : KL_ACTOR_OLD;
    found = s;
  }
  return found ? branch_of(L, found, at) : NULL;
}

/* ---- what the old one sends ---- */

/* Until the answer it is known by its client_order_id. */
static void keep_sent(kl_shadow *s, const json_t *body) {
  kl_paper_order o;
  kl_shadow_read_order(body, &o);
  kl_paper_copy(o.id, sizeof o.id, o.client_order_id);
  if (o.id[0]) (void)kl_paper_add(&s->paper[KL_ACTOR_OLD], &o);
}

void kl_shadow_sent(kl_shadow *s, const kl_operation *op, const char *method, const kl_args *args) {
  json_t *body = kl_shadow_body(args), *one;
  size_t i;
  kl_shadow_note_request(s, KL_ACTOR_OLD, op, method, args, body);
  if (kl_shadow_is(op, "create_order")) {
    keep_sent(s, body);
  } else if (kl_shadow_is(op, "batch_create_orders")) {
    json_array_foreach(json_object_get(body, "orders"), i, one) keep_sent(s, one);
  } else if (kl_shadow_is(op, "amend_order")) {
    char id[80];
    kl_shadow_path_id(op, args, id, sizeof id);
    kl_paper_order *o = kl_shadow_order(s, KL_ACTOR_OLD, id);
    if (o) (void)kl_shadow_fixed(body, "price", KL_PRICE_PLACES, &o->price);
  }
  json_decref(body);
}

void kl_shadow_learn(kl_shadow *s, const char *client_id, const char *id) {
  kl_paper_rename(&s->paper[KL_ACTOR_OLD], client_id, id);
}

static void learn_id(kl_shadow *s, const json_t *answer) {
  const char *id = kl_shadow_text(answer, "order_id"), *client = kl_shadow_text(answer, "client_order_id");
  if (id && client) kl_shadow_learn(s, client, id);
}

/* Never at once: a loop that no exchange slows down would take the time of the others. */
uint64_t kl_shadow_delay_ms(const kl_shadow *s) {
  if (s->took_ms < DELAY_LEAST_MS) return DELAY_LEAST_MS;
  return s->took_ms < DELAY_MOST_MS ? s->took_ms : DELAY_MOST_MS;
}

void kl_shadow_answered(kl_shadow *s, const kl_operation *op, int64_t sent_us, const char *body, size_t n) {
  s->took_ms = (uint64_t)(kl_shadow_now_us() - sent_us) / 1000;
  bool single = kl_shadow_is(op, "create_order");
  if (!single && !kl_shadow_is(op, "batch_create_orders")) return;
  json_t *answer = json_loadb(body, n, 0, NULL), *one;
  size_t i;
  if (single)
    learn_id(s, answer);
  else
    json_array_foreach(json_object_get(answer, "orders"), i, one) learn_id(s, one);
  json_decref(answer);
}
