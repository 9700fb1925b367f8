#include "net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PROXY_PORT = 1080 /* what curl takes when a proxy's address has none */ };

void kl_url_free(kl_url *u) {
  free(u->host);
  free(u->authority);
  free(u->target);
  if (u->credentials) explicit_bzero(u->credentials, strlen(u->credentials));
  free(u->credentials);
  memset(u, 0, sizeof *u);
}

static void examine_host(kl_url *u) {
  struct in_addr v4;
  struct in6_addr v6;
  if (inet_pton(AF_INET, u->host, &v4) == 1) {
    u->is_ip = true;
    u->loopback = (ntohl(v4.s_addr) >> 24) == 127;
  } else if (inet_pton(AF_INET6, u->host, &v6) == 1) {
    u->is_ip = true;
    u->loopback = IN6_IS_ADDR_LOOPBACK(&v6);
  } else {
    u->loopback = !strcasecmp(u->host, "localhost");
  }
}

/* A part of the address as a string of our own; NULL and *rc set when it is missing. */
static char *part(CURLU *cu, CURLUPart which, unsigned flags, CURLUcode *rc) {
  char *text = NULL;
  *rc = curl_url_get(cu, which, &text, flags);
  if (*rc != CURLUE_OK) return NULL;
  char *own = strdup(text);
  curl_free(text);
  if (!own) *rc = CURLUE_OUT_OF_MEMORY;
  return own;
}

static CURLUcode take_host(kl_url *u, CURLU *cu) {
  CURLUcode rc;
  u->host = part(cu, CURLUPART_HOST, 0, &rc);
  if (!u->host) return rc;
  size_t n = strlen(u->host);
  if (n > 2 && u->host[0] == '[') {
    memmove(u->host, u->host + 1, n - 2);
    u->host[n - 2] = 0;
  }
  return u->host[0] ? CURLUE_OK : CURLUE_NO_HOST;
}

static CURLUcode take_port(kl_url *u, CURLU *cu, unsigned standard) {
  CURLUcode rc;
  char *text = part(cu, CURLUPART_PORT, 0, &rc);
  unsigned long port = standard;
  if (text) {
    port = strtoul(text, NULL, 10);
    free(text);
  } else if (rc != CURLUE_NO_PORT) {
    return rc;
  }
  if (port == 0 || port > 65535) return CURLUE_BAD_PORT_NUMBER;
  u->port = (uint16_t)port;
  return CURLUE_OK;
}

static CURLUcode take_authority(kl_url *u, unsigned standard) {
  size_t cap = strlen(u->host) + 16;
  u->authority = malloc(cap);
  if (!u->authority) return CURLUE_OUT_OF_MEMORY;
  bool brackets = strchr(u->host, ':') != NULL;
  int n = snprintf(u->authority, cap, "%s%s%s", brackets ? "[" : "", u->host, brackets ? "]" : "");
  if (u->port != standard) snprintf(u->authority + n, cap - (size_t)n, ":%u", (unsigned)u->port);
  return CURLUE_OK;
}

static CURLUcode take_target(kl_url *u, CURLU *cu) {
  CURLUcode rc;
  char *path = part(cu, CURLUPART_PATH, 0, &rc);
  if (!path) return rc;
  char *query = part(cu, CURLUPART_QUERY, 0, &rc);
  if (!query && rc != CURLUE_NO_QUERY) {
    free(path);
    return rc;
  }
  size_t cap = strlen(path) + (query ? strlen(query) : 0) + 2;
  u->target = malloc(cap);
  if (u->target) snprintf(u->target, cap, "%s%s%s", path, query ? "?" : "", query ? query : "");
  free(path);
  free(query);
  return u->target ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
}

static CURLUcode take_credentials(kl_url *u, CURLU *cu) {
  CURLUcode rc;
  char *user = part(cu, CURLUPART_USER, CURLU_URLDECODE, &rc);
  if (!user) return rc == CURLUE_NO_USER ? CURLUE_OK : rc;
  char *password = part(cu, CURLUPART_PASSWORD, CURLU_URLDECODE, &rc);
  if (password || rc == CURLUE_NO_PASSWORD) {
    size_t cap = strlen(user) + (password ? strlen(password) : 0) + 2;
    u->credentials = malloc(cap);
    if (u->credentials) snprintf(u->credentials, cap, "%s:%s", user, password ? password : "");
    rc = u->credentials ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
  }
  if (password) explicit_bzero(password, strlen(password));
  free(password);
  free(user);
  return rc;
}

static CURLUcode take_all(kl_url *u, CURLU *cu, unsigned standard) {
  CURLUcode rc = take_host(u, cu);
  if (rc == CURLUE_OK) rc = take_port(u, cu, standard);
  if (rc == CURLUE_OK) rc = take_authority(u, standard);
  if (rc == CURLUE_OK) rc = take_target(u, cu);
  if (rc == CURLUE_OK) rc = take_credentials(u, cu);
  if (rc == CURLUE_OK) examine_host(u);
  return rc;
}

/* `text` without what stands in front of an '@', for messages: it may be a password. */
static const char *shown(const char *text) {
  const char *at = strrchr(text, '@');
  return at ? at + 1 : text;
}

static bool has_bad_bytes(const char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text <= 0x20 || *text == 0x7F) return true;
  }
  return false;
}

static bool check(const kl_url *u, const char *text, kl_error *e) {
  if (u->credentials) {
    kl_error_coded(e, KL_ERR_VALIDATION, "url_with_password",
                   "the address of '%s' must not have a user or password in it", shown(text));
    return false;
  }
  if (!u->tls && !u->loopback) {
    kl_error_coded(e, KL_ERR_VALIDATION, "url_unencrypted",
                   "'%s' would go over the network unencrypted, which is only done to 127.0.0.1, [::1] and localhost: "
                   "use %s",
                   text, !strncasecmp(text, "ws", 2) ? "wss://" : "https://");
    return false;
  }
  return true;
}

bool kl_url_parse(kl_url *u, kl_url_family family, const char *text, kl_error *e) {
  static const char *const schemes[][2] = {{"http", "https"}, {"ws", "wss"}};
  memset(u, 0, sizeof *u);
  CURLU *cu = curl_url();
  if (!cu) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an address");
    return false;
  }
  CURLUcode rc =
      has_bad_bytes(text) ? CURLUE_MALFORMED_INPUT : curl_url_set(cu, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
  char *scheme = rc == CURLUE_OK ? part(cu, CURLUPART_SCHEME, 0, &rc) : NULL;
  if (scheme) {
    u->tls = !strcasecmp(scheme, schemes[family][1]);
    if (!u->tls && strcasecmp(scheme, schemes[family][0]) != 0) rc = CURLUE_UNSUPPORTED_SCHEME;
    if (rc == CURLUE_OK) rc = take_all(u, cu, u->tls ? 443 : 80);
  }
  free(scheme);
  curl_url_cleanup(cu);
  bool ok = false;
  if (rc == CURLUE_OUT_OF_MEMORY) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an address");
  } else if (rc != CURLUE_OK) {
    kl_error_coded(e, KL_ERR_VALIDATION, "url_wrong", "'%s' is not an address of the form %s://host[:port]/path: %s",
                   shown(text), schemes[family][1], curl_url_strerror(rc));
  } else {
    ok = check(u, text, e);
  }
  if (!ok) kl_url_free(u);
  return ok;
}

/* ---- proxies ---- */

static const char *environment(const char *const *names) {
  for (; *names; names++) {
    const char *v = getenv(*names);
    if (v && *v) return v;
  }
  return NULL;
}

/* Whether a no_proxy list has the host: "*", the name itself, or a domain above it. */
static bool list_has(const char *list, const char *host) {
  size_t host_len = strlen(host);
  while (*list) {
    list += strspn(list, ", \t");
    size_t n = strcspn(list, ", \t");
    const char *entry = list;
    list += n;
    if (n == 1 && *entry == '*') return true;
    if (n && *entry == '.') {
      entry++;
      n--;
    }
    if (n > 2 && entry[0] == '[' && entry[n - 1] == ']') {
      entry++;
      n -= 2;
    }
    if (!n || n > host_len || strncasecmp(host + host_len - n, entry, n) != 0) continue;
    if (n == host_len || host[host_len - n - 1] == '.') return true;
  }
  return false;
}

bool kl_proxy_find(const kl_url *u, kl_url *proxy, kl_error *e) {
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
  static const char *const no_names[] = {"no_proxy", "NO_PROXY", NULL};
  memset(proxy, 0, sizeof *proxy);
  if (u->loopback) return true;
  const char *text = environment(names);
  const char *none = environment(no_names);
  if (!text || (none && list_has(none, u->host))) return true;
  CURLU *cu = curl_url();
  CURLUcode rc = cu ? curl_url_set(cu, CURLUPART_URL, text, CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME)
                    : CURLUE_OUT_OF_MEMORY;
  if (rc == CURLUE_OK && !strstr(text, "://")) rc = curl_url_set(cu, CURLUPART_SCHEME, "http", 0);
  char *scheme = rc == CURLUE_OK ? part(cu, CURLUPART_SCHEME, 0, &rc) : NULL;
  if (scheme && strcasecmp(scheme, "http") != 0) rc = CURLUE_UNSUPPORTED_SCHEME;
  if (rc == CURLUE_OK) rc = take_all(proxy, cu, PROXY_PORT);
  free(scheme);
  curl_url_cleanup(cu);
  if (rc == CURLUE_OK) return true;
  kl_url_free(proxy);
  if (rc == CURLUE_OUT_OF_MEMORY) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an address");
  } else {
    kl_error_coded(
        e, KL_ERR_CONFIG, "proxy_failed",
        "the proxy in the environment (https_proxy or all_proxy), '%s', cannot be used for the WebSocket: %s; "
        "it takes http://host:port, or set no_proxy",
        shown(text), curl_url_strerror(rc));
  }
  return false;
}
