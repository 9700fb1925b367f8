/* API keys: list, register, generate, delete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/body.h"
#include "sim/fcm.h"
#include "sim/json_out.h"
#include "sim/routes.h"
#include "sim/scopes.h"

enum { RSA_BITS = 2048 };

static bool is_rsa(const kl_sim_api_key *k) { return !strcmp(kl_public_key_type(k->verifier), "RSA"); }

static void json_key(kl_buf *b, const kl_sim_api_key *k) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "api_key_id", k->id);
  kl_sim_field_str(b, "name", k->name);
  kl_sim_key(b, "scopes");
  kl_sim_json_scopes(b, k->scopes);
  if (k->subaccount >= 0) kl_sim_field_int(b, "subaccount", k->subaccount);
  if (k->account != k->owner) kl_sim_field_str(b, "fcm_subtrader_id", k->account->subtrader->id);
  kl_sim_field_str(b, "key_type", is_rsa(k) ? "rsa" : "ed25519");
  kl_buf_char(b, '}');
}

static void get_api_keys(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *subtrader = kl_sim_arg_get(rq, "fcm_subtrader_id");
  kl_buf *b = &rs->body;
  bool any = false;
  kl_buf_str(b, "{\"api_keys\":[");
  for (const kl_sim_api_key *k = NULL; (k = kl_sim_keys_next(s->keys, rq->account, k));) {
    if (subtrader && (k->account == k->owner || strcmp(k->account->subtrader->id, subtrader) != 0)) continue;
    if (any) kl_buf_char(b, ',');
    any = true;
    json_key(b, k);
  }
  kl_buf_str(b, "],\"api_key_region_expiration_ts\":");
  if (s->region_expires_us) {
    kl_buf_int(b, s->region_expires_us / 1000000);
  } else {
    kl_buf_str(b, "null");
  }
  kl_buf_char(b, '}');
}

/* ---- making one ---- */

static bool invalid(kl_sim_response *rs, const char *details) {
  kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters", details);
  return false;
}

static bool read_scopes(const json_t *list, uint32_t *scopes, kl_sim_response *rs) {
  kl_sim_details d;
  size_t i;
  const json_t *v;
  *scopes = list ? 0 : KL_SCOPE_FULL;
  json_array_foreach(list, i, v) {
    uint32_t bit = json_is_string(v) ? kl_sim_scope_of(json_string_value(v)) : 0;
    if (!json_is_string(v)) {
      kl_sim_fail_body(rs, "scopes: expected strings");
      return false;
    }
    snprintf(d, sizeof d, "scopes: there is no scope %.60s", json_string_value(v));
    if (!bit) return invalid(rs, d);
    *scopes |= bit;
  }
  if (!*scopes) return invalid(rs, "scopes: a key needs at least one");
  return !(*scopes & KL_SCOPE_WRITE) || (*scopes & KL_SCOPE_READ) || invalid(rs, "scopes: write needs read");
}

static bool read_subtrader(kl_sim *s, const char *id, kl_sim_api_key *like, kl_sim_response *rs) {
  if (!id) return true;
  if (!like->owner->fcm) {
    kl_sim_forbid(rs, "fcm_subtrader_id is for FCM members");
    return false;
  }
  kl_sim_subtrader *t = kl_sim_fcm_find(s, like->owner, id);
  if (!t) return invalid(rs, "fcm_subtrader_id: you have no such subtrader");
  like->account = &t->account;
  return true;
}

/* On any shard. */
static bool has_subaccount(const kl_sim *s, const kl_sim_account *a, int subaccount) {
  bool has = false;
  for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++)
    has = has || kl_exchange_has_subaccount(s->x, a->user, subaccount, shard);
  return has;
}

/* What both ways to make a key have in common; false after answering. `like` is complete but for the verifier. */
static bool read_key(kl_sim *s, const kl_sim_request *rq, const json_t *root, kl_sim_api_key *like,
                     kl_sim_response *rs) {
  kl_sim_details d;
  const char *name, *subtrader;
  const json_t *scopes, *locked;
  int64_t subaccount;
  *like = (kl_sim_api_key){.owner = rq->account, .account = rq->account, .subaccount = -1};
  if (!kl_sim_body_text(root, "name", &name, d) || !kl_sim_body_field(root, "scopes", KL_SIM_ARRAY, &scopes, d) ||
      !kl_sim_body_field(root, "subaccount", KL_SIM_INTEGER, &locked, d) ||
      !kl_sim_body_int(root, "subaccount", -1, &subaccount, d) ||
      !kl_sim_body_text(root, "fcm_subtrader_id", &subtrader, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  if (!name || !*name) return invalid(rs, "name is required");
  if (strlen(name) >= sizeof like->name) return invalid(rs, "name: at most 128 bytes");
  snprintf(like->name, sizeof like->name, "%s", name);
  if (locked && (subaccount < 0 || subaccount > 63)) return invalid(rs, "subaccount must be 0 to 63");
  if (locked && subtrader) return invalid(rs, "subaccount and fcm_subtrader_id exclude each other");
  if (locked && !has_subaccount(s, rq->account, (int)subaccount)) return invalid(rs, "you have no such subaccount");
  like->subaccount = (int)subaccount;
  return read_scopes(scopes, &like->scopes, rs) && read_subtrader(s, subtrader, like, rs);
}

static void warning(kl_buf *b, const kl_sim_api_key *k) {
  if (k->account != k->owner && !k->account->subtrader->has_cap)
    kl_sim_field_str(b, "warning",
                     "the subtrader has no event-contract daily cap: its orders are rejected until one is set");
}

/* Takes the verifier. NULL after answering. */
static const kl_sim_api_key *add_key(kl_sim *s, const kl_sim_api_key *like, kl_sim_response *rs) {
  const kl_sim_api_key *k = kl_sim_keys_add(s->keys, like);
  if (!k) {
    kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
    return NULL;
  }
  kl_sim_keys_keep(s, k);
  rs->status = 201;
  return k;
}

static bool has_premier(const kl_sim_account *a) { return a->limits.tier >= kl_sim_tier_find("premier"); }

/* Whether somebody has registered this public key before. */
static bool is_known(const kl_sim *s, const kl_public_key *key, bool *failed) {
  kl_buf mine = {0};
  bool found = false;
  if (!kl_public_key_pem(key, &mine)) *failed = true;
  for (const kl_sim_api_key *k = NULL; !*failed && !found && (k = kl_sim_keys_next(s->keys, NULL, k));) {
    kl_buf other = {0};
    if (!kl_public_key_pem(k->verifier, &other)) *failed = true;
    found = !*failed && mine.len == other.len && !memcmp(mine.data, other.data, mine.len);
    kl_buf_free(&other);
  }
  kl_buf_free(&mine);
  return found;
}

static void create_key(kl_sim *s, const kl_sim_request *rq, const json_t *root, kl_sim_response *rs) {
  kl_sim_api_key like;
  kl_sim_details d;
  const char *pem;
  kl_error e = {0};
  bool failed = false;
  if (!kl_sim_body_text(root, "public_key", &pem, d)) {
    kl_sim_fail_body(rs, d);
    return;
  }
  if (!read_key(s, rq, root, &like, rs)) return;
  if (!pem || !*pem) {
    invalid(rs, "public_key is required");
    return;
  }
  if (!kl_public_key_load_pem(pem, strlen(pem), &like.verifier, &e)) {
    invalid(rs, e.message);
    return;
  }
  if (is_known(s, like.verifier, &failed) || failed) {
    kl_public_key_release(like.verifier);
    if (failed) {
      kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
    } else {
      kl_sim_fail(rs, 409, "api_key_already_exists", "API key already exists", "this public key is registered");
    }
    return;
  }
  const kl_sim_api_key *k = add_key(s, &like, rs);
  if (!k) return;
  kl_buf_char(&rs->body, '{');
  kl_sim_field_str(&rs->body, "api_key_id", k->id);
  warning(&rs->body, k);
  kl_buf_char(&rs->body, '}');
}

static void create_api_key(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  if (!has_premier(rq->account)) {
    kl_sim_forbid(rs, "registering a public key needs the Premier API usage level; POST /api_keys/generate does not");
    return;
  }
  json_t *root = kl_sim_body_read(rq, rs);
  if (root) create_key(s, rq, root, rs);
  json_decref(root);
}

/* ---- generating one: the pair is made by a worker thread, since RSA takes its time ---- */

typedef struct generation {
  uv_work_t work;
  kl_sim *sim;
  kl_sim_later *later;
  kl_sim_api_key like;
  int bits;
  kl_buf private_pem;
  bool ok;
  kl_error error;
} generation;

static void generate(uv_work_t *w) {
  generation *g = w->data;
  g->ok = kl_key_pair_new(g->bits, &g->private_pem, &g->like.verifier, &g->error);
}

static void generated(uv_work_t *w, int status) {
  generation *g = w->data;
  kl_sim_response rs = {0};
  (void)status; /* nobody cancels it */
  kl_sim_touch(g->sim);
  const kl_sim_api_key *k = NULL;
  if (g->ok) {
    k = add_key(g->sim, &g->like, &rs);
  } else {
    kl_log_error("sim", "%s", g->error.message);
    kl_sim_fail(&rs, 500, "internal_error", "the key could not be made", NULL);
  }
  if (k) {
    kl_buf_char(&rs.body, '{');
    kl_sim_field_str(&rs.body, "api_key_id", k->id);
    kl_sim_field_str(&rs.body, "private_key", g->private_pem.data);
    warning(&rs.body, k);
    kl_buf_char(&rs.body, '}');
  }
  kl_sim_later_answer(g->later, &rs); /* leaves in a later turn: the end of this one keeps the key */
  if (g->private_pem.data) explicit_bzero(g->private_pem.data, g->private_pem.len);
  kl_buf_free(&g->private_pem);
  free(g);
}

/* Whether the type is one that there is; false after answering. */
static bool read_type(const json_t *root, int *bits, kl_sim_response *rs) {
  kl_sim_details d;
  const char *type;
  if (!kl_sim_body_text(root, "key_type", &type, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  *bits = type && !strcmp(type, "ed25519") ? 0 : RSA_BITS;
  return !type || !*bits || !strcmp(type, "rsa") || invalid(rs, "key_type must be rsa or ed25519");
}

static void generate_api_key(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  json_t *root = kl_sim_body_read(rq, rs);
  kl_sim_api_key like;
  int bits;
  bool ok = root && read_type(root, &bits, rs) && read_key(s, rq, root, &like, rs);
  json_decref(root);
  if (!ok) return;
  generation *g = calloc(1, sizeof *g);
  kl_sim_later *later = g ? kl_sim_later_new(rq) : NULL;
  if (!later) {
    free(g);
    kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
    return;
  }
  *g = (generation){.work.data = g, .sim = s, .later = later, .like = like, .bits = bits};
  uv_queue_work(&s->loop, &g->work, generate, generated); /* fails only without a function to run */
}

static void delete_api_key(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_api_key *k = kl_sim_keys_find(s->keys, rq->params[0]);
  if (!k || k->owner != rq->account) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  kl_sim_keys_delete(s, k);
  rs->status = 204;
}

const kl_sim_route kl_sim_routes_keys[] = {
    {"GetApiKeys", get_api_keys, false},
    {"CreateApiKey", create_api_key, false},
    {"GenerateApiKey", generate_api_key, false},
    {"DeleteApiKey", delete_api_key, false},
    {NULL, NULL, false},
};
