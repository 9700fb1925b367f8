/* The head of a request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/control.h"
#include "sim/server_impl.h"

/* A header of the exchange's own; NULL when it is absent, or too long to mean anything. */
static const char *own_header(struct lws *wsi, const char *name, char *out, size_t cap) {
  int n = (int)strlen(name), length = lws_hdr_custom_length(wsi, name, n);
  if (length <= 0 || (size_t)length >= cap) return NULL;
  if (lws_hdr_custom_copy(wsi, out, (int)cap, name, n) < 0) return NULL;
  return out;
}

/* The query: key and value, split at the first '='; the library has undone the percent-encoding. */
static bool read_query(kl_sim_connection *k, struct lws *wsi) {
  size_t count = 0;
  kl_buf_clear(&k->query);
  for (int i = 0;; i++) {
    int length = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (!kl_buf_reserve(&k->query, (size_t)length + 2)) return false;
    char *at = k->query.data + k->query.len;
    int n = lws_hdr_copy_fragment(wsi, at, length + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (n < 0) break;     /* there is no such one */
    if (n == 0) continue; /* nothing between two '&' */
    if (count++ == KL_SIM_ARGS_MOST) return false;
    char *value = memchr(at, '=', (size_t)n);
    if (value) *value = '\0';
    at[n] = at[n + 1] = '\0';
    k->query.len += (size_t)n + (value ? 1 : 2);
  }
  /* Now that the text stays where it is: each key is followed by its value. */
  const char *p = k->query.data;
  for (size_t i = 0; i < count; i++) {
    k->args[i].key = p;
    p += strlen(p) + 1;
    k->args[i].value = p;
    p += strlen(p) + 1;
  }
  k->rq.args = k->args;
  k->rq.n_args = count;
  return true;
}

/* A header that the checks of control.h look at: one that is too long is there, and is nothing that they let pass. */
static const char *checked_header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t cap) {
  if (lws_hdr_total_length(wsi, token) <= 0) return NULL;
  if (lws_hdr_copy(wsi, out, (int)cap, token) < 0) snprintf(out, cap, "?");
  return out;
}

static void read_control_headers(kl_sim_connection *k, struct lws *wsi) {
  static const char site[] = "sec-fetch-site:";
  kl_sim_request *rq = &k->rq;
  rq->host = checked_header(wsi, WSI_TOKEN_HOST, k->host, sizeof k->host);
  rq->origin = checked_header(wsi, WSI_TOKEN_ORIGIN, k->origin, sizeof k->origin);
  if (lws_hdr_custom_length(wsi, site, sizeof site - 1) > 0) {
    rq->fetch_site = own_header(wsi, site, k->fetch_site, sizeof k->fetch_site);
    if (!rq->fetch_site) rq->fetch_site = "?";
  }
  rq->peer = lws_get_peer_simple(wsi, k->peer, sizeof k->peer);
}

/* Method, path, signature headers, query. Returns 0, or the status of what is wrong. */
int kl_sim_connection_read_head(kl_sim_connection *k, struct lws *wsi) {
  static const struct {
    enum lws_token_indexes token;
    const char *name;
  } methods[] = {{WSI_TOKEN_GET_URI, "GET"},        {WSI_TOKEN_POST_URI, "POST"}, {WSI_TOKEN_DELETE_URI, "DELETE"},
                 {WSI_TOKEN_PUT_URI, "PUT"},        {WSI_TOKEN_HEAD_URI, "HEAD"}, {WSI_TOKEN_PATCH_URI, "PATCH"},
                 {WSI_TOKEN_OPTIONS_URI, "OPTIONS"}};
  k->rq = (kl_sim_request){.method = k->method, .path = k->path, .connection = k};
  k->path[0] = '\0';
  snprintf(k->method, sizeof k->method, "?");
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (!lws_hdr_total_length(wsi, methods[i].token)) continue;
    snprintf(k->method, sizeof k->method, "%s", methods[i].name);
    if (lws_hdr_copy(wsi, k->path, sizeof k->path, methods[i].token) < 0) return 414;
    break;
  }
  char languages[128];
  if (lws_hdr_copy(wsi, languages, sizeof languages, WSI_TOKEN_HTTP_ACCEPT_LANGUAGE) > 0)
    k->rq.language = kl_sim_language_read(languages);
  k->rq.content_type = checked_header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, k->content_type, sizeof k->content_type);
  k->rq.key_id = own_header(wsi, "kalshi-access-key:", k->key_id, sizeof k->key_id);
  k->rq.timestamp = own_header(wsi, "kalshi-access-timestamp:", k->timestamp, sizeof k->timestamp);
  k->rq.signature = own_header(wsi, "kalshi-access-signature:", k->signature, sizeof k->signature);
  if (kl_sim_control_takes(k->path)) read_control_headers(k, wsi);
  return read_query(k, wsi) ? 0 : 414;
}
