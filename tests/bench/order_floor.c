/* The floor of the order bench: the least that a program on libcurl and OpenSSL does for one signed order. One easy
 * handle for all of them, the key loaded once, the answer left unread but for its status.
 *
 *   order_floor URL CA|- KEY.pem KEY_ID ORDERS WARM_UP PAUSE_MS asleep|awake sign|ready
 *
 * Between two orders it sleeps or keeps its core busy. "sign" signs within the measured time; "ready" has the signature
 * made before it begins. Prints one line of JSON with the median, the 90th and the 99th percentile in microseconds. */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH "/trade-api/v2/portfolio/events/orders"

enum { SIGNATURE_MAX = 512, LINE_MAX_BYTES = 1024 };

typedef struct headers {
  struct curl_slist *list;
  char key[LINE_MAX_BYTES], timestamp[64], signature[LINE_MAX_BYTES];
} headers;

static void die(const char *what, const char *why) {
  fprintf(stderr, "order_floor: %s: %s\n", what, why);
  exit(1);
}

static int64_t now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static EVP_PKEY *load_key(const char *path) {
  FILE *f = fopen(path, "r");
  EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
  if (!key) die(path, "not a private key");
  fclose(f);
  if (EVP_PKEY_size(key) > SIGNATURE_MAX) die(path, "longer than 4096 bits");
  return key;
}

/* base64 of the RSA-PSS signature over `text`. */
static void sign(EVP_PKEY *key, const char *text, char *out) {
  unsigned char raw[SIGNATURE_MAX];
  size_t n = sizeof raw;
  EVP_PKEY_CTX *settings;
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  if (!c || EVP_DigestSignInit(c, &settings, EVP_sha256(), NULL, key) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1 ||
      EVP_DigestSign(c, raw, &n, (const unsigned char *)text, strlen(text)) != 1)
    die("an order", "OpenSSL does not sign it");
  EVP_MD_CTX_free(c);
  EVP_EncodeBlock((unsigned char *)out, raw, (int)n);
}

static void make_headers(headers *h, EVP_PKEY *key, const char *key_id) {
  long long ms = now_ns(CLOCK_REALTIME) / 1000000;
  char text[128], signature[SIGNATURE_MAX * 4 / 3 + 8];
  snprintf(text, sizeof text, "%lldPOST" PATH, ms);
  sign(key, text, signature);
  snprintf(h->key, sizeof h->key, "KALSHI-ACCESS-KEY: %s", key_id);
  snprintf(h->timestamp, sizeof h->timestamp, "KALSHI-ACCESS-TIMESTAMP: %lld", ms);
  snprintf(h->signature, sizeof h->signature, "KALSHI-ACCESS-SIGNATURE: %s", signature);
  const char *const lines[] = {
      "Accept: application/json", "Content-Type: application/json", "Expect:", h->key, h->timestamp, h->signature};
  h->list = NULL;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    h->list = curl_slist_append(h->list, lines[i]);
    if (!h->list) die("an order", "not enough memory");
  }
}

static size_t on_body(char *p, size_t size, size_t count, void *data) {
  size_t *bytes = data;
  (void)p;
  *bytes += size * count;
  return size * count;
}

static void send_order(CURL *curl, const headers *h, int number) {
  char body[512];
  size_t answered = 0;
  long status = 0;
  int n = snprintf(body, sizeof body,
                   "{\"ticker\":\"KXBENCH-26NOV25-T1\",\"client_order_id\":\"0b6b6d0e-2f3a-4a5e-8a53-%012d\","
                   "\"side\":\"bid\",\"count\":\"1.00\",\"price\":\"0.4200\",\"time_in_force\":\"good_till_canceled\","
                   "\"self_trade_prevention_type\":\"taker_at_cross\"}",
                   number);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, h->list);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)n);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answered);
  CURLcode rc = curl_easy_perform(curl);
  if (rc != CURLE_OK) die("an order", curl_easy_strerror(rc));
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 201 || answered == 0) die("an order", "it was not answered with 201 and a body");
}

static void rest(int ms, bool awake) {
  int64_t end = now_ns(CLOCK_MONOTONIC) + ms * INT64_C(1000000);
  if (ms && !awake) nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
  while (now_ns(CLOCK_MONOTONIC) < end)
    ;
}

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 10) {
    fputs("usage: order_floor URL CA|- KEY.pem KEY_ID ORDERS WARM_UP PAUSE_MS asleep|awake sign|ready\n", stderr);
    return 2;
  }
  EVP_PKEY *key = load_key(argv[3]);
  int orders = atoi(argv[5]), warm_up = atoi(argv[6]), pause_ms = atoi(argv[7]);
  bool awake = !strcmp(argv[8], "awake"), ready = !strcmp(argv[9], "ready");
  int64_t *times = calloc(orders > 0 ? (size_t)orders : 1, sizeof *times);
  char url[512];
  snprintf(url, sizeof url, "%s" PATH, argv[1]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *curl = curl_easy_init();
  if (!curl || !times || orders < 1) die("start", "curl, memory or ORDERS");
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  if (strcmp(argv[2], "-") != 0) curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);

  for (int i = -warm_up; i < orders; i++) {
    headers h;
    /* Signed before the pause: the work would warm the core for the call, as nothing does for one out of the blue. */
    if (ready) make_headers(&h, key, argv[4]);
    rest(pause_ms, awake);
    int64_t begin = now_ns(CLOCK_MONOTONIC);
    if (!ready) make_headers(&h, key, argv[4]);
    send_order(curl, &h, i + warm_up);
    int64_t took = now_ns(CLOCK_MONOTONIC) - begin;
    if (i >= 0) times[i] = took;
    curl_slist_free_all(h.list);
  }
  qsort(times, (size_t)orders, sizeof *times, by_size);
  printf("{\"median\":%.1f,\"p90\":%.1f,\"p99\":%.1f}\n", (double)times[orders / 2] / 1e3,
         (double)times[(size_t)orders * 90 / 100] / 1e3, (double)times[(size_t)orders * 99 / 100] / 1e3);
  curl_easy_cleanup(curl);
  curl_global_cleanup();
  EVP_PKEY_free(key);
  free(times);
  return 0;
}
